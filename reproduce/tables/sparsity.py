"""Sparse networks: every method at every sparsity, beside the numbers of DiSparse."""

from contextlib import suppress
from typing import ClassVar

from configs import UserError
from reports.files import Part
from reports.tables_file import Cells, Section
from reproduce.cells import BySeed, cells_of, columns_of, finished_rows
from reproduce.page import NOTHING, any_published, results_table
from reproduce.plan import TablePlan
from reproduce.planned import Seeds
from reproduce.published import published_numbers
from reproduce.tables.base import Table, TrainedSection, table_settings
from training.job import Job
from training.names import BASELINE

SOURCE = "Sun et al., DiSparse (CVPR 2022), at 90 %"


class SparsityRow(Part):
    """A method at a sparsity in percent (None: dense), and the sparsity that was measured."""

    method: str
    ratio: int | None
    sparsity: float
    values: Cells


class SparsitySection(TrainedSection):
    """What was measured."""

    rows: list[SparsityRow]


class SparsityTable(Table[SparsitySection]):
    """The dense network first, if it is in the table or pruned from; then every method, sparsity by sparsity."""

    name = "sparsity"
    kind: ClassVar = SparsitySection

    def rows(self, plan: TablePlan) -> list[Seeds]:
        names, methods = list(plan.setup.tasks), list(dict.fromkeys(plan.wanted.methods))
        sparse = [
            plan.seeds_of(method, ratio, names)
            for ratio in plan.wanted.ratios
            for method in methods
            if method != BASELINE
        ]
        needed = BASELINE in methods or any(seeds[0].source is not None for seeds in sparse)
        return [plan.seeds_of(BASELINE, 0, names), *sparse] if needed else sparse

    def fill(self, plan: TablePlan, before: Section | None) -> SparsitySection:
        tasks = plan.setup.tasks
        # What is published is of the published tasks together.
        same_tasks = set(tasks) == set(plan.paper.tasks)
        published = published_numbers(plan.setup.config.name, self.name) if same_tasks else {}
        columns, several = columns_of(tasks, published), plan.wanted.num_seeds > 1
        done = finished_rows(plan.rows)
        every = sorted([*done, *_earlier(plan, before)], key=lambda entry: entry[0][0].job.ratio or 0)
        rows = [
            SparsityRow(
                method=seeds[0].job.method,
                ratio=seeds[0].job.ratio,
                sparsity=next(iter(results.values())).sparsity.all,
                values=cells_of(tasks, columns, results, published, _row_name(seeds[0].job), several),
            )
            for seeds, results in every
        ]
        return SparsitySection(
            settings=table_settings(plan),
            columns=columns,
            rows=rows,
            finished=sum(len(results) for _, results in done),
            planned=len(plan.runs),
        )

    def text(self, section: SparsitySection) -> str:
        rows, cells = section.rows, [row.values for row in section.rows]
        published = any_published(cells)
        labels = {
            "method": [row.method for row in rows],
            "sparsity": ["" if row.ratio is None else f"{row.ratio} %" for row in rows],
            "measured": [f"{row.sparsity:.2f} %" for row in rows],
        }
        opening = section.opening("Sparse networks", SOURCE if published else None)
        table = results_table(cells, labels, section.columns, published) if rows else NOTHING
        return f"{opening}\n{table}"


def _row_name(job: Job) -> str:
    """Of the published numbers."""
    return job.method if job.ratio is None else f"{job.method}_{job.ratio}"


def _earlier(plan: TablePlan, before: Section | None) -> list[tuple[Seeds, BySeed]]:
    """Rows of earlier calls that are not in this plan, where they have results with the settings of this one."""
    earlier = None if before is None else before.as_kind(SparsitySection)
    planned = {(seeds[0].job.method, seeds[0].job.ratio) for seeds in plan.rows}
    found: list[Seeds] = []
    for row in earlier.rows if earlier is not None else ():
        if (row.method, row.ratio) not in planned:
            with suppress(UserError):  # a method of the user's own that is not there any more
                found.append(plan.seeds_of(row.method, row.ratio or 0, list(plan.setup.tasks)))
    return finished_rows(found)
