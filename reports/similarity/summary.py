"""The similarities of a report as text for a terminal: matrix, ranking, and how sure the order is."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from reports.similarity.report import Report, matrix

PLUS_MINUS = "\N{PLUS-MINUS SIGN}"
WIDTH = 110
"""Columns of text after which the matrix goes on below."""


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
