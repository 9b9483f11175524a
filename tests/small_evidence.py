"""Measured gains of three tasks of which everything can be worked out by hand, and estimates beside them.

    gain      with a   with b   with c
    a                    0.3      0.1
    b          -0.1               0.2
    c           0.2      0.1

Each is best with the next one in the circle a, b, c.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from reports.gains import GainsFile
from reports.relatedness.file import EstimatorCost, EstimatorResult

TASKS = ["a", "b", "c"]
NAN = float("nan")
GAINS = np.array([[NAN, 0.3, 0.1], [-0.1, NAN, 0.2], [0.2, 0.1, NAN]])
ALONE = 1.0


def gains_file(by_seed: Sequence[np.ndarray] = (GAINS,), iterations: int | None = 5) -> GainsFile:
    """A gains file with these gains, [T, T] for each seed; a's metric is the lower the better."""
    runs = []
    for seed, gains in enumerate(by_seed):
        runs += [{"tasks": [task], "seed": seed, "value": {task: ALONE}} for task in TASKS]
        for i, j in ((0, 1), (0, 2), (1, 2)):
            value = {TASKS[i]: _metric(i, gains[i, j]), TASKS[j]: _metric(j, gains[j, i])}
            runs.append({"tasks": [TASKS[i], TASKS[j]], "seed": seed, "value": value})
    content: dict[str, Any] = {
        "schema": 1,
        "dataset": "three",
        "tasks": TASKS,
        "metric": {"a": "err", "b": "acc", "c": "acc"},
        "higher_is_better": {"a": False, "b": True, "c": True},
        "runs": [{**run, "iterations": iterations} for run in runs],
    }
    return GainsFile.parse(content, "gains.json")


def estimate(*replicates: np.ndarray, passes: int = 3) -> EstimatorResult:
    """What an estimator says in some replicates; floor 0, ceiling 1."""
    values = np.stack(replicates)
    return EstimatorResult(
        directed=True,
        needs="init",
        options={},
        values=values.tolist(),
        floor=np.where(np.isnan(values), NAN, 0.0).tolist(),
        ceiling=np.ones(values.shape[:2]).tolist(),
        sensitivity=10.0,
        cost=EstimatorCost(seconds=1.0, forward_passes=1, backward_passes=passes - 1, peak_memory_mb=1.0),
    )


def _metric(task: int, gain: float) -> float:
    return ALONE - gain if TASKS[task] == "a" else ALONE + gain
