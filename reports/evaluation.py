"""``eval_<run>.json``: how well a network does, how sparse it is and what it costs; and the same in words."""

from collections.abc import Mapping
from typing import Any, ClassVar

import pandas as pd

from reports.files import JsonFile, Part, Value
from reports.sparsity import sparsity_text

UP, DOWN = "\N{UPWARDS ARROW}", "\N{DOWNWARDS ARROW}"

Metrics = dict[str, dict[str, Value]]
"""Task -> metric -> value; None where it is undefined."""
ByClass = dict[str, dict[str, dict[str, Value]]]
"""Task -> metric -> class -> value; None where it is undefined."""
NOTHING = "-"
"""In a table of classes: undefined."""
WIDTH = 110
"""Characters in a line of a table of classes."""


class Counted(Part):
    """Weights of a layer or part, and how many of them are pruned, in percent."""

    kept: int
    pruned: int
    weights: int
    sparsity: float


class Sparsities(Part):
    """Sparsity of the whole network in percent, of its parts and of its layers."""

    all: float
    parts: dict[str, Counted]
    layers: dict[str, Counted]


class Cost(Part):
    """A count for the network without its masks and with them."""

    dense: int
    sparse: int


class ImageCost(Cost):
    """Multiply-adds for one image of a height and a width."""

    image: tuple[int, int]


class EvaluationFile(JsonFile):
    """One network on the test split.

    Attributes:
        ratio: sparsity that was asked for, in percent; None for a dense network.
        details: what the checkpoint says of how it was made.
        by_class: metrics of each class, of tasks that have classes; empty in files of earlier versions.
        constant: metrics of the best constant prediction, where they were asked for.
    """

    what: ClassVar[str] = "an evaluation"
    writer: ClassVar[str] = "eval_pruned_net.py"

    run: str
    dataset: str
    tasks: list[str]
    method: str
    ratio: int | None
    checkpoint: str
    checkpoint_bytes: int
    details: dict[str, Any]
    sparsity: Sparsities
    parameters: Cost
    multiply_adds: ImageCost
    metrics: Metrics
    by_class: ByClass = {}
    constant: Metrics | None = None
    higher_is_better: dict[str, dict[str, bool]]
    config: dict[str, Any]
    provenance: dict[str, Any]


def evaluation_text(file: EvaluationFile) -> str:
    """Sparsity, cost and metrics as tables."""
    size, adds = file.parameters, file.multiply_adds
    height, width = adds.image
    counts = {name: (layer.kept, layer.weights) for name, layer in file.sparsity.layers.items()}
    return "\n".join(
        [
            sparsity_text(counts),
            f"\nParameters: {size.dense:,} dense, {size.sparse:,} sparse",
            f"Multiply-adds for {height} x {width} pixels: {adds.dense:,} dense, {adds.sparse:,} sparse",
            f"Checkpoint: {file.checkpoint}, {file.checkpoint_bytes / 2**20:.1f} MiB",
            f"\n{file.dataset}, test split ({UP} more is better, {DOWN} less is better)",
            metrics_text(file),
            *(f"\n{classes_text(task, metrics)}" for task, metrics in file.by_class.items()),
        ]
    )


def metrics_text(file: EvaluationFile) -> str:
    """One row per metric: task, metric, arrow, value, and that of the best constant prediction if it is known."""
    columns = {"value": file.metrics}
    if file.constant is not None:
        columns["best constant"] = file.constant
    rows = [
        (task, metric, UP if better_up else DOWN, *(values.get(task, {}).get(metric) for values in columns.values()))
        for task, metrics in file.higher_is_better.items()
        for metric, better_up in metrics.items()
    ]
    frame = pd.DataFrame(rows, columns=["task", "metric", "", *columns]).astype(dict.fromkeys(columns, float))
    return frame.to_string(index=False, float_format=lambda value: f"{value:.4f}", na_rep="undefined")


def classes_text(task: str, metrics: Mapping[str, Mapping[str, float | None]]) -> str:
    """Every class of a task with its metrics, several in a line, in columns to be read downwards."""
    classes = list(dict.fromkeys(name for values in metrics.values() for name in values))
    numbers = [[number_text(values.get(name), NOTHING).rjust(6) for values in metrics.values()] for name in classes]
    longest = max(map(len, classes), default=0)
    cells = [f"{name:<{longest}}  {'  '.join(row)}" for name, row in zip(classes, numbers, strict=True)]
    across = max(1, (WIDTH + 4) // (max(map(len, cells), default=0) + 4))
    down = -(-len(cells) // across)
    lines = ["    ".join(cells[start::down]) for start in range(down)]
    undefined = f"; {NOTHING}: undefined" if any(None in values.values() for values in metrics.values()) else ""
    return "\n".join([f"{task} by class: {', '.join(metrics)}{undefined}", *lines])


def number_text(value: float | None, undefined: str = "undefined") -> str:
    """A metric as tables show it."""
    return undefined if value is None else f"{value:.4f}"
