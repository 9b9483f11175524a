"""Make a trained network small and fast: write it compactly, with fewer channels, or as a program.

compact: a checkpoint with masks as bits and only the kept weights, bit for bit the same network; small: a checkpoint of
a physically smaller dense network; program: torch.export; onnx: ONNX. Every form is compared with the checkpoint on
images of the test split before it is kept, and all are timed side by side. eval_pruned_net.py and all else that reads
checkpoints reads the first two.
"""

import argparse
from dataclasses import replace
from pathlib import Path

from configs import UserError, flags


def main() -> None:
    arguments = parse_arguments()
    from reports.export import ExportFile, export_text
    from runtime.provenance import Stopwatch, provenance
    from runtime.setup import prepare
    from training.exporting.formats import chosen_formats
    from training.exporting.running import as_it_was, measured, write

    shared = flags.SharedFlags.of(arguments)
    formats, left_out = chosen_formats(arguments.formats)
    setup = prepare(replace(shared, tasks=None))
    if setup.runtime.world > 1:
        raise UserError("export_net.py works in one process; start it without torchrun")
    run, source = find_source(setup, arguments)
    watch = Stopwatch()
    with watch.stage("writing and comparing"):
        forms = as_it_was(source)
        forms += [write(form, source, setup.dest / f"{run}{form.ending}") for form in formats]
    with watch.stage("timing"):
        rows = measured(source, forms, arguments.repeats)
    file = ExportFile(
        run=run,
        dataset=setup.config.name,
        tasks=list(source.setup.tasks),
        checkpoint=str(source.path),
        image=tuple(source.frames[0].shape[-2:]),
        images=len(source.frames),
        repeats=arguments.repeats,
        removed_channels=source.smaller[1] if any("torch_pruning" in form.needs for form in formats) else None,
        forms=rows,
        provenance={"device": str(setup.runtime.device), **provenance(setup.runtime, watch.seconds)},
    )
    out = setup.dest / f"{run}_export.json"
    file.write(out)
    report(file, left_out, out, export_text(file))


def find_source(setup, arguments: argparse.Namespace):
    """What the exported files are called, and the network: that of a run, or of a file."""
    from training.checkpoints.networks import find_run
    from training.exporting.source import open_source
    from training.names import BASELINE

    run, path = "", arguments.checkpoint
    if path is None:
        run, path = find_run(setup, arguments.method, None if arguments.method == BASELINE else arguments.ratio)
    source = open_source(setup, path, arguments.tasks, arguments.images)
    parts = [run or path.stem]
    if arguments.tasks is not None:
        parts += arguments.tasks
    return "_".join(parts), source


def parse_arguments() -> argparse.Namespace:
    parser = flags.script_parser(__doc__ or "")
    add = parser.add_argument_group("export; --tasks names the heads to keep").add_argument
    add("--method", default="baseline", help="which run of launch_training.py, trained with all tasks, to export")
    add("--ratio", type=flags.percentage, default=90, help="its sparsity in percent; a baseline has none")
    add("--checkpoint", type=Path, help="export the network in this file; its heads are those it has")
    add("--formats", type=flags.names_list,
        help="of compact, small, program, onnx, comma-separated; default: all that can be written here")
    add("--images", type=flags.positive, default=4, help="images of the test split to compare predictions on")
    add("--repeats", type=flags.positive, default=9, help="turns, of which times an image are the medians")
    return parser.parse_args()


def report(file, left_out: list[str], out: Path, table: str) -> None:
    """The table, and where everything is."""
    from reports.wording import counted

    print(table)
    if file.removed_channels is not None:
        print(f"\nThe smaller network lacks {counted(file.removed_channels, 'channel')} that nothing read")
    for form in file.forms[2:]:
        print(f"{form.form}: {form.file}")
    for text in left_out:
        print(text)
    print(f"All of it: {out}")


if __name__ == "__main__":
    flags.run_script(main)
