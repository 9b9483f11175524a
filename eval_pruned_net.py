"""Evaluate a multi-task network on the test split: every task's metrics, sparsity, parameters, multiply-adds.

Takes our checkpoints and the published ones. Writes eval_<run>.json.
"""

import argparse
from pathlib import Path

from configs import flags


def main() -> None:
    arguments = parse_arguments()
    from reports.evaluation import evaluation_text
    from runtime import device
    from runtime.provenance import Stopwatch, provenance
    from runtime.setup import prepare
    from training.checkpoints.identities import evaluation_identity
    from training.checkpoints.networks import network_to_evaluate
    from training.constant import constant_network, without_constant
    from training.describing import evaluation_file
    from training.evaluation import evaluate_with_bar

    setup = prepare(flags.SharedFlags.of(arguments))
    run, path, net, checkpoint = network_to_evaluate(setup, arguments.method, arguments.ratio, arguments.checkpoint)
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
        out = setup.dest / f"eval_{run}.json"
        file.write(out)
        remarks = without_constant(setup) if arguments.constant else []
        print("\n".join([evaluation_text(file), *remarks, f"\nAll of it: {out}"]))
    device.stop()


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
