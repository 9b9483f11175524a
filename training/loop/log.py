"""The CSV log of a run: one row per iteration, with the metrics in the rows of validations."""

import csv
from collections.abc import Mapping
from io import StringIO
from pathlib import Path

from configs import UserError
from configs.paths import write_text
from reports.training.log_columns import loss_column, metric_column
from tasks import Task
from training.evaluation import Results
from training.loop.ledger import Entry

Row = dict[str, float]

KEEP = 50
"""Rows held back before they are written, so that a fast loop does not open the file in every iteration."""


class TrainingLog:
    """Rows under the columns ``iteration``, ``lr``, ``loss`` (the weighted sum), ``loss_<task>`` and
    ``<task>_<metric>``; read it with pandas.

    Attributes:
        rows: what is not in the file yet.

    Args:
        path: the file, which nothing is written to before ``begin``.
        start: the iteration that the run goes on from; rows of the file after it are dropped by ``begin``, since the
            run does them again. 0 begins a new file.
    """

    def __init__(self, path: Path, tasks: Mapping[str, Task], start: int) -> None:
        self.path, self._start = path, start
        self.rows: list[Row] = []
        self._begun = False
        self._weights = {name: task.weight for name, task in tasks.items()}
        metrics = [metric_column(name, metric) for name, task in tasks.items() for metric in task.higher_is_better]
        self.columns = ["iteration", "lr", "loss", *map(loss_column, tasks), *metrics]

    def begin(self) -> None:
        """Make the file, with what is kept of an earlier one.

        Raises:
            UserError: the file cannot be written.
        """
        # What is held back was perhaps written when the run was cut off, right before its state was saved.
        last = min([self._start, *(int(row["iteration"]) - 1 for row in self.rows)])
        write_text(self.path, self._text([self.columns, *self._kept(last)]))
        self._begun = True

    def add(self, entry: Entry) -> None:
        """Note a step."""
        losses = dict(zip(self._weights, entry.losses, strict=True))
        total = sum(self._weights[task] * loss for task, loss in losses.items())
        by_task = {loss_column(task): loss for task, loss in losses.items()}
        self.rows.append({"iteration": entry.iteration, "lr": entry.lr, "loss": total, **by_task})
        if len(self.rows) > KEEP:
            self.write(hold=True)

    def add_results(self, results: Results) -> None:
        """Note a validation, in the row of the latest step."""
        for task, values in results.items():
            self.rows[-1].update({metric_column(task, metric): value for metric, value in values.items()})

    def write(self, hold: bool = False) -> None:
        """Append the rows to the file once it has begun; with ``hold`` all but the latest, which may get metrics yet.

        Raises:
            UserError: the file cannot be written.
        """
        count = len(self.rows) - hold
        if count <= 0 or not self._begun:
            return
        if not self.path.exists():  # somebody has removed it in mid-run; what comes from now on is kept all the same
            self._start = 0
            self.begin()
        lines = [[_number(row.get(column)) for column in self.columns] for row in self.rows[:count]]
        try:
            with self.path.open("a", encoding="utf-8", newline="") as file:
                file.write(self._text(lines))
        except OSError as error:
            raise UserError(f"cannot write {self.path}: {error.strerror}; free some space") from error
        del self.rows[:count]

    def _kept(self, start: int) -> list[list[str]]:
        """Whole rows of the file up to an iteration; none if it is not there or has other columns."""
        if start == 0 or not self.path.exists():
            return []
        try:
            header, *rows = csv.reader(StringIO(self.path.read_text(encoding="utf-8")))
        except (OSError, ValueError, csv.Error):
            return []
        if header != self.columns:
            return []
        # The last line may have been cut short when the run was killed.
        return [row for row in rows if len(row) == len(header) and row[0].isdecimal() and int(row[0]) <= start]

    def _text(self, rows: list[list[str]]) -> str:
        text = StringIO(newline="")
        csv.writer(text, lineterminator="\n").writerows(rows)
        return text.getvalue()


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.9g}"
