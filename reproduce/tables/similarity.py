"""Similarities at initialisation, beside those of the Meta-Sparse report."""

from typing import ClassVar

import pandas as pd

from configs import UserError
from reports.files import Part
from reports.similarity import METRIC_NAMES, WEIGHTING_NAMES, Report, read_report, whole_table
from reports.tables_file import Cell, Section
from reproduce.page import UNDEFINED, head, markdown_table, number_text, parts_of
from reproduce.plan import TablePlan
from reproduce.published.similarity import compare
from reproduce.tables.base import Table, table_settings

SOURCE = "the Meta-Sparse report; 50 batches, 4 seeds"
LABELS = ("weighting", "metric", "sparsities")
ORDER = {True: "agrees", False: "differs", None: UNDEFINED}


class SimilarityRow(Part):
    """One weighting, metric and set of sparsities.

    Attributes:
        order_agrees: whether the order of the pairs is the published one; None where it is not known.
        values: by pair of tasks.
    """

    weighting: str
    metric: str
    sparsities: str
    order_agrees: bool | None
    values: dict[str, Cell]


class SimilaritySection(Section):
    """The rows of the report, each with every pair of tasks.

    Attributes:
        seeds: how many networks were scored.
        note: how well the rows agree with the report.
    """

    seeds: int
    batches: int
    note: str
    rows: list[SimilarityRow]


class SimilarityTable(Table[SimilaritySection]):
    """``static_similarity.py`` alone; nothing is trained."""

    name = "similarity"
    kind: ClassVar = SimilaritySection
    of_pairs = True

    def fill(self, plan: TablePlan, before: Section | None) -> SimilaritySection | None:
        path = plan.studies[0].path
        if not path.exists():
            return None
        report = read_report(path)
        ours, paper, agrees, note = _against_paper(report) or _ours_alone(report)
        rows = []
        for key, numbers, judgement in zip(ours.index.tolist(), ours.to_numpy(float).tolist(), agrees, strict=True):
            printed = [None] * len(numbers) if paper is None else paper.loc[key].tolist()
            pairs = zip(ours.columns, numbers, printed, strict=True)
            cells = {pair: Cell(ours=a, published=b) for pair, a, b in pairs}
            rows.append(SimilarityRow(**dict(zip(LABELS, key, strict=True)), order_agrees=judgement, values=cells))
        return SimilaritySection(
            settings=table_settings(plan), seeds=report.num_seeds, batches=report.num_batches, note=note, rows=rows
        )

    def text(self, section: SimilaritySection) -> str:
        rows = section.rows
        published = any(cell.published is not None for row in rows for cell in row.values.values())
        labels = {name: [getattr(row, name) for row in rows] for name in LABELS}
        columns: dict[tuple[str, str], list[str]] = {}
        for pair in rows[0].values:
            for part in parts_of(published):
                name = (pair, part) if published else ("", pair)
                columns[name] = [number_text(row.values[pair], part, 3) for row in rows]
        if published:
            columns["", "order"] = [ORDER[row.order_agrees] for row in rows]
        counts = f"Mean over {section.seeds} seed(s), {section.batches} batches each. {section.note}".strip()
        title = head("Similarity at initialisation", section.settings, SOURCE if published else None)
        return "\n".join([title, markdown_table(labels, columns), f"{counts}\n"])

    def verdict(self, section: SimilaritySection) -> str:
        return section.note


Compared = tuple[pd.DataFrame, pd.DataFrame | None, list[bool | None], str]


def _against_paper(report: Report) -> Compared | None:
    """Ours and the published similarities, whether the order agrees, and a summary; None if nothing is published."""
    try:
        comparison = compare(report)
    except UserError:
        return None
    parts = comparison.rows.columns.get_level_values(1)
    ours, paper = (comparison.rows.loc[:, parts == part].droplevel(1, axis="columns") for part in ("ours", "paper"))
    return ours, paper, comparison.agrees, comparison.summary()


def _ours_alone(report: Report) -> Compared:
    """The same rows for other data sets: the report's weightings and metrics at every set of sparsities."""
    table = pd.DataFrame(whole_table(report).stack("sparsities", future_stack=True))
    names = [(weighting, metric) for weighting in WEIGHTING_NAMES.values() for metric in METRIC_NAMES.values()]
    ours = table[[key[:2] in names for key in table.index.tolist()]]
    return ours, None, [None] * len(ours), ""
