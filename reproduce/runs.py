"""A run of the plan: the flags, commands and files of one network, or of one similarity report."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from configs.flags import SharedFlags
from prune_utils.sparsifiers.base import OneShot
from runtime.setup import Setup
from training.job import Job

LOGS = "logs"
SPARSITIES = (30, 50, 70, 90)
"""Of a similarity report, in percent."""

Words = list[str]
"""A command: the script and its flags, without the interpreter."""


@dataclass(frozen=True)
class SimilarityRun:
    """A run of ``static_similarity.py``, which writes ``similarity.json``."""

    setup: Setup
    num_batches: int
    num_seeds: int

    @property
    def flags(self) -> SharedFlags:
        return self.setup.flags

    @property
    def name(self) -> str:
        return "similarity"

    @property
    def path(self) -> Path:
        return self.setup.dest / "similarity.json"

    def command(self) -> Words:
        counts = ["--num_batches", str(self.num_batches), "--num_seeds", str(self.num_seeds)]
        counts += ["--sparsities", ",".join(map(str, SPARSITIES))]
        return ["static_similarity.py", *counts, *self.flags.words()]


@dataclass(frozen=True)
class TrainingRun:
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
    source: "TrainingRun | None" = None

    @property
    def flags(self) -> SharedFlags:
        """The shared flags of its commands."""
        return self.job.setup.flags

    @property
    def name(self) -> str:
        return self.job.name

    @property
    def tasks(self) -> tuple[str, ...]:
        return tuple(self.job.setup.tasks)

    @property
    def row(self) -> str:
        """``baseline`` or ``<method>_<ratio>``."""
        return self.job.method if self.job.ratio is None else f"{self.job.method}_{self.job.ratio}"

    @property
    def prunes_once(self) -> bool:
        return isinstance(self.job.sparsifier, OneShot)

    @property
    def evaluation(self) -> Path:
        """What ``eval_pruned_net.py`` writes."""
        return self.job.setup.dest / f"eval_{self.name}.json"

    def command(self, kind: Literal["prune", "train", "evaluate"], *further: str) -> Words:
        """One of the run's commands, with further flags."""
        scripts = {"prune": "create_pruned_net.py", "train": "launch_training.py", "evaluate": "eval_pruned_net.py"}
        ratio = [] if self.job.ratio is None else ["--ratio", str(self.job.ratio)]
        words = [scripts[kind], "--method", self.job.method, *ratio]
        if kind == "prune" and self.criterion is not None:
            words += ["--criterion", self.criterion]
        if kind == "train" and self.max_iters is not None:
            words += ["--max_iters", str(self.max_iters)]
        return [*words, *further, *self.flags.words()]


AnyRun = SimilarityRun | TrainingRun


def log_path(run: AnyRun) -> Path:
    """Where the output of a run's commands goes."""
    setup = run.setup if isinstance(run, SimilarityRun) else run.job.setup
    return setup.dest / LOGS / f"{run.name}.log"
