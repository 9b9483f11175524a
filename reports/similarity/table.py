"""The table of the Meta-Sparse report as text cells, under the names of the report and of the flags."""

from typing import Literal

import pandas as pd

from reports.similarity.report import METRIC_NAMES, WEIGHTING_NAMES, Report
from reports.tables import decimals

ERROR = " se"
"""Ends the heading of a column of standard errors."""
WEIGHTING_TEXTS = {
    "equal": "every layer counts 1",
    "linear": "layer number l, counted from 0, counts l",
    "linear_plus_one": "it counts l + 1",
    "five_zeros": "the first five layers count 0, all others 1",
    "av_sparsity": "s_a + s_b, the shares of the layer that the two tasks prune",
    "min_sparsity": "the smaller of s_a and s_b",
    "epi_like": "1 - |n_a - n_b| / (n_a + n_b), n the weights that a task keeps of the layer",
}
"""What each weighting makes of a layer."""


def whole_table(report: Report, column: Literal["value", "stderr"] = "value") -> pd.DataFrame:
    """The table of the Meta-Sparse report with all that the file holds.

    Returns:
        values, or their standard errors, indexed by (weighting, metric), the report's names; columns (sparsity set,
        "task_a/task_b").
    """
    numbers = report.values if column == "value" else report.errors
    table = numbers.rename(index=WEIGHTING_NAMES, level=0).rename(index=METRIC_NAMES, level=1)
    table.index = table.index.set_names(["weighting", "metric"])
    chosen, task_a, task_b = (table.columns.get_level_values(level) for level in range(3))
    table.columns = pd.MultiIndex.from_arrays([chosen, task_a + "/" + task_b], names=["sparsities", "pair"])
    return table


def table_cells(report: Report, missing: str, errors: bool = False) -> pd.DataFrame:
    """All that the report holds, as text for ``reports.tables``; with ``errors``, each beside its standard error."""
    values = decimals(whole_table(report), missing)
    if not errors:
        return values
    margins = decimals(whole_table(report, "stderr"), missing)
    margins = margins.rename(columns=lambda pair: f"{pair}{ERROR}", level="pair")
    order = [place for pair in zip(range(values.shape[1]), range(values.shape[1], 2 * values.shape[1]), strict=True)
             for place in pair]
    return pd.concat([values, margins], axis=1).iloc[:, order]


def in_both_names(cells: pd.DataFrame) -> pd.DataFrame:
    """The same rows under the report's names of weightings and metrics, with those of the flags in brackets."""
    both = {name: f"{name} ({flag})" for flag, name in {**WEIGHTING_NAMES, **METRIC_NAMES}.items() if flag != name}
    return cells.rename(index=both, level="weighting").rename(index=both, level="metric")


def explained(cells: pd.DataFrame) -> str:
    """What the weightings of these rows, by the report's names, make of a layer."""
    flags = {name: flag for flag, name in WEIGHTING_NAMES.items()}
    used = dict.fromkeys(cells.index.get_level_values("weighting"))
    texts = {name: WEIGHTING_TEXTS.get(flags.get(name, name)) for name in used}
    told = [f"{name}: {text}" for name, text in texts.items() if text is not None]
    return f"Weightings: {'; '.join(told)}." if told else ""
