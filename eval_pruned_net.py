"""Evaluate a multi-task network on the test split: every task's metrics, sparsity, parameters, multiply-adds.

Takes our checkpoints and the published ones. Writes eval_<run>.json.
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
    from training.checkpoints.networks import open_network
    from training.constant import constant_network, without_constant
    from training.describing import evaluation_file
    from training.evaluation import evaluate_with_bar

    setup = prepare(flags.SharedFlags.of(arguments))
    run, path = chosen_network(setup, arguments)
    net, checkpoint = open_network(setup, path)
    setup.runtime.arrange(net)
    watch = Stopwatch()
    with watch.stage("evaluation"):
        results = evaluate_with_bar(net, setup)
        constant = evaluate_with_bar(constant_network(setup), setup) if arguments.constant else None
    if setup.runtime.is_main:
        file = evaluation_file(
            setup,
            net,
            checkpoint,
            path,
            run=run,
            metrics=results,
            constant=constant,
            provenance={"seed": setup.seed, **provenance(setup.runtime, watch.seconds)},
            identity=evaluation_identity(setup, checkpoint),
        )
        remarks = without_constant(setup) if arguments.constant else []
        report(file, remarks, setup.dest / f"eval_{run}.json")
    device.stop()


def chosen_network(setup, arguments: argparse.Namespace) -> tuple[str, Path]:
    """The name of the run, and its file: the one named, or the latest network of the method."""
    from training.checkpoints.networks import find_run
    from training.names import BASELINE

    if arguments.checkpoint is not None:
        return arguments.checkpoint.stem, arguments.checkpoint
    return find_run(setup, arguments.method, None if arguments.method == BASELINE else arguments.ratio)


def report(file, remarks: list[str], out: Path) -> None:
    """Write the evaluation, and print it."""
    from reports.evaluation import evaluation_text

    file.write(out)
    print("\n".join([evaluation_text(file), *remarks, f"\nAll of it: {out}"]))


def parse_arguments() -> argparse.Namespace:
    parser = flags.script_parser(__doc__ or "")
    add = parser.add_argument_group("evaluation").add_argument
    add("--method", default="baseline", help="which run of launch_training.py to evaluate")
    add("--ratio", type=flags.percentage, default=90, help="its sparsity in percent; a baseline has none")
    add("--constant", action="store_true", help="beside it, the best constant prediction, found on the training split")
    add("--checkpoint", type=Path, help="evaluate this file; published ones need their tasks in order with --tasks")
    return parser.parse_args()


if __name__ == "__main__":
    flags.run_script(main)
