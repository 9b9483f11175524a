"""What a folder of results says, as one page for readers without a terminal: report.html needs nothing beside it.

It shows whatever of similarity.json, relatedness.json, groups.json, gains.json, iou.json, eval_<run>.json, logs of
training and pictures of predictions is there, a few samples of the data where these are at hand, and what all of it can
and cannot tell. Of the flags that all scripts share, those of the data set say where the data are.

    python make_report.py
    python make_report.py results/nyuv2 --open
"""

import argparse
from dataclasses import replace
from pathlib import Path

from configs import flags
from configs.flags import SharedFlags
from configs.paths import prepare_folder, write_text

PAGE = "report.html"


def main() -> None:
    arguments = parse_arguments()
    shared = SharedFlags.of(arguments)
    from reports.page.found import read_folder
    from reports.page.rendering import render
    from reproduce.beside import published_beside

    folder = arguments.folder or shared.destination(shared.settings(all_tasks=True))
    found = read_folder(folder)
    dest = prepare_folder(shared.dest or folder)
    sheet, remark = data_sheet(found, shared, dest)
    page = render(replace(found, sheet=sheet, published=published_beside(found)))
    write_text(dest / PAGE, page)
    print(report_text(found, remark))
    print(f"\nThe page, {len(page.encode()) / 2**20:.1f} MiB: {dest / PAGE}")
    if arguments.open:
        show(dest / PAGE)


def parse_arguments() -> argparse.Namespace:
    parser = flags.script_parser(__doc__ or "")
    add = parser.add_argument_group("report").add_argument
    add("folder", nargs="?", type=Path, help="the results to show; default: --dest or results/<dataset>")
    add("--open", action="store_true", help="show the page in the browser")
    return parser.parse_args()


def data_sheet(found, shared: SharedFlags, dest: Path):
    """Some samples of the data, of an earlier page where the data are not at hand; and why there are no new ones."""
    from configs import UserError
    from reports.page.found import SHEET
    from training.sheet import make_sheet, settings_for

    try:
        sheet = make_sheet(settings_for(shared, found.dataset, found.tasks, found.config))
    except UserError as error:
        kept = "; those of an earlier page are shown" if found.sheet is not None else ""
        return found.sheet, f"No new pictures of the data: {error}{kept}"
    sheet.write(dest / SHEET, indent=None)
    return sheet, None


def report_text(found, remark: str | None) -> str:
    """What the page holds, what it says in short, and what could not be used."""
    from reports.page.verdict import can_tell, cannot_tell

    names = [*found.files, *(f"{run}.csv" for run in found.logs), *found.predictions]
    lines = [f"{found.dataset}: {', '.join(names)}", can_tell(found), cannot_tell(found)]
    lines += [f"Not used: {problem}" for problem in found.unusable]
    return "\n".join(lines + ([remark] if remark else []))


def show(page: Path) -> None:
    """Open the page in the user's browser, if there is one."""
    import webbrowser

    if not webbrowser.open(page.resolve().as_uri()):
        print("--open: no browser was found here; open the file yourself")


if __name__ == "__main__":
    flags.run_script(main)
