"""What a plan is made of: the commands, files and identities of one network, or of one study at initialisation."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from prune_utils.sparsifiers.base import OneShot
from reports.files import JsonFile
from runtime.identity import Identity
from runtime.setup import Setup
from training.checkpoints.identities import Planned, evaluation_identity, pruning_identity, training_identity
from training.job import Job
from training.names import pruned_path

LOGS = "logs"


@dataclass(frozen=True)
class PlannedStudy:
    """One command that scores networks, trains none, and writes one file.

    Attributes:
        setup: settings, tasks and folder.
        name: of its step and its log.
        path, kind: of the file.
        batches: to score with, of all networks together.
        words: the script and the flags of its own.
        identify: gives the identity of the work, or of its parts by name; None for one that cannot be known again.
    """

    setup: Setup
    name: str
    path: Path
    kind: type[JsonFile]
    batches: int
    words: tuple[str, ...]
    identify: Callable[[], Identity | Mapping[str, str | None]]

    @cached_property
    def identity(self) -> Identity | Mapping[str, str | None]:
        return self.identify()

    @property
    def log(self) -> Path:
        return self.setup.dest / LOGS / f"{self.name}.log"

    def command(self) -> list[str]:
        return [*self.words, *self.setup.flags.words()]


@dataclass(frozen=True)
class PlannedTraining:
    """A network: pruned where its method prunes once, trained, evaluated.

    Attributes:
        job: what ``launch_training.py`` is to do.
        max_iters: the flag of that name; None: not given.
        source: the dense run whose network is pruned; None: the method prunes at initialisation, or while training.
    """

    job: Job
    max_iters: int | None = None
    source: "PlannedTraining | None" = None

    @property
    def setup(self) -> Setup:
        return self.job.setup

    @property
    def name(self) -> str:
        return self.job.name

    @property
    def tasks(self) -> tuple[str, ...]:
        return tuple(self.setup.tasks)

    @property
    def pruned(self) -> Path:
        """What ``create_pruned_net.py`` writes."""
        return pruned_path(self.setup, self.job.method, self.job.ratio)

    @property
    def path(self) -> Path:
        """What ``eval_pruned_net.py`` writes."""
        return self.setup.dest / f"eval_{self.name}.json"

    @property
    def log(self) -> Path:
        return self.setup.dest / LOGS / f"{self.name}.log"

    @cached_property
    def start(self) -> Identity | None:
        """Of the pruned network that training starts from; None where it starts from initialisation."""
        method = self.job.sparsifier
        if not isinstance(method, OneShot) or self.job.ratio is None:
            return None
        return pruning_identity(
            self.setup,
            self.job.method,
            method,
            ratio=self.job.ratio,
            keep_ratio="exact",
            num_batches=self.setup.config.scoring.num_batches,
            source=None if self.source is None else self.source.final,
        )

    @cached_property
    def identity(self) -> Identity:
        """Of training, whatever its length."""
        return training_identity(self.job, self.start)

    @property
    def final(self) -> Planned:
        """The network after the last iteration."""
        return Planned(self.identity, self.job.schedule.max_iters)

    @cached_property
    def result(self) -> Identity:
        """Of the metrics of the final network."""
        return evaluation_identity(self.setup, self.final)

    def command(self, kind: Literal["prune", "train", "evaluate"], *further: str) -> list[str]:
        """One of the run's commands, with further flags; without the interpreter."""
        scripts = {"prune": "create_pruned_net.py", "train": "launch_training.py", "evaluate": "eval_pruned_net.py"}
        ratio = [] if self.job.ratio is None else ["--ratio", str(self.job.ratio)]
        words = [scripts[kind], "--method", self.job.method, *ratio]
        if kind == "train" and self.max_iters is not None:
            words += ["--max_iters", str(self.max_iters)]
        return [*words, *further, *self.setup.flags.words()]


AnyRun = PlannedStudy | PlannedTraining
Seeds = tuple[PlannedTraining, ...]
"""The same network from one seed after another."""
