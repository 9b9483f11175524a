"""What ``eval_<run>.json`` says, in words."""

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from reports.sparsity import sparsity_text

UP, DOWN = "\N{UPWARDS ARROW}", "\N{DOWNWARDS ARROW}"


def evaluation_text(contents: Mapping[str, Any]) -> str:
    """Sparsity, cost and metrics as tables."""
    size, adds, layers = contents["parameters"], contents["multiply_adds"], contents["sparsity"]["layers"]
    height, width = adds["image"]
    counts = {name: (row["kept"], row["weights"]) for name, row in layers.items()}
    return "\n".join(
        [
            sparsity_text(counts),
            f"\nParameters: {size['dense']:,} dense, {size['sparse']:,} sparse",
            f"Multiply-adds for {height} x {width} pixels: {adds['dense']:,} dense, {adds['sparse']:,} sparse",
            f"Checkpoint: {contents['checkpoint']}, {contents['checkpoint_bytes'] / 2**20:.1f} MiB",
            f"\n{contents['dataset']}, test split ({UP} more is better, {DOWN} less is better)",
            metrics_text(contents),
        ]
    )


def metrics_text(contents: Mapping[str, Any]) -> str:
    """One row per metric: task, metric, arrow, value, and that of the best constant prediction if it is known."""
    columns = {"value": contents["metrics"]}
    if contents["constant"] is not None:
        columns["best constant"] = contents["constant"]
    rows = [
        (task, metric, UP if better_up else DOWN, *(values[task][metric] for values in columns.values()))
        for task, metrics in contents["higher_is_better"].items()
        for metric, better_up in metrics.items()
    ]
    frame = pd.DataFrame(rows, columns=["task", "metric", "", *columns])
    return frame.to_string(index=False, float_format=lambda value: f"{value:.4f}", na_rep="undefined")


def without_nan(value: Any) -> Any:
    """The same with None in place of numbers that JSON does not have."""
    if isinstance(value, dict):
        return {key: without_nan(entry) for key, entry in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value
