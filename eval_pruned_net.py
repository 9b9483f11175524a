"""Evaluate a multi-task network on the test split: every task's metrics, sparsity, parameters, multiply-adds.

Takes our checkpoints and the published ones. Writes eval_<run>.json.
"""

import argparse
import json
from pathlib import Path

from configs import flags
from configs.paths import write_text

SCHEMA = 1


def main() -> None:
    arguments = parse_arguments()
    from reports.evaluation import evaluation_text, without_nan
    from runtime import device
    from runtime.provenance import Stopwatch, provenance
    from runtime.setup import prepare
    from training.constant import constant_network
    from training.describing import describe_network
    from training.evaluation import evaluate_with_bar
    from training.identities import evaluation_identity
    from training.names import BASELINE
    from training.networks import find_run, open_network

    setup = prepare(flags.SharedFlags.of(arguments))
    if arguments.checkpoint is None:
        ratio = None if arguments.method == BASELINE else arguments.ratio
        run, path = find_run(setup, arguments.method, ratio)
    else:
        run, path = arguments.checkpoint.stem, arguments.checkpoint
    net, checkpoint = open_network(setup, path)
    setup.runtime.arrange(net)
    watch = Stopwatch()
    with watch.stage("evaluation"):
        results = evaluate_with_bar(net, setup)
        constant = evaluate_with_bar(constant_network(setup), setup) if arguments.constant else None
    if setup.runtime.is_main:
        contents = {
            "schema": SCHEMA,
            "run": run,
            **describe_network(setup, net, checkpoint, path),
            "metrics": results,
            "constant": constant,
            "higher_is_better": {name: dict(task.higher_is_better) for name, task in setup.tasks.items()},
            "config": setup.config.model_dump(mode="json"),
            "provenance": {"seed": setup.seed, **provenance(setup.runtime, watch.seconds)},
            "identity": evaluation_identity(setup, checkpoint).model_dump(mode="json"),
        }
        out = setup.dest / f"eval_{run}.json"
        write_text(out, json.dumps(without_nan(contents), indent=1))
        print(f"{evaluation_text(contents)}\n\nAll of it: {out}")
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
