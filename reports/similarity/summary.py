"""The similarities of a report as text for a terminal: matrix, ranking, and how sure the order is."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from reports.intervals import interval
from reports.similarity.report import Report, matrix

PLUS_MINUS = "\N{PLUS-MINUS SIGN}"
WIDTH = 110
"""Columns of text after which the matrix goes on below."""
LEAST_SPAN = 0.05
"""Values that are closer than this are coloured by their difference from the mean pair."""
LEAST_ERRORS, MOST_ERRORS = 4.0, 10.0
"""Standard errors at which the colours of differences end: no fewer, lest noise look large, and no more."""
LEAST_DIFFERENCE = LEAST_SPAN / 2
"""The same where no error is known, so that a difference that may mean nothing stays pale."""


@dataclass(frozen=True)
class Differences:
    """How far pairs are from their mean, task x task; NaN where undefined.

    Attributes:
        mean: of all pairs.
        values: differences from it.
        in_errors: the same in standard errors of the difference, paired over seeds; NaN where none is known.
    """

    mean: float
    values: np.ndarray
    in_errors: np.ndarray

    @property
    def has_errors(self) -> bool:
        return bool(np.isfinite(self.in_errors).any())

    @property
    def shown(self) -> np.ndarray:
        """What colours stand for: differences in standard errors where they are known."""
        return self.in_errors if self.has_errors else self.values

    @property
    def reach(self) -> float:
        """Where colours end, as far below 0 as above it."""
        farthest = float(np.nanmax(np.abs(self.shown)))
        if self.has_errors:
            return min(max(farthest, LEAST_ERRORS), MOST_ERRORS)
        return max(farthest, LEAST_DIFFERENCE)


def near_equal(report: Report, layer_method: str, sim_method: str) -> Differences | None:
    """How far each pair is from the mean pair, over all sparsities, where all are nearly equal; else None.

    Raises:
        UserError: as ``Report.select``.
    """
    pairs = report.pairs(layer_method, sim_method)
    defined = [one for one in pairs.values() if np.isfinite(one.value)]
    numbers = [one.value for one in defined]
    if len(defined) < 2 or max(numbers) - min(numbers) >= LEAST_SPAN:
        return None
    mean = float(np.mean(numbers))
    seeds = [one.seeds for one in defined if one.seeds is not None]
    middle = np.mean(seeds, axis=0) if seeds and len(seeds) == len(defined) else None
    size = len(report.tasks)
    values, in_errors = np.full((2, size, size), np.nan)
    for i, j in combinations(range(size), 2):
        pair = pairs[frozenset((report.tasks[i], report.tasks[j]))]
        error = interval(pair.seeds - middle).stderr if pair.seeds is not None and middle is not None else pair.stderr
        values[i, j] = values[j, i] = pair.value - mean
        if error > 0:
            in_errors[i, j] = in_errors[j, i] = (pair.value - mean) / error
    return Differences(mean, values, in_errors)


def ranking(
    report: Report, layer_method: str, sim_method: str, sparsities: Sequence[int] | None = None
) -> pd.DataFrame:
    """The pairs from most to least similar; pairs without a defined similarity come last.

    Returns:
        indexed by (task_a, task_b): ``value``, ``stderr``, and against the pair below: ``gap``, the difference;
        ``low`` and ``high``, the ends of its interval (see ``Similarity.less``), NaN where no error is known;
        ``certain``, whether the interval excludes zero.

    Raises:
        UserError: as ``Report.select``.
    """
    frame = report.select(layer_method, sim_method, sparsities)
    frame = frame.sort_values("value", ascending=False, kind="stable", na_position="last")
    pairs = report.pairs(layer_method, sim_method, sparsities)
    order = [pairs[frozenset(pair)] for pair in frame.index.tolist()]
    gaps = [above.less(below) for above, below in zip(order, order[1:], strict=False)]
    for name, attribute in (("gap", "mean"), ("low", "low"), ("high", "high")):
        frame[name] = [*(getattr(found, attribute) for found in gaps), np.nan]
    frame["certain"] = frame["low"] > 0
    return frame


def ranking_text(
    report: Report,
    layer_method: str,
    sim_method: str,
    sparsities: Sequence[int] | None = None,
    limit: int = 10,
) -> str:
    """The ranking, one line per pair, with a remark wherever the order is not known.

    Args:
        limit: of many pairs, so many from each end are listed.

    Raises:
        UserError: as ``Report.select``.
    """
    ranked = ranking(report, layer_method, sim_method, sparsities)
    names = ["/".join(pair) for pair in ranked.index]
    width = max(map(len, names))
    lines = []
    numbers = ranked[["value", "stderr", "gap", "low", "high"]].to_numpy(float)
    for place, (name, (value, error, gap, low, high)) in enumerate(zip(names, numbers, strict=True), start=1):
        line = f"{place:>3}. {name:<{width}}  {cell(value, error)}"
        if low <= 0:
            reach = f"95 % interval {low:.3f} to {high:.3f}" if report.seeds else f"combined error {high - gap:.3f}"
            line += f"  order with the next uncertain: {gap:.3f} apart, {reach}"
        lines.append(line)
    if len(lines) > 2 * limit:
        lines[limit:-limit] = [f"     ... {len(lines) - 2 * limit} pairs in between"]
    if report.num_seeds == 1:
        lines.append("One seed only: no standard error is known, and the order may change with another seed.")
    return "\n".join(lines)


def matrix_text(
    report: Report, layer_method: str, sim_method: str, sparsities: Sequence[int] | None = None
) -> str:
    """The task x task matrix, each value with its standard error where one is known."""
    values = matrix(report, layer_method, sim_method, sparsities).to_numpy()
    errors = matrix(report, layer_method, sim_method, sparsities, "stderr").to_numpy()
    size = range(len(report.tasks))
    cells = [["1" if i == j else cell(values[i, j], errors[i, j]) for j in size] for i in size]
    return pd.DataFrame(cells, report.tasks, report.tasks).to_string(line_width=WIDTH)


def cell(value: float, error: float) -> str:
    """A similarity with its standard error as text; "undefined" where there is none."""
    if np.isnan(value):
        return "undefined"
    return f"{value:.3f}" if np.isnan(error) else f"{value:.3f} {PLUS_MINUS}{error:.3f}"
