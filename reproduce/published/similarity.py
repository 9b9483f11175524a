"""The published similarities on NYUv2 (Meta-Sparse report; 4 seeds, 50 batches), and ours beside them."""

from dataclasses import dataclass
from itertools import combinations
from math import isnan, nan
from pathlib import Path

import numpy as np
import pandas as pd

from configs import UserError
from reports.similarity import Report, whole_table
from reports.tables import decimals

PUBLISHED = Path(__file__).with_name("nyuv2_similarity.tsv")
DATASET = "nyuv2"
TASKS = ("seg", "sn", "depth")
PAIRS = [f"{a}/{b}" for a, b in combinations(TASKS, 2)]


@dataclass(frozen=True)
class PaperComparison:
    """Our similarities beside the published ones.

    Attributes:
        rows: indexed by (weighting, metric, sparsities), columns (pair, "ours" | "paper" | "diff"), where the
            difference is ours less the paper's; NaN where ours is undefined.
        agrees: for each row, whether the order of the pairs is the paper's; None where ours is undefined.
    """

    rows: pd.DataFrame
    agrees: list[bool | None]

    def summary(self) -> str:
        """One line: in how many rows the order agrees, and the mean absolute difference."""
        judged = [agrees for agrees in self.agrees if agrees is not None]
        differences = np.abs(self.rows.xs("diff", axis="columns", level=1).to_numpy())
        known = differences[~np.isnan(differences)]
        return (
            f"The order of the pairs agrees in {sum(judged)} of {len(judged)} rows; "
            f"mean absolute difference {known.mean():.3f} over {len(known)} values."
        )

    def cells(self, missing: str) -> pd.DataFrame:
        """The rows as text for ``tables``, with a last column that says whether the order agrees."""
        frame = decimals(self.rows, missing)
        for pair in PAIRS:
            frame[(pair, "diff")] = decimals(self.rows[[(pair, "diff")]], missing, signed=True)
        words = {True: "agrees", False: "differs", None: missing}
        frame[("", "order")] = [words[agrees] for agrees in self.agrees]
        return frame


def published_similarity() -> pd.DataFrame:
    """The published values, indexed by (weighting, metric, sparsities), one column per pair."""
    frame = pd.read_csv(PUBLISHED, sep="\t", dtype={"sparsities": str})
    return frame.set_index(["weighting", "metric", "sparsities"])


def compare(report: Report) -> PaperComparison:
    """Set a report's values beside the published ones; what either lacks is left out.

    Raises:
        UserError: the report is not of NYUv2 with the published tasks, or has none of the published rows.
    """
    if report.dataset != DATASET or not set(TASKS) <= set(report.tasks):
        raise UserError(
            f"{report.source}: --compare_paper: the published numbers are of {DATASET} with the tasks "
            f"{', '.join(TASKS)}; this file holds {report.dataset} with {', '.join(report.tasks)}"
        )
    ours = _lookup(report)
    rows: dict[tuple[str, str, str], list[float]] = {}
    agrees: list[bool | None] = []
    table = published_similarity()[PAIRS]
    for name, numbers in zip(table.index.tolist(), table.to_numpy(float).tolist(), strict=True):
        weighting, metric, sparsities = name
        chosen = frozenset(sparsities.split(","))
        values = [ours.get((weighting, metric, chosen, frozenset(pair.split("/"))), nan) for pair in PAIRS]
        if all(isnan(value) for value in values):
            continue
        rows[name] = [cell for a, b in zip(values, numbers, strict=True) for cell in (a, b, a - b)]
        agrees.append(orders_agree(values, numbers))
    if not rows:
        raise UserError(
            f"{report.source}: --compare_paper: none of the published rows is in this file; run "
            f"static_similarity.py with --sparsities 30,50,70,90, or some of these"
        )
    return PaperComparison(_frame(rows), agrees)


def orders_agree(ours: list[float], published: list[float]) -> bool | None:
    """Whether no two entries stand in opposite orders, judged by the three decimals that are printed.

    A tie, in ours or in the published numbers, contradicts neither order. None if one of ours is undefined.
    """
    if any(isnan(value) for value in ours):
        return None
    a, b = ([float(f"{value:.3f}") for value in values] for values in (ours, published))
    return all((a[i] - a[j]) * (b[i] - b[j]) >= 0 for i, j in combinations(range(len(a)), 2))


def _lookup(report: Report) -> dict[tuple[str, str, frozenset[str], frozenset[str]], float]:
    """Our values by the report's names; neither the order of sparsities nor that within a pair matters."""
    table = whole_table(report)
    sets = [frozenset(chosen.split(",")) for chosen in table.columns.get_level_values("sparsities")]
    pairs = [frozenset(pair.split("/")) for pair in table.columns.get_level_values("pair")]
    return {
        (weighting, metric, chosen, pair): value
        for (weighting, metric), row in zip(table.index.tolist(), table.to_numpy(float).tolist(), strict=True)
        for chosen, pair, value in zip(sets, pairs, row, strict=True)
    }


def _frame(rows: dict[tuple[str, str, str], list[float]]) -> pd.DataFrame:
    return pd.DataFrame(
        list(rows.values()),
        index=pd.MultiIndex.from_tuples(list(rows), names=["weighting", "metric", "sparsities"]),
        columns=pd.MultiIndex.from_product([PAIRS, ["ours", "paper", "diff"]]),
    )
