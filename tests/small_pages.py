"""Folders of results for a page: files whose numbers a reader can work out."""

import json
from itertools import combinations
from pathlib import Path
from typing import Any

TASKS = ("seg", "sn", "depth")
HOSTILE = (
    "<script>alert(1)</script>",
    "a\"b'c&amp;<b>$x^2$ {{ 7*7 }}",
    "line\nbreak\x07 \u202eturned",
    "W" * 190,
    "</svg></style><img src=http://x.invalid/a.png onerror=alert(2)>",
)
"""Names that would do something if a page took them for more than text."""


def relatedness(
    tasks: tuple[str, ...] = TASKS, blind: bool = False, replicates: int = 3, controls: bool = True
) -> dict[str, Any]:
    """Partner number b helps every task by 0.1 * (b + 1), +-0.01 over the replicates; floor 0, ceiling 1.

    ``blind``: there is a second estimator, whose ceiling is its floor.
    """
    size, steps = len(tasks), [0.01 * (replicate - 1) for replicate in range(replicates)]

    def matrix(value: Any) -> list[list[float | None]]:
        return [[None if a == b else value(a, b) for b in range(size)] for a in range(size)]

    def estimator(ceiling: float, sensitivity: float) -> dict[str, Any]:
        ends = {
            "floor": [matrix(lambda a, b: 0.0) for _ in steps],
            "ceiling": [[ceiling + step] * size for step in steps],
            "sensitivity": sensitivity,
        }
        return {
            "directed": True, "needs": "labels", "options": {}, "floor": None, "ceiling": None,
            "values": [matrix(lambda a, b, step=step: 0.1 * (b + 1) + step * (-1) ** b) for step in steps],
            "cost": {"seconds": 12.0, "forward_passes": 8, "backward_passes": 24, "peak_memory_mb": 1024},
            **(ends if controls else {}),
        }  # fmt: skip

    return {
        "schema": 1, "dataset": "rooms", "tasks": list(tasks), "replicates": replicates, "num_batches": 2,
        "config": {"name": "rooms", "tasks": {task: {"kind": "map", "channels": 1, "weight": 2.0} for task in tasks}},
        "provenance": {"command": ["task_relatedness.py", "--seed", "<3>"], "seconds": {"estimating": 61.0},
                       "peak_memory_mb": 2048, "peak_device_memory_mb": None, "device": "cpu"},
        "estimators": {"labels": estimator(1.0, 40.0), **({"snip": estimator(0.0, 0.5)} if blind else {})},
    }  # fmt: skip


def gains(tasks: tuple[str, ...] = TASKS, seeds: int = 3) -> dict[str, Any]:
    """Alone every task reaches 1; a pair with the first task gives both 1.2, any other 0.9; +0.01 for every seed."""

    def value(group: tuple[str, ...]) -> float:
        return 1.0 if len(group) == 1 else 1.2 if tasks[0] in group else 0.9

    runs = [
        {"tasks": list(group), "seed": seed, "value": {task: value(group) + 0.01 * seed * len(group) for task in group}}
        for size in (1, 2) for group in combinations(tasks, size) for seed in range(seeds)
    ]  # fmt: skip
    return {
        "schema": 1, "dataset": "rooms", "tasks": list(tasks), "metric": dict.fromkeys(tasks, "mIoU"),
        "higher_is_better": dict.fromkeys(tasks, True), "runs": runs,
    }  # fmt: skip


def iou(tasks: tuple[str, ...] = TASKS) -> dict[str, Any]:
    """Three layers; after the second the overlap falls most."""
    layers = [("backbone.conv1", 9), ("backbone.blocks.0.0.conv1", 8), ("backbone.blocks.0.0.conv2", 1)]
    return {
        "schema": 1, "dataset": "rooms", "tasks": list(tasks), "keep_ratio": 0.078, "num_batches": 2, "seed": 0,
        "layers": [{"name": name, "weights": 100, "kept_by_all": kept, "kept_by_any": 10, "iou": kept / 10}
                   for name, kept in layers],
        "total": 0.6, "watershed": "backbone.blocks.0.0.conv1", "config": {}, "provenance": {},
    }  # fmt: skip


def evaluation(
    run: str = "rooms_baseline",
    tasks: tuple[str, ...] = TASKS,
    dataset: str = "rooms",
    method: str = "baseline",
    ratio: int | None = None,
) -> dict[str, Any]:
    """One metric, mIoU, at 0.25 for each task; a constant reaches 0.1."""
    counted = {"kept": 10, "pruned": 0, "weights": 10, "sparsity": 0.0}
    return {
        "schema": 1, "run": run, "dataset": dataset, "tasks": list(tasks), "method": method, "ratio": ratio,
        "checkpoint": "best.pth", "checkpoint_bytes": 100, "details": {},
        "sparsity": {"all": 0.0, "parts": {"backbone": counted}, "layers": {"backbone.conv1": counted}},
        "parameters": {"dense": 1000, "sparse": 900},
        "multiply_adds": {"dense": 2_000_000, "sparse": 1_000_000, "image": [4, 6]},
        "metrics": {task: {"mIoU": 0.25} for task in tasks}, "constant": {task: {"mIoU": 0.1} for task in tasks},
        "higher_is_better": {task: {"mIoU": True} for task in tasks}, "config": {}, "provenance": {},
    }  # fmt: skip


def log(tasks: tuple[str, ...] = TASKS, iterations: int = 4) -> str:
    """The loss is 10 less the iteration; there are metrics at every second one, a tenth of it."""
    header = ["iteration", "lr", "loss", *(f"loss_{task}" for task in tasks), *(f"{task}_mIoU" for task in tasks)]
    rows = [
        [n, 0.1, 10 - n, *[1] * len(tasks), *[n / 10 if n % 2 == 0 else ""] * len(tasks)]
        for n in range(1, iterations + 1)
    ]
    return "".join(",".join(map(str, row)) + "\n" for row in (header, *rows))


def write(folder: Path, **files: dict[str, Any]) -> Path:
    """Write JSON files by their names without ``.json``; returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, contents in files.items():
        (folder / f"{name}.json").write_text(json.dumps(contents))
    return folder
