"""Where in the backbone do the tasks stop sharing weights?

Every task keeps the weights that it leans on most at initialisation. On each layer of the backbone, the weights that
all tasks keep are compared with those that any of them keeps: their quotient is the IoU. The watershed is the layer
after which it falls most.
"""

import argparse
from pathlib import Path

from configs import UserError, flags
from configs.paths import check_file, prepare_folder


def main() -> None:
    arguments = parse_arguments()
    if arguments.draw:
        draw_together(arguments.draw, arguments.out)
        return
    from relatedness.snip.iou import analyse
    from reports.iou import iou_text
    from reports.similarity.layer_figures import draw_ious
    from runtime import device
    from runtime.setup import prepare

    setup = prepare(flags.SharedFlags.of(arguments))
    if len(setup.tasks) < 2:
        raise UserError("--tasks: the analysis compares tasks; name two or more")
    scoring = setup.config.scoring
    keep_ratio = scoring.iou_keep_ratio if arguments.keep_ratio is None else arguments.keep_ratio
    if not 0 < keep_ratio <= 1:
        raise UserError(f"--keep_ratio (scoring.iou_keep_ratio): {keep_ratio} is not above 0 and at most 1")
    report = analyse(setup, arguments.num_batches or scoring.iou_batches, keep_ratio)
    if setup.runtime.is_main:
        report.write(setup.dest / "iou.json")
        draw_ious([report], setup.dest / "iou.png")
        print(iou_text(report))
        print(f"All numbers: {setup.dest / 'iou.json'}\nPicture: {setup.dest / 'iou.png'}")
    device.stop()


def parse_arguments() -> argparse.Namespace:
    parser = flags.script_parser(__doc__ or "")
    add = parser.add_argument_group("analysis").add_argument
    add("--keep_ratio", type=float, help="share of weights that each task keeps; default: scoring.iou_keep_ratio")
    add("--num_batches", type=flags.positive, help="batches to score with; default: scoring.iou_batches")
    add("--draw", nargs="+", type=Path, metavar="iou.json", help="only draw these files' analyses together")
    add("--out", type=Path, default=Path("iou_together.png"), help="the picture that --draw makes")
    return parser.parse_args()


def draw_together(files: list[Path], picture: Path) -> None:
    """One picture of several data sets' analyses."""
    from reports.iou import IoUFile, iou_text
    from reports.similarity.layer_figures import draw_ious

    reports = [IoUFile.read(path) for path in files]
    prepare_folder(picture.parent, "--out")
    check_file(picture, "--out")
    draw_ious(reports, picture)
    print("\n\n".join(iou_text(report) for report in reports))
    print(f"\nPicture: {picture}")


if __name__ == "__main__":
    flags.run_script(main)
