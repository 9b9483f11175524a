"""Our similarities in the rows of the Meta-Sparse report, on NYUv2 beside its own (4 seeds, 50 batches)."""

from collections.abc import Sequence
from itertools import combinations
from math import isnan, nan
from pathlib import Path
from typing import Literal

import pandas as pd

from configs import UserError
from reports.files import Part
from reports.similarity.report import METRIC_NAMES, WEIGHTING_NAMES, Report
from reports.similarity.table import whole_table
from reports.tables import decimals
from reports.tables_file import Cell

PUBLISHED = Path(__file__).with_name("nyuv2_similarity.tsv")
DATASET = "nyuv2"
TASKS = ("seg", "sn", "depth")
PAIRS = [f"{a}/{b}" for a, b in combinations(TASKS, 2)]
LABELS = ("weighting", "metric", "sparsities")
PARTS = {"ours": "ours", "se": "stderr", "paper": "published", "diff": "difference"}


class SimilarityRow(Part):
    """One weighting, metric and set of sparsities, by the report's names.

    Attributes:
        order_agrees: whether the order of the pairs is the published one; None where it is not known.
        values: by pair of tasks; ``ours`` is None where undefined.
    """

    weighting: str
    metric: str
    sparsities: str
    order_agrees: bool | None
    values: dict[str, Cell]


def published_similarity() -> pd.DataFrame:
    """The published values, indexed by (weighting, metric, sparsities), one column per pair."""
    frame = pd.read_csv(PUBLISHED, sep="\t", dtype={"sparsities": str})
    return frame.set_index(list(LABELS))


def our_rows(report: Report) -> list[SimilarityRow]:
    """The report's weightings and metrics at every set of sparsities, for any data set."""
    table = pd.DataFrame(whole_table(report).stack("sparsities", future_stack=True))
    rows = []
    for key, numbers in zip(table.index.tolist(), table.to_numpy(float).tolist(), strict=True):
        if key[0] in WEIGHTING_NAMES.values() and key[1] in METRIC_NAMES.values():
            values = {pair: Cell(ours=number) for pair, number in zip(table.columns, numbers, strict=True)}
            rows.append(_row(key, None, values))
    return rows


def rows_beside_paper(report: Report) -> list[SimilarityRow]:
    """Our values beside the published ones; what either lacks is left out.

    Raises:
        UserError: the report is not of NYUv2 with the published tasks, or has none of the published rows.
    """
    if report.dataset != DATASET or not set(TASKS) <= set(report.tasks):
        raise UserError(
            f"{report.source}: --compare_paper: the published numbers are of {DATASET} with the tasks "
            f"{', '.join(TASKS)}; this file holds {report.dataset} with {', '.join(report.tasks)}"
        )
    ours, errors, rows = _lookup(report, "value"), _lookup(report, "stderr"), []
    table = published_similarity()[PAIRS]
    for key, numbers in zip(table.index.tolist(), table.to_numpy(float).tolist(), strict=True):
        chosen = frozenset(key[2].split(","))
        places = [(*key[:2], chosen, frozenset(pair.split("/"))) for pair in PAIRS]
        values = [ours.get(place, nan) for place in places]
        if not all(isnan(value) for value in values):
            found = [errors.get(place, nan) for place in places]
            cells = [Cell(ours=a, stderr=e, published=b) for a, e, b in zip(values, found, numbers, strict=True)]
            rows.append(_row(key, orders_agree(values, numbers), dict(zip(PAIRS, cells, strict=True))))
    if not rows:
        raise UserError(
            f"{report.source}: --compare_paper: none of the published rows is in this file; run "
            f"static_similarity.py with --sparsities 30,50,70,90, or some of these"
        )
    return rows


def summary(rows: Sequence[SimilarityRow]) -> str:
    """One line: in how many rows the order agrees, and the mean absolute difference; "" without published numbers."""
    judged = [row.order_agrees for row in rows if row.order_agrees is not None]
    cells = [cell for row in rows for cell in row.values.values()]
    known = [abs(cell.difference) for cell in cells if cell.difference is not None]
    if not known:
        return ""
    return (
        f"The order of the pairs agrees in {sum(judged)} of {len(judged)} rows; "
        f"mean absolute difference {sum(known) / len(known):.3f} over {len(known)} values."
    )


def text_cells(rows: Sequence[SimilarityRow], missing: str, errors: bool = False) -> pd.DataFrame:
    """The rows as text for ``reports.tables``; with published numbers, a last column says whether the order agrees.

    Args:
        errors: whether each of ours has its standard error beside it, where published numbers are beside them too.
    """
    parts = {name: part for name, part in PARTS.items() if errors or part != "stderr"}
    index = pd.MultiIndex.from_tuples([(row.weighting, row.metric, row.sparsities) for row in rows], names=LABELS)
    beside = any(cell.published is not None for row in rows for cell in row.values.values())
    columns = {}
    for pair in rows[0].values:
        for name, part in parts.items() if beside else [("", "ours")]:
            numbers = pd.DataFrame({pair: [getattr(row.values[pair], part) for row in rows]}, dtype=float)
            columns[(pair, name) if beside else ("", pair)] = decimals(numbers, missing, signed=name == "diff")[pair]
    frame = pd.DataFrame(columns).set_index(index)
    if beside:
        words = {True: "agrees", False: "differs", None: missing}
        frame[("", "order")] = [words[row.order_agrees] for row in rows]
    return frame


def orders_agree(ours: list[float], published: list[float]) -> bool | None:
    """Whether no two entries stand in opposite orders, judged by the three decimals that are printed.

    A tie, in ours or in the published numbers, contradicts neither order. None if one of ours is undefined.
    """
    if any(isnan(value) for value in ours):
        return None
    a, b = ([float(f"{value:.3f}") for value in values] for values in (ours, published))
    return all((a[i] - a[j]) * (b[i] - b[j]) >= 0 for i, j in combinations(range(len(a)), 2))


def _lookup(
    report: Report, column: Literal["value", "stderr"]
) -> dict[tuple[str, str, frozenset[str], frozenset[str]], float]:
    """Our values or their errors by the report's names; no order of sparsities, or within a pair, matters."""
    table = whole_table(report, column)
    levels = (table.columns.get_level_values(level).tolist() for level in range(2))
    columns = [(frozenset(chosen.split(",")), frozenset(pair.split("/"))) for chosen, pair in zip(*levels, strict=True)]
    return {
        (*row, *column): value
        for row, numbers in zip(table.index.tolist(), table.to_numpy(float).tolist(), strict=True)
        for column, value in zip(columns, numbers, strict=True)
    }


def _row(key: tuple[str, str, str], agrees: bool | None, values: dict[str, Cell]) -> SimilarityRow:
    return SimilarityRow(**dict(zip(LABELS, key, strict=True)), order_agrees=agrees, values=values)
