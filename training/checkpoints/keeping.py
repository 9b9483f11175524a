"""The files of a training run: checkpoints, log and picture. Only the main process writes."""

import time
from pathlib import Path
from typing import Any

from torch import nn

from reports.training.curves import draw_curves
from runtime.identity import Identity
from training.checkpoints.checkpoint import capture, write_checkpoint
from training.evaluation import Results
from training.job import Job
from training.loop.events import Events
from training.loop.ledger import Entry
from training.loop.log import TrainingLog

DRAW_EVERY = 60.0
"""Seconds at least between two drawings of the curves, each of which takes about one."""


class RunFiles:
    """Writes what a run leaves behind.

    Args:
        job: the run.
        split: that the run's networks are validated on.
        net: its network.
        identity: of the run, for every checkpoint.
        iteration: that the run goes on from; 0 begins a new log.
        rows: of the log, which an earlier process had not written yet.

    Attributes:
        log: None on processes other than the main one.
    """

    def __init__(
        self, job: Job, split: str, net: nn.Module, identity: Identity | None, iteration: int,
        rows: list[dict[str, float]],
    ) -> None:  # fmt: skip
        self._job, self._split, self._net, self._identity = job, split, net, identity
        self._drawn = time.monotonic()
        self.log = TrainingLog(job.log, job.setup.tasks, iteration) if job.setup.runtime.is_main else None
        self._events: Events | None = None
        if self.log is not None:
            self.log.rows = rows
            if job.setup.config.train.log == "tensorboard":
                self._events = Events(job.setup.dest, job.name, list(job.setup.tasks), iteration)

    def begin(self, anew: bool) -> None:
        """Make the log; of an earlier run that was kept until now, nothing may pass for this one's.

        Args:
            anew: whether the run begins, its first state saved, and does not go on.
        """
        if self.log is None:
            return
        for path in (self._job.best, self._job.final) if anew else ():
            path.unlink(missing_ok=True)
        self.log.begin()
        if self._events is not None:
            self._events.begin()

    def add(self, entry: Entry) -> None:
        """Note a step."""
        for log in (self.log, self._events):
            if log is not None:
                log.add(entry)

    def add_results(self, results: Results, iteration: int) -> None:
        """Note a validation, after this iteration."""
        if self.log is not None:
            self.log.add_results(results)
        if self._events is not None:
            self._events.add_results(results, iteration)

    def write(self, path: Path, **contents: Any) -> None:
        """Write the network to a checkpoint, with its ``training`` state or ``details``."""
        if self.log is not None:
            job = self._job
            captured = capture(job.setup, self._net, job.method, job.ratio, identity=self._identity, **contents)
            write_checkpoint(path, captured)
        if self._events is not None:
            self._events.flush()

    def draw(self, now: bool = True) -> None:
        """Draw the curves; unless it has to be ``now``, only if that is long ago."""
        if not now and time.monotonic() < self._drawn + DRAW_EVERY:
            return
        draw_run(self._job, self._split)
        self._drawn = time.monotonic()


def is_drawn(job: Job) -> bool:
    """Whether the picture is that of the log as it is; not so where a run was killed while it drew at its end."""
    return job.picture.exists() and job.picture.stat().st_mtime_ns >= job.log.stat().st_mtime_ns


def draw_run(job: Job, split: str) -> None:
    """Draw the curves of a run's log; on the main process only.

    Args:
        split: that the run's networks are validated on.
    """
    if job.setup.runtime.is_main and job.log.exists():
        mains = {name: task.main_metric for name, task in job.setup.tasks.items()}
        draw_curves(job.log, job.picture, mains, job.name, split)
