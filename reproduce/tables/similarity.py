"""Similarities at initialisation, beside those of the Meta-Sparse report."""

from typing import ClassVar

from configs import UserError
from reports.similarity.report import read_report
from reports.tables import markdown
from reports.tables_file import Section
from reports.wording import counted
from reproduce.page import UNDEFINED, head
from reproduce.plan import TablePlan
from reproduce.published.similarity import SimilarityRow, our_rows, rows_beside_paper, summary, text_cells
from reproduce.tables.base import Table, table_settings

SOURCE = "the Meta-Sparse report; 50 batches, 4 seeds"


class SimilaritySection(Section):
    """The rows of the report, each with every pair of tasks, and how many networks were scored with what."""

    seeds: int
    batches: int
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
        try:
            rows = rows_beside_paper(report)
        except UserError:  # nothing is published
            rows = our_rows(report)
        counts = {"seeds": report.num_seeds, "batches": report.num_batches}
        return SimilaritySection(settings=table_settings(plan), rows=rows, **counts)

    def text(self, section: SimilaritySection) -> str:
        note = summary(section.rows)
        title = head("Similarity at initialisation", section.settings, SOURCE if note else None)
        seeds, batches = counted(section.seeds, "seed"), counted(section.batches, "batch")
        counts = f"Mean over {seeds}, {batches} each. {note}".strip()
        return "\n".join([title, markdown(text_cells(section.rows, UNDEFINED)), f"{counts}\n"])

    def verdict(self, section: SimilaritySection) -> str:
        return summary(section.rows)
