"""Evaluate a multi-task network on the test split: every task's metrics, sparsity, parameters, multiply-adds.

Takes our checkpoints and the published ones. Writes eval_<run>.json and a picture of samples, eval_<run>.png.
"""

import argparse
from pathlib import Path

from configs import flags


def main() -> None:
    arguments = parse_arguments()
    from runtime import device
    from runtime.provenance import Stopwatch, provenance
    from runtime.setup import prepare
    from training.checkpoints.identities import evaluation_identity
    from training.checkpoints.networks import network_to_evaluate
    from training.constant import evaluate_constant
    from training.describing import evaluation_file
    from training.evaluation import by_class, evaluate_with_bar
    from training.samples import SampleLosses, draw_evaluated

    setup = prepare(flags.SharedFlags.of(arguments), splits=("test",))
    run, path, net, checkpoint = network_to_evaluate(setup, arguments.method, arguments.ratio, arguments.checkpoint)
    setup.runtime.arrange(net)
    if arguments.predict is not None:
        say_predictions(setup, net, arguments.predict, setup.dest / f"predictions_{run}")
        device.stop()
        return
    watch, losses, gathered = Stopwatch(), SampleLosses(setup), {}
    with watch.stage("evaluation"):
        results = evaluate_with_bar(net, setup, watch=losses.add, at_end=gathered.update)
        constant = evaluate_constant(setup) if arguments.constant else None
    out = setup.dest / f"eval_{run}.json"
    picture = out.with_suffix(".png")
    left_out = draw_evaluated(setup, net, losses, picture)
    if setup.runtime.is_main:
        file = evaluation_file(
            setup, net, checkpoint, path, run=run, metrics=results, by_class=by_class(gathered, setup.tasks),
            constant=constant, provenance={"seed": setup.seed, **provenance(setup.runtime, watch.seconds)},
            identity=evaluation_identity(setup, checkpoint),
        )  # fmt: skip
        report(file, out, remarks_on(setup, arguments.constant, left_out), picture if picture.exists() else None)
    device.stop()


def remarks_on(setup, constant: bool, left_out: list[str]) -> list[str]:
    """What is missing in numbers and picture, and why."""
    from training.constant import without_constant

    remarks = without_constant(setup) if constant else []
    if left_out:
        remarks.append(f"Not in the picture, since their kind says no look (tasks/base.py): {', '.join(left_out)}")
    return remarks


def report(file, out: Path, remarks: list[str], picture: Path | None) -> None:
    """Write the evaluation, and print it."""
    from reports.evaluation import evaluation_text

    file.write(out)
    where = [f"\nAll of it: {out}", *([f"Samples: {picture}"] if picture is not None else [])]
    print("\n".join([evaluation_text(file), *remarks, *where]))


def parse_arguments() -> argparse.Namespace:
    parser = flags.script_parser(__doc__ or "")
    add = parser.add_argument_group("evaluation").add_argument
    add("--method", default="baseline", help="which run of launch_training.py to evaluate")
    add("--ratio", type=flags.percentage, default=90, help="its sparsity in percent; a baseline has none")
    add("--constant", action="store_true", help="beside it, the best constant prediction, found on the training split")
    add("--predict", type=Path, metavar="DIR", help="instead, write what the network says of every image in a folder")
    add("--checkpoint", type=Path, help="evaluate this file; published ones need their tasks in order with --tasks")
    return parser.parse_args()


def say_predictions(setup, net, folder: Path, out: Path) -> None:
    """Write predictions for a folder of images, and say where they are."""
    from reports.wording import counted
    from training.predicting import predict_folder

    if setup.runtime.is_main:
        count = predict_folder(setup, net, folder, out)
        print(f"Predictions for {counted(count, 'image')}, a file a task and a picture (_look.png) each: {out}")


if __name__ == "__main__":
    flags.run_script(main)
