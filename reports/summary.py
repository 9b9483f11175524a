"""The similarities of a report as text for a terminal: matrix, ranking, and how sure the order is."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from reports.intervals import paired_difference
from reports.similarity import Report, matrix

PLUS_MINUS = "\N{PLUS-MINUS SIGN}"
WIDTH = 110
"""Columns of text after which the matrix goes on below."""


def ranking(
    report: Report, layer_method: str, sim_method: str, sparsities: Sequence[int] | None = None
) -> pd.DataFrame:
    """The pairs from most to least similar; pairs without a defined similarity come last.

    Returns:
        indexed by (task_a, task_b): ``value``, ``stderr``, and against the pair below: ``gap``, the difference;
        ``low`` and ``high``, the ends of its 95 % interval, paired over seeds; ``certain``, whether that excludes
        zero. Files of earlier versions have no values of single seeds: there ``low`` and ``high`` are the gap less
        and plus sqrt(e1^2 + e2^2) of the two standard errors, as if they were independent. NaN where no error is
        known, and nothing is certain there.

    Raises:
        UserError: as ``Report.select``.
    """
    pairs = report.select(layer_method, sim_method, sparsities)
    frame = pairs.sort_values("value", ascending=False, kind="stable", na_position="last")
    frame["gap"] = frame["value"] - frame["value"].shift(-1)
    by_seed = report.by_seed(layer_method, sim_method, sparsities)
    if by_seed is None:
        error = np.hypot(frame["stderr"], frame["stderr"].shift(-1))
        frame["low"], frame["high"] = frame["gap"] - error, frame["gap"] + error
    else:
        seeds = by_seed.loc[frame.index].to_numpy()
        gaps = [paired_difference(above, below) for above, below in zip(seeds, seeds[1:], strict=False)]
        frame["low"], frame["high"] = ([*(getattr(gap, end) for gap in gaps), np.nan] for end in ("low", "high"))
    frame[["low", "high"]] = frame[["low", "high"]].where(frame["gap"].notna())
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
