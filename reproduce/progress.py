"""How far the planned runs are, from the files that they have left, and which commands are left to do."""

import hashlib
import json
import shlex
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import ValidationError
from torch.utils.serialization import config as serialization

from configs import UserError
from reports.evaluation import EvaluationFile
from reports.files import JsonFile
from reproduce.planned import AnyRun, PlannedStudy, PlannedTraining
from runtime.identity import Identity, differing_requests
from training.checkpoints.checkpoint import Checkpoint, read_checkpoint, read_identity
from training.checkpoints.identities import differing_from_earlier_version
from training.checkpoints.resume import iteration_of
from training.job import check_origin

AnyFile = TypeVar("AnyFile", bound=JsonFile)
REMEDY = "--force trains it anew, another --dest keeps it"
"""For a step with a problem."""


@dataclass(frozen=True)
class Step:
    """A command of a run.

    Attributes:
        kind: of a study, "study".
        done: nothing is left to do.
        iterations: of training that are left.
        going_on: the iteration that training goes on from.
        problem: why it cannot be done while the files of an earlier run are there; "" if it can.
    """

    kind: Literal["study", "prune", "train", "evaluate"]
    run: AnyRun
    command: list[str]
    done: bool
    iterations: int = 0
    going_on: int = 0
    problem: str = ""

    @property
    def log(self) -> Path:
        return self.run.log

    @property
    def shown(self) -> str:
        """The command as a user would type it."""
        return shlex.join(["python", *self.command])

    @property
    def title(self) -> str:
        return self.run.name if self.kind == "study" else f"{self.kind} {self.run.name}"


def steps_of(runs: list[AnyRun], force: bool) -> list[Step]:
    """The commands of all runs, in order, with what is done.

    Args:
        runs: each after the one that it needs.
        force: train anew what was made with other settings; else its steps have a ``problem``.
    """
    steps: list[Step] = []
    for run in runs:
        if isinstance(run, PlannedStudy):
            steps.append(Step("study", run, run.command(), results_of(run) is not None))
        else:
            steps += _training_steps(run, force)
    return steps


def to_train(steps: Iterable[Step]) -> list[PlannedTraining]:
    """The runs of which something is left to train."""
    return [step.run for step in steps if isinstance(step.run, PlannedTraining) and step.iterations]


def results_of(run: AnyRun) -> JsonFile | None:
    """The file with a run's numbers; None if it is missing, incomplete, or of other work."""
    return evaluation_of(run) if isinstance(run, PlannedTraining) else _of(run.kind, run.path, run.identity)


def evaluation_of(run: PlannedTraining) -> EvaluationFile | None:
    """The results of the run's final network; None if they are missing, incomplete, or of another network."""
    file = _of(EvaluationFile, run.path, run.result)
    tasks = run.setup.tasks.items()
    if file is None or any(task.higher_is_better.keys() - file.metrics.get(name, {}).keys() for name, task in tasks):
        return None  # a metric may be newer than the file
    return file


def key_of(file: JsonFile) -> str:
    """A hash of what a file's numbers depend on."""
    with suppress(ValidationError):
        return Identity.model_validate(file.identity).key
    return hashlib.sha256(json.dumps(file.identity, sort_keys=True).encode()).hexdigest()[:16]


def _of(kind: type[AnyFile], path: Path, wanted: Identity | Mapping[str, str | None]) -> AnyFile | None:
    """A file if it is the result of what is wanted, of the same data, whichever version of the code wrote it.

    Of work of which only keys are known, as many as it has parts, the code has to be the same too.
    """
    file = kind.read_if_usable(path)
    if not isinstance(wanted, Identity):
        return file if file is not None and file.identity == wanted and None not in wanted.values() else None
    with suppress(ValidationError):
        if file is not None and Identity.model_validate(file.identity).request == wanted.request:
            return file
    return None


def _training_steps(run: PlannedTraining, force: bool) -> list[Step]:
    job, wanted = run.job, run.job.schedule.max_iters
    evaluated = evaluation_of(run) is not None  # then the checkpoints may have been removed since
    reached, problem = (wanted, "") if evaluated else _reached(run)
    trained = evaluated or (reached == wanted and job.final.exists())
    left, going_on = 0 if trained else wanted - (reached or 0), reached or 0
    steps = []
    if run.start is not None:
        steps.append(Step("prune", run, run.command("prune"), reached is not None or _is_pruned(run)))
    # Without an earlier run, --resume begins one.
    command = run.command("train", "--force" if problem and force else "--resume")
    steps.append(Step("train", run, command, trained, left, going_on, "" if force else problem))
    return [*steps, Step("evaluate", run, run.command("evaluate"), evaluated)]


def _reached(run: PlannedTraining) -> tuple[int | None, str]:
    """The iteration that training goes on from (None: it begins), and why its files cannot be used ("": they can)."""
    job = run.job
    if not job.last.exists():
        others = [path for path in (job.final, job.best) if path.exists()]
        return None, f"{others[0]} is there, but not {job.last}, which tells how it was made" if others else ""
    try:
        with serialization.patch("load.mmap", True):  # type: ignore[attr-defined]
            checkpoint = read_checkpoint(job.last, list(run.tasks))
        problem = _other_settings(run, checkpoint)
    except UserError as error:
        problem = str(error)
    if problem:
        return None, problem
    iteration, wanted = iteration_of(checkpoint), job.schedule.max_iters
    return (None, f"{job.last} is at iteration {iteration}, beyond {wanted}") if iteration > wanted else (iteration, "")


def _other_settings(run: PlannedTraining, checkpoint: Checkpoint) -> str:
    """What is wrong if ``last_`` is of another run; "" if nothing is.

    Raises:
        UserError: it is of another data set, method or sparsity.
    """
    job, then, now = run.job, checkpoint.identity, run.identity
    check_origin(job, checkpoint, job.last)
    if checkpoint.training is None:
        return f"{job.last} lacks the state of its training"
    if then is None:
        found = differing_from_earlier_version(job, checkpoint, now)
    else:
        found = [] if then.request == now.request else differing_requests(then, now)
    return f"{job.last} was made with other settings: {'; '.join(found)}" if found else ""


def _is_pruned(run: PlannedTraining) -> bool:
    """Whether the network that training starts from is there; a damaged one is made again."""
    with suppress(UserError):
        found = read_identity(run.pruned, list(run.tasks)) if run.pruned.exists() else None
        return found is not None and run.start is not None and found.request == run.start.request
    return False
