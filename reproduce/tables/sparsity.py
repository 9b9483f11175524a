"""Sparse networks: every method at every sparsity, beside the numbers of DiSparse."""

from collections.abc import Iterable
from contextlib import suppress
from typing import ClassVar

from configs import UserError
from prune_utils.sparsifiers.registry import find_sparsifier
from reports.files import Part
from reports.tables_file import Cells, Columns, Section
from reproduce.cells import BySeed, cells_of, columns_of, finished_rows
from reproduce.page import NOTHING, any_published, head, missing_text, results_table
from reproduce.plan import TablePlan
from reproduce.planned import Seeds
from reproduce.published import published_numbers
from reproduce.tables.base import Table, table_settings
from training.job import Job
from training.names import BASELINE

SOURCE = "Sun et al., DiSparse (CVPR 2022), at 90 %"


class SparsityRow(Part):
    """A method at a sparsity in percent (None: dense), and the sparsity that was measured."""

    method: str
    ratio: int | None
    sparsity: float
    values: Cells


class SparsitySection(Section):
    """What was measured."""

    columns: Columns
    rows: list[SparsityRow]
    finished: int
    planned: int


class SparsityTable(Table[SparsitySection]):
    """The dense network first, if it is in the table or pruned from; then every method, sparsity by sparsity."""

    name = "sparsity"
    kind: ClassVar = SparsitySection

    def rows(self, plan: TablePlan) -> list[Seeds]:
        wanted = [(method, ratio) for ratio in plan.wanted.ratios for method in dict.fromkeys(plan.wanted.methods)]
        sparse = [entry for entry in wanted if entry[0] != BASELINE]
        dense = len(sparse) < len(wanted) or any(_is_pruned_from_trained(method, plan) for method, _ in sparse)
        return _networks(plan, [*([(BASELINE, None)] if dense else []), *sparse])

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
        title = head("Sparse networks", section.settings, SOURCE if published else None)
        table = results_table(cells, labels, section.columns, published) if rows else NOTHING
        return "\n".join([title, missing_text(section.finished, section.planned), table])


Entry = tuple[str, int | None]
"""A method, and its sparsity in percent; None: dense."""


def _row_name(job: Job) -> str:
    """Of the published numbers."""
    return job.method if job.ratio is None else f"{job.method}_{job.ratio}"


def _networks(plan: TablePlan, entries: Iterable[Entry]) -> list[Seeds]:
    """The networks of these rows, from the first seed to the last."""
    names = list(plan.setup.tasks)
    dense = plan.seeds_of(BASELINE, 0, names)
    return [
        dense
        if method == BASELINE
        else plan.seeds_of(method, ratio or 0, names, dense if _is_pruned_from_trained(method, plan) else None)
        for method, ratio in entries
    ]


def _is_pruned_from_trained(method: str, plan: TablePlan) -> bool:
    return find_sparsifier(method, plan.setup.config).trained


def _earlier(plan: TablePlan, before: Section | None) -> list[tuple[Seeds, BySeed]]:
    """Rows of earlier calls that are not in this plan, where they have results with the settings of this one."""
    earlier = None if before is None else before.as_kind(SparsitySection)
    planned = {(seeds[0].job.method, seeds[0].job.ratio) for seeds in plan.rows}
    found: list[Seeds] = []
    for row in earlier.rows if earlier is not None else ():
        if (row.method, row.ratio) not in planned:
            with suppress(UserError):  # a method of the user's own that is not there any more
                found += _networks(plan, [(row.method, row.ratio)])
    return finished_rows(found)
