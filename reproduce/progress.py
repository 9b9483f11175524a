"""How far the planned runs are, from the files that they have left, and which commands are left to do."""

from dataclasses import dataclass
from pathlib import Path

from configs import UserError
from reproduce.matching import (
    evaluation_of,
    has_masks,
    has_weights_of_source,
    mapped,
    other_settings,
    pruned_file,
    pruned_is_usable,
    similarity_is_done,
)
from reproduce.runs import AnyRun, SimilarityRun, TrainingRun, Words, log_path
from training.checkpoints import read_checkpoint
from training.resume import iteration_of

REMEDY = "give --force to train this run anew, or name another --dest"


@dataclass(frozen=True)
class State:
    """How far a training run is.

    Attributes:
        evaluated: its results are there.
        trained: its final network is there, or was when it was evaluated.
        iteration: that training goes on from.
        pruned: the network that training starts from is there.
        problem: why its files cannot be used; "" if they can.
    """

    evaluated: bool = False
    trained: bool = False
    iteration: int = 0
    pruned: bool = False
    problem: str = ""


@dataclass(frozen=True)
class Step:
    """A command of a run.

    Attributes:
        kind: "similarity", "prune", "train" or "evaluate".
        done: nothing is left to do.
        iterations: of training that are left.
        going_on: the iteration that training goes on from.
    """

    kind: str
    run: AnyRun
    command: Words
    done: bool
    iterations: int = 0
    going_on: int = 0

    @property
    def log(self) -> Path:
        return log_path(self.run)

    @property
    def title(self) -> str:
        return self.kind if self.kind == self.run.name else f"{self.kind} {self.run.name}"


def steps_of(runs: list[AnyRun], force: bool) -> list[Step]:
    """The commands of all runs, in order, with what is done.

    Args:
        runs: each after the one that it needs.
        force: train anew what was made with other settings.

    Raises:
        UserError: files of a run were made with other settings, and ``force`` is not set.
    """
    steps: list[Step] = []
    states: dict[Path, State] = {}
    for run in runs:
        if isinstance(run, SimilarityRun):
            steps.append(Step("similarity", run, run.command(), similarity_is_done(run)))
            continue
        state = state_of(run, states[run.source.evaluation] if run.source else None)
        states[run.evaluation] = state
        if state.problem and not force:
            raise UserError(f"{state.problem}; {REMEDY}")
        steps += _training_steps(run, state)
    return steps


def state_of(run: TrainingRun, source: State | None = None) -> State:
    """How far a run is.

    Args:
        source: how far the run is whose network this one prunes.
    """
    last = run.job.last
    try:
        problem = _not_from_source(run, source)
        if problem:
            return State(problem=problem)
        if not last.exists():
            return _without_last(run)
        with mapped():
            checkpoint = read_checkpoint(last, list(run.tasks))
            problem = other_settings(run, checkpoint)
            pruned = pruned_file(run)
            if not problem and run.prunes_once and pruned.exists() and not has_masks(pruned, checkpoint):
                problem = f"{last} was trained with other masks than those of {pruned}"
    except UserError as error:
        problem = str(error)
    if problem:
        return State(problem=problem)
    iteration, wanted = iteration_of(checkpoint), run.job.schedule.max_iters
    if iteration > wanted:
        return State(problem=f"{last} is at iteration {iteration}, beyond {wanted}")
    trained = iteration == wanted and run.job.final.exists()
    return State(trained and evaluation_of(run) is not None, trained, iteration, pruned=True)


def _training_steps(run: TrainingRun, state: State) -> list[Step]:
    steps = []
    if run.prunes_once:
        steps.append(Step("prune", run, run.command("prune"), state.pruned or state.trained))
    # Without an earlier run, --resume begins one.
    further = "--force" if state.problem else "--resume"
    left = 0 if state.trained else run.job.schedule.max_iters - state.iteration
    steps.append(Step("train", run, run.command("train", further), state.trained, left, state.iteration))
    steps.append(Step("evaluate", run, run.command("evaluate"), state.evaluated))
    return steps


def _without_last(run: TrainingRun) -> State:
    job = run.job
    if evaluation_of(run) is not None:  # the checkpoints may have been removed since
        return State(evaluated=True, trained=True)
    for path in (job.final, job.best):
        if path.exists():
            return State(problem=f"{path} is there, but not {job.last}, which tells how it was made")
    return State(pruned=run.prunes_once and pruned_is_usable(run))


def _not_from_source(run: TrainingRun, source: State | None) -> str:
    """What is wrong if the run's network was not pruned from its source's final network."""
    if run.source is None or source is None:
        return ""
    begun = [path for path in (run.job.last, run.job.final, run.evaluation) if path.exists()]
    if not begun:
        return ""
    if not source.trained:
        return f"{begun[0]} was pruned from another {run.source.name} than the one that is to be trained now"
    final, pruned = run.source.job.final, pruned_file(run)
    if not final.exists() or not pruned.exists() or has_weights_of_source(run, pruned):
        return ""
    return f"{pruned} was pruned from another network than {final}"
