"""Evaluate a multi-task network on the test split: every task's metrics, sparsity, parameters, multiply-adds.

Takes our checkpoints and the published ones. Writes eval_<run>.json.
"""

import argparse
import json
import math
import shlex
from pathlib import Path
from typing import Any

import pandas as pd
from tqdm import tqdm

from configs import UserError, flags
from configs.paths import write_text
from dataloaders import open_dataset
from models import MultitaskNet
from prune_utils.apply import kept_counts
from reports.sparsity import sparsity_by_layer, sparsity_by_part, sparsity_text
from runtime import device
from runtime.provenance import Stopwatch, provenance
from runtime.setup import Setup, prepare
from training.checkpoints import Checkpoint, read_checkpoint, restore
from training.constant import ConstantNet, constant_network
from training.costs import multiply_adds, parameters
from training.evaluation import Results, evaluate
from training.job import METHODS
from training.names import BASELINE, best_path, final_path, pruned_path, run_name

SCHEMA = 1
UP, DOWN = "\N{UPWARDS ARROW}", "\N{DOWNWARDS ARROW}"


def main() -> None:
    arguments = parse_arguments()
    setup = prepare(arguments)
    run, path = find_checkpoint(arguments, setup)
    checkpoint = read_checkpoint(path, list(setup.tasks))
    net = setup.network()
    restore(net, checkpoint, path)
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
        }
        out = setup.dest / f"eval_{run}.json"
        write_text(out, json.dumps(without_nan(contents), indent=1))
        print_report(setup, net, contents, results, constant)
        print(f"\nAll of it: {out}")
    device.stop()


def parse_arguments() -> argparse.Namespace:
    parser = flags.script_parser(__doc__ or "")
    add = parser.add_argument_group("evaluation").add_argument
    add("--method", choices=METHODS, default=BASELINE, help="which run of launch_training.py to evaluate")
    add("--ratio", type=flags.percentage, default=90, help="its sparsity in percent; a baseline has none")
    add("--constant", action="store_true", help="beside it, the best constant prediction, found on the training split")
    add("--checkpoint", type=Path, help="evaluate this file; published ones need their tasks in order with --tasks")
    return parser.parse_args()


def find_checkpoint(arguments: argparse.Namespace, setup: Setup) -> tuple[str, Path]:
    """The name for the results, and the file: --checkpoint, or the run's final, best or merely pruned network."""
    if arguments.checkpoint is not None:
        return arguments.checkpoint.stem, arguments.checkpoint
    ratio = None if arguments.method == BASELINE else arguments.ratio
    run = run_name(setup, arguments.method, ratio)
    candidates = [final_path(setup.dest, run), best_path(setup.dest, run), pruned_path(setup, arguments.method, ratio)]
    for path in candidates:
        if path.is_file():
            return run, path
    chosen = [] if ratio is None else ["--ratio", str(ratio)]
    train = ["python", "launch_training.py", "--method", arguments.method, *chosen, *flags.repeated(arguments)]
    raise UserError(
        f"{setup.dest} has no {candidates[0].name}; "
        f"first run: {shlex.join(train)}    (or name a file with --checkpoint)"
    )


def evaluate_with_bar(net: MultitaskNet | ConstantNet, setup: Setup) -> Results:
    """Metrics of every task over the test split."""
    images = len(open_dataset(setup.config, "test", keys=()))
    with tqdm(total=images, unit="img", disable=None if setup.runtime.is_main else True) as bar:
        return evaluate(net, setup, after_batch=lambda count: bar.update(count * setup.runtime.world))


def describe_network(setup: Setup, net: MultitaskNet, checkpoint: Checkpoint, path: Path) -> dict[str, Any]:
    """Where the network comes from, how sparse it is, and what it costs."""
    height, width = open_dataset(setup.config, "test", keys=()).read(0, "img").shape[-2:]
    counts = kept_counts(net)
    return {
        "dataset": setup.config.name,
        "tasks": list(setup.tasks),
        "method": checkpoint.method,
        "ratio": checkpoint.ratio,
        "checkpoint": str(path),
        "checkpoint_bytes": path.stat().st_size,
        "details": checkpoint.details,
        "sparsity": {
            "all": sparsity_by_part(counts).loc["all", "sparsity"],
            "parts": sparsity_by_part(counts).to_dict("index"),
            "layers": sparsity_by_layer(counts).to_dict("index"),
        },
        "parameters": vars(parameters(net)),
        "multiply_adds": {"image": [height, width], **vars(multiply_adds(net, height, width))},
    }


def print_report(
    setup: Setup, net: MultitaskNet, contents: dict[str, Any], results: Results, constant: Results | None
) -> None:
    """Sparsity, cost and metrics as tables."""
    print(sparsity_text(kept_counts(net)))
    size, adds = contents["parameters"], contents["multiply_adds"]
    height, width = adds["image"]
    print(f"\nParameters: {size['dense']:,} dense, {size['sparse']:,} sparse")
    print(f"Multiply-adds for {height} x {width} pixels: {adds['dense']:,} dense, {adds['sparse']:,} sparse")
    print(f"Checkpoint: {contents['checkpoint']}, {contents['checkpoint_bytes'] / 2**20:.1f} MiB")
    print(f"\n{setup.config.name}, test split ({UP} more is better, {DOWN} less is better)")
    print(metrics_text(setup, results, constant))


def metrics_text(setup: Setup, results: Results, constant: Results | None = None) -> str:
    """One row per metric: task, metric, arrow, value, and that of the best constant prediction if it is known."""
    columns = {"value": results} if constant is None else {"value": results, "best constant": constant}
    rows = [
        (name, metric, UP if better_up else DOWN, *(values[name][metric] for values in columns.values()))
        for name, task in setup.tasks.items()
        for metric, better_up in task.higher_is_better.items()
    ]
    frame = pd.DataFrame(rows, columns=["task", "metric", "", *columns])
    return frame.to_string(index=False, float_format=lambda value: f"{value:.4f}", na_rep="undefined")


def without_nan(value: Any) -> Any:
    """The same with None in place of numbers that JSON does not have."""
    if isinstance(value, dict):
        return {key: without_nan(entry) for key, entry in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value


if __name__ == "__main__":
    flags.run_script(main)
