"""What a plan is made of: the flags, commands and files of one network, or of one study at initialisation."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar, Literal

from configs.flags import SharedFlags
from prune_utils.sparsifiers.base import OneShot
from relatedness.snip.running import SimilarityStudy
from reports.files import JsonFile
from reports.similarity_file import SimilarityFile
from runtime.identity import Identity
from runtime.setup import Setup
from training.identities import Planned, evaluation_identity, pruning_identity, training_identity
from training.job import Job
from training.names import pruned_path

LOGS = "logs"
SPARSITIES = (30, 50, 70, 90)
"""Of a similarity report, in percent."""

Words = list[str]
"""A command: the script and its flags, without the interpreter."""
Kind = Literal["prune", "train", "evaluate"]
SCRIPTS: dict[Kind, str] = {
    "prune": "create_pruned_net.py",
    "train": "launch_training.py",
    "evaluate": "eval_pruned_net.py",
}


@dataclass(frozen=True)
class PlannedStudy(ABC):
    """One command that scores networks, trains none, and writes one file.

    Attributes:
        setup: settings, tasks and folder.
        kind: of the file that it writes.
    """

    setup: Setup
    kind: ClassVar[type[JsonFile]]

    @property
    @abstractmethod
    def name(self) -> str:
        """Of the command's step and log."""

    @property
    @abstractmethod
    def path(self) -> Path:
        """The file that it writes."""

    @property
    @abstractmethod
    def batches(self) -> int:
        """To score with, of all networks together."""

    @property
    @abstractmethod
    def identity(self) -> Identity:
        """Of the work."""

    @abstractmethod
    def command(self) -> Words:
        """The command."""

    @property
    def log(self) -> Path:
        """Where its output goes."""
        return self.setup.dest / LOGS / f"{self.name}.log"


@dataclass(frozen=True)
class PlannedSimilarity(PlannedStudy):
    """``static_similarity.py``, which writes ``similarity.json``."""

    num_batches: int
    num_seeds: int
    kind = SimilarityFile

    @property
    def name(self) -> str:
        return "similarity"

    @property
    def path(self) -> Path:
        return self.setup.dest / "similarity.json"

    @property
    def batches(self) -> int:
        return self.num_batches * self.num_seeds

    @cached_property
    def identity(self) -> Identity:
        counts = (self.num_batches, self.num_seeds, SPARSITIES)
        study = SimilarityStudy(self.setup, *counts, keep_ratio="published", folder=self.setup.dest)
        return study.identity(study.seeds)

    def command(self) -> Words:
        counts = ["--num_batches", str(self.num_batches), "--num_seeds", str(self.num_seeds)]
        counts += ["--sparsities", ",".join(map(str, SPARSITIES))]
        return ["static_similarity.py", *counts, *self.setup.flags.words()]


@dataclass(frozen=True)
class PlannedTraining:
    """A network: pruned where its method prunes once, trained, evaluated.

    Attributes:
        job: what ``launch_training.py`` is to do.
        max_iters: the flag of that name; None: not given.
        criterion: the flag of ``create_pruned_net.py``; None: not given.
        source: the dense run whose network is pruned; None: the method prunes at initialisation, or while training.
    """

    job: Job
    max_iters: int | None = None
    criterion: str | None = None
    source: "PlannedTraining | None" = None

    @property
    def setup(self) -> Setup:
        return self.job.setup

    @property
    def flags(self) -> SharedFlags:
        """The shared flags of its commands."""
        return self.setup.flags

    @property
    def name(self) -> str:
        return self.job.name

    @property
    def tasks(self) -> tuple[str, ...]:
        return tuple(self.setup.tasks)

    @property
    def row(self) -> str:
        """``baseline`` or ``<method>_<ratio>``."""
        return self.job.method if self.job.ratio is None else f"{self.job.method}_{self.job.ratio}"

    @property
    def prunes_once(self) -> bool:
        return isinstance(self.job.sparsifier, OneShot)

    @cached_property
    def start(self) -> Identity | None:
        """Of the pruned network that training starts from; None where it starts from initialisation."""
        method = self.job.sparsifier
        if not isinstance(method, OneShot) or self.job.ratio is None:
            return None
        if self.criterion is not None:
            method = method.model_copy(update={"criterion": self.criterion})
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

    @property
    def pruned(self) -> Path:
        """What ``create_pruned_net.py`` writes."""
        return pruned_path(self.setup, self.job.method, self.job.ratio)

    @property
    def evaluation(self) -> Path:
        """What ``eval_pruned_net.py`` writes."""
        return self.setup.dest / f"eval_{self.name}.json"

    @property
    def log(self) -> Path:
        """Where the output of its commands goes."""
        return self.setup.dest / LOGS / f"{self.name}.log"

    def command(self, kind: Kind, *further: str) -> Words:
        """One of the run's commands, with further flags."""
        ratio = [] if self.job.ratio is None else ["--ratio", str(self.job.ratio)]
        words = [SCRIPTS[kind], "--method", self.job.method, *ratio]
        if kind == "prune" and self.criterion is not None:
            words += ["--criterion", self.criterion]
        if kind == "train" and self.max_iters is not None:
            words += ["--max_iters", str(self.max_iters)]
        return [*words, *further, *self.flags.words()]


AnyRun = PlannedStudy | PlannedTraining
Seeds = tuple[PlannedTraining, ...]
"""The same network from one seed after another."""
