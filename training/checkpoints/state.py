"""The state of a training run in ``last_<run>.pth``: everything but weights and masks, checked when it is read."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from configs import UserError
from configs.schema import describe
from models.files import Unsound
from training.checkpoints.checking import check_optimizer
from training.optim import kept_of

if TYPE_CHECKING:
    from training.loop.trainer import Trainer

Count = Annotated[int, Field(ge=0)]


class BestState(BaseModel):
    """What ``evaluation.Best`` knows of the validations so far."""

    model_config = ConfigDict(extra="forbid", strict=True)

    references: dict[str, float]
    rank: tuple[bool, float] | None
    iteration: Count | None


class TrainingState(BaseModel):
    """What a run goes on from.

    Attributes:
        iteration: steps made.
        validated: the iteration of the last validation.
        rows: of the log, not written yet.
        results: of the last validation.
        run: what was set by flags.
        optimizer, scheduler: their state dicts.
        best: which validation was the best.
        sparsifier: the state of what changes the masks; None for methods that do not.
    """

    model_config = ConfigDict(strict=True)

    iteration: Count
    validated: Count
    rows: list[dict[str, float | int]]
    results: dict[str, dict[str, float]]
    run: dict[str, Any] = Field(default_factory=dict)
    optimizer: dict[str, Any]
    scheduler: dict[str, Any]
    best: BestState
    sparsifier: dict[str, Any] | None

    @model_validator(mode="before")
    @classmethod
    def _tuples(cls, data: Any) -> Any:
        """A rank is kept as a list."""
        best = data.get("best") if isinstance(data, Mapping) else None
        if isinstance(best, Mapping) and isinstance(best.get("rank"), list):
            return {**data, "best": {**best, "rank": tuple(best["rank"])}}
        return data


def read_state(
    content: Mapping[str, Any], tasks: Iterable[str], optimizer: Optimizer, scheduler: LRScheduler, path: Path
) -> TrainingState:
    """Check the state of a training run against what it is to go on with.

    Args:
        content: ``Checkpoint.training``.
        optimizer, scheduler: new, made with the run's settings.
        path: the checkpoint's file, for messages.

    Raises:
        UserError: something is missing, of another kind, not finite or does not fit.
    """
    again = "start anew with --force"
    try:
        state = TrainingState.model_validate(content)
        check_optimizer(state.optimizer, optimizer, kept_of(optimizer))
        _check_scheduler(state, scheduler)
    except ValidationError as error:
        raise UserError(f"{path}: training.{describe(error)}; {again}") from error
    except Unsound as error:
        raise UserError(f"{path}: {error}; {again}") from error
    if state.validated > state.iteration or (state.results and set(state.results) != set(tasks)):
        raise UserError(f"{path}: its validation does not belong to its training; {again}")
    if any(not isinstance(row.get("iteration"), int) for row in state.rows):
        raise UserError(f"{path}: a row of its log has no iteration; {again}")
    return state


def _check_scheduler(state: TrainingState, scheduler: LRScheduler) -> None:
    fresh, kept = scheduler.state_dict(), state.scheduler
    moving = {"last_epoch", "_step_count", "_last_lr", "_initial_step", "_is_initial", "_get_lr_called_within_step"}
    differing = [key for key, value in fresh.items() if key not in moving and kept.get(key) != value]
    if differing:
        raise Unsound(f"the schedule's state was made with another {differing[0]}")
    rates = kept.get("_last_lr")
    if kept.get("last_epoch") != state.iteration or not isinstance(rates, list) or len(rates) != len(fresh["_last_lr"]):
        raise Unsound("the schedule's state is of another iteration")
    if not all(isinstance(rate, float) and 0 <= rate < float("inf") for rate in rates):
        raise Unsound("the schedule's state has no learning rate")
    if extra := sorted(set(kept) - set(fresh) - moving):
        raise Unsound(f"the schedule's state holds '{extra[0]}', which ours does not")


def load_optimizer(optimizer: Optimizer, kept: dict[str, Any]) -> None:
    """Give an optimiser a state that was checked, each moment in the memory order of its parameter.

    A fused kernel walks through a parameter's memory and through its moments' alike, whatever their strides: those of
    another order would be exchanged without a word, and those that share memory be written beyond its end.
    """
    optimizer.load_state_dict(kept)
    for parameter, entry in optimizer.state.items():
        for name in entry.keys() - {"step"}:
            entry[name] = torch.empty_like(parameter, requires_grad=False).copy_(entry[name])


def state_of(trainer: "Trainer", rows: list[dict[str, float]]) -> dict[str, Any]:
    """The state of a run as it is kept; ``rows`` are those of the log that are not written yet."""
    return {
        "iteration": trainer.iteration,
        "validated": trainer.due.validated,
        "rows": rows,
        "results": trainer.results,
        "optimizer": trainer.optimizer.state_dict(),
        "scheduler": trainer.scheduler.state_dict(),
        "best": trainer.best.state_dict(),
        "sparsifier": trainer.sparsifier.state_dict() if trainer.sparsifier is not None else None,
    }


def go_on(trainer: "Trainer", content: Mapping[str, Any]) -> list[dict[str, float]]:
    """Give a new trainer, whose network has its weights and masks, the state of its run; returns rows of the log.

    Raises:
        UserError: as ``read_state``.
    """
    last = trainer.job.last
    kept = read_state(content, trainer.setup.tasks, trainer.optimizer, trainer.scheduler, last)
    trainer.iteration = trainer.due.saved = kept.iteration
    trainer.due.validated, trainer.results = kept.validated, kept.results
    load_optimizer(trainer.optimizer, kept.optimizer)
    trainer.scheduler.load_state_dict(kept.scheduler)
    trainer.best.resume(kept.best.references, kept.best.rank, kept.best.iteration)
    if trainer.sparsifier is not None:
        try:
            trainer.sparsifier.load_state_dict(kept.sparsifier or {})
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            reason = describe(error) if isinstance(error, ValidationError) else error
            what = f"the state of {trainer.job.method} is incomplete ({reason})"
            raise UserError(f"{last}: {what}; start anew with --force") from error
    return kept.rows
