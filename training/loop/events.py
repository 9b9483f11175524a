"""The log of a run once more, as tensorboard reads it; the CSV file stays the one that runs go on from."""

import shutil
from pathlib import Path
from typing import Any

from configs import UserError
from training.evaluation import Results
from training.loop.ledger import Entry

FOLDER = "tensorboard"
"""In the folder of results; ``tensorboard --logdir`` takes it whole and shows all runs."""


class Events:
    """Writes ``<folder>/tensorboard/<run>/``.

    Args:
        folder: of results.
        name: of the run.
        tasks: names.
        start: the iteration that the run goes on from; what was written after it is taken back. 0 begins anew.

    Raises:
        UserError: tensorboard is not installed.
    """

    def __init__(self, folder: Path, name: str, tasks: list[str], start: int) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise UserError(
                "train.log=tensorboard: tensorboard is not installed; pip install tensorboard, or leave the setting out"
            ) from error
        self._make, self._folder, self._tasks, self._start = SummaryWriter, folder / FOLDER / name, tasks, start
        self._writer: Any = None
        self._early: list[Entry] = []

    def begin(self) -> None:
        """Make the folder, without what an earlier run of the name has left if this one begins.

        Raises:
            UserError: it cannot be written.
        """
        try:
            if self._start == 0:
                shutil.rmtree(self._folder, ignore_errors=True)
            self._writer = self._make(self._folder, purge_step=self._start + 1)
        except OSError as error:
            raise UserError(f"cannot write {self._folder}: {error.strerror}; name another --dest") from error
        for entry in self._early:
            self.add(entry)

    def add(self, entry: Entry) -> None:
        """Note a step: the rate, and each task's loss, not multiplied by its weight."""
        if self._writer is None:  # a run begins to write after its first step
            self._early.append(entry)
            return
        self._writer.add_scalar("lr", entry.lr, entry.iteration)
        for task, loss in zip(self._tasks, entry.losses, strict=True):
            self._writer.add_scalar(f"loss/{task}", loss, entry.iteration)

    def add_results(self, results: Results, iteration: int) -> None:
        """Note a validation."""
        for task, values in results.items():
            for metric, value in values.items():
                self._writer.add_scalar(f"{task}/{metric}", value, iteration)

    def flush(self) -> None:
        """Write what is left, so that no less is there than a run goes on from."""
        if self._writer is not None:
            self._writer.flush()
