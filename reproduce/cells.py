"""Numbers of finished runs as cells of a table, in the unit of the paper, beside the published ones."""

from collections.abc import Iterable, Mapping, Sequence
from math import nan

from reports.evaluation import EvaluationFile
from reports.intervals import interval
from reports.tables_file import Cell, Cells, Column, Columns
from reproduce.planned import Seeds
from reproduce.progress import evaluation_of
from reproduce.published import Numbers, Printed
from tasks import Task

BySeed = Mapping[int, EvaluationFile]
"""What was measured, by seed."""


def finished_rows(rows: Sequence[Seeds]) -> list[tuple[Seeds, BySeed]]:
    """The rows of which a seed is finished, with the results that are there."""
    found = []
    for row in rows:
        files = {run.setup.seed: evaluation_of(run) for run in row}
        found.append((row, {seed: file for seed, file in files.items() if file is not None}))
    return [(row, results) for row, results in found if results]


def columns_of(tasks: Mapping[str, Task], published: Numbers) -> Columns:
    """For each task its metrics."""
    columns: Columns = {}
    for name, task in tasks.items():
        columns[name] = []
        for metric, up in task.higher_is_better.items():
            numbers = _column(name, metric, published)
            scale = numbers[0].scale if numbers else 1.0
            decimals = max((number.decimals for number in numbers), default=None)
            columns[name].append(Column(metric=metric, higher_is_better=up, scale=scale, decimals=decimals))
    return columns


def cells_of(
    tasks: Iterable[str], columns: Columns, results: BySeed, published: Numbers, row: str, several: bool
) -> Cells:
    """Means over seeds.

    Args:
        tasks: that the results are of.
        row: of the published numbers.
        several: whether more than one seed was asked for, so that each one's value is to be kept.
    """
    cells: Cells = {}
    for task in tasks:
        cells[task] = {}
        for column in columns[task]:
            printed = published.get((task, row, column.metric))
            measured = {seed: file.metrics[task][column.metric] for seed, file in results.items()}
            values = {seed: nan if value is None else value * column.scale for seed, value in measured.items()}
            cells[task][column.metric] = mean_cell(values, printed.value if printed else None, several)
    return cells


def mean_cell(values: Mapping[int, float], published: float | None, several: bool) -> Cell:
    """The mean of a number over seeds (NaN where undefined), and its standard error."""
    mean = interval(list(values.values()))
    return Cell(ours=mean.mean, stderr=mean.stderr, seeds=values if several else {}, published=published)


def _column(task: str, metric: str, published: Numbers) -> list[Printed]:
    return [number for (of, _, name), number in published.items() if (of, name) == (task, metric)]
