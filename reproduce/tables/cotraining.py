"""Every task alone and with each partner, and whether the more similar partner was the better one."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import combinations
from typing import ClassVar

from reports.files import Part, Value
from reports.similarity.report import Similarities
from reports.tables import markdown_text
from reports.tables_file import Cell, Cells, Column, Columns, Section
from reproduce.cells import cells_of, columns_of, finished_rows
from reproduce.claim import (
    MEASURE,
    SPARSITY,
    WEIGHTING,
    Claim,
    comparisons,
    our_similarities,
    published_similarities,
    tally,
)
from reproduce.page import NOTHING, any_published, results_table
from reproduce.plan import TablePlan
from reproduce.planned import Seeds
from reproduce.published import published_numbers
from reproduce.tables.base import Table, TrainedSection, table_settings
from training.names import BASELINE

SOURCE = "the Meta-Sparse report's appendix; one run each"
ALONE = "alone"
MARKS = {True: "yes", False: "no", None: "undecided"}


class CotrainingRow(Part):
    """A task with a partner, or alone, and their similarity; None where it is not known, or undefined."""

    task: str
    partner: str
    similarity: Value
    values: Cells


class CotrainingSection(TrainedSection):
    """What was measured, and the report's claim in our numbers and in the published ones."""

    rows: list[CotrainingRow]
    claim: Claim
    published_claim: Claim


class CotrainingTable(Table[CotrainingSection]):
    """Dense networks: every task alone, then every pair."""

    name = "cotraining"
    kind: ClassVar = CotrainingSection
    of_pairs = True

    def rows(self, plan: TablePlan) -> list[Seeds]:
        names = list(plan.setup.tasks)
        groups = [*((name,) for name in names), *combinations(names, 2)]
        return [plan.seeds_of(BASELINE, 0, group) for group in groups]

    def fill(self, plan: TablePlan, before: Section | None) -> CotrainingSection:
        published = published_numbers(plan.setup.config.name, self.name)
        columns, several = columns_of(plan.setup.tasks, published), plan.wanted.num_seeds > 1
        similar, done = our_similarities(plan.studies[0].path), finished_rows(plan.rows)
        rows = []
        for name in columns:
            for seeds, results in done:
                tasks = seeds[0].tasks
                partner = next((other for other in tasks if other != name), ALONE)
                if name in tasks:
                    cells = cells_of([name], columns, results, published, partner, several)
                    pair = similar.get(frozenset((name, partner)))
                    similarity = None if pair is None else pair.value
                    rows.append(CotrainingRow(task=name, partner=partner, similarity=similarity, values=cells))
        return CotrainingSection(
            settings=table_settings(plan),
            columns=columns,
            rows=rows,
            claim=_claim(rows, columns, similar, _ours, several),
            published_claim=_claim(rows, columns, published_similarities(), _published),
            finished=sum(len(results) for _, results in done),
            planned=len(plan.runs),
        )

    def text(self, section: CotrainingSection) -> str:
        published = any_published(row.values for row in section.rows)
        title = "Co-training: each task alone and with each partner"
        texts = [section.opening(title, SOURCE if published else None)]
        likeness = f"Similarity at initialisation: {MEASURE}, layers weighted {WEIGHTING}, at {SPARSITY} %.\n"
        texts.append(likeness if section.rows else NOTHING)
        for task, columns in section.columns.items():
            rows = [row for row in section.rows if row.task == task]
            labels = {
                task: [row.partner if row.partner == ALONE else f"with {row.partner}" for row in rows],
                "similarity": ["" if row.similarity is None else f"{row.similarity:.3f}" for row in rows],
            }
            if rows:
                cells = [row.values for row in rows]
                texts += [f"### {markdown_text(task)}\n", results_table(cells, labels, {task: columns}, published)]
        question = "**Does similarity predict the better partner?**"
        texts += _with_details(question, section.claim, len(section.settings.seeds))
        texts += _with_details(f"{question} In the published numbers:", section.published_claim, 1)
        return "\n".join(texts)

    def verdict(self, section: CotrainingSection) -> str:
        return _claim_text(section.claim, len(section.settings.seeds)) if section.claim.comparisons else ""


def _claim(
    rows: Sequence[CotrainingRow],
    columns: Columns,
    similar: Similarities,
    numbers: Callable[[Cell], Mapping[int, float | None]],
    several: bool = False,
) -> Claim:
    """Judged by each task's first metric that is known.

    Args:
        numbers: of a cell, by seed.
    """
    mains: dict[str, Column] = {}
    results: dict[tuple[str, str], dict[int, float]] = {}
    for row in rows:
        for column in columns[row.task] if row.partner != ALONE else ():
            values = numbers(row.values[row.task][column.metric]).items()
            known = {seed: value for seed, value in values if value is not None}
            if known and mains.setdefault(row.task, column) == column:
                results[row.task, row.partner] = known
    higher = {task: column.higher_is_better for task, column in mains.items()}
    metrics = {task: column.metric for task, column in mains.items()}
    return tally(metrics, comparisons(similar, results, higher, several))


def _ours(cell: Cell) -> Mapping[int, float | None]:
    return cell.seeds or {0: cell.ours}


def _published(cell: Cell) -> Mapping[int, float | None]:
    return {0: cell.published}


def _claim_text(claim: Claim, num_seeds: int) -> str:
    """How often the more similar partner was the better one, and what that is worth."""
    metrics = ", ".join(f"{task}: {metric}" for task, metric in claim.metrics.items())
    reason = "a tie, or a difference within its 95 % interval over seeds"
    if not claim.judged:
        return f"{claim.undecided} comparisons of two partners of a task ({metrics}) are all undecided: {reason}."
    text = (
        f"In {claim.agree} of {claim.judged} comparisons of two partners of a task, the more similar one gave the "
        f"better result ({metrics})"
    )
    if claim.undecided:
        text += f"; {claim.undecided} more are undecided: {reason}"
    if num_seeds > 1:
        return f"{text}. Chance alone gives about half. Results are compared seed by seed, over {num_seeds} seeds."
    return f"{text}. Chance alone gives about half. Each number is one training run, so its spread is not known."


def _with_details(opening: str, claim: Claim, num_seeds: int) -> Iterable[str]:
    """Nothing where there is nothing to compare."""
    if not claim.comparisons:
        return []
    each = ", ".join(
        f"{entry.task} rather with {entry.near} than with {entry.far}: {MARKS[entry.agrees]}"
        for entry in claim.comparisons
    )
    said = markdown_text(f"{_claim_text(claim, num_seeds)} In detail: {each}.")
    return [f"{opening} {said}\n"]
