"""Going on with a run: which settings must be the same, and what the last checkpoint says."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import nn

from configs import UserError
from configs.paths import remove_leftovers
from prune_utils.apply import dense_state
from training.checkpoints import Checkpoint, read_checkpoint
from training.job import Job, check_origin

FREE = (
    "data.root",
    "data.on_error",
    "scoring.",
    "train.max_iters",
    "train.eval_interval",
    "train.save_interval",
    "train.eval_batch_size",
    "retrain.max_iters",
    "dynamic.end",  # where the masks of this run are fixed is compared beside the settings
)
"""Settings that may change when a run goes on."""


def check_same_settings(checkpoint: Checkpoint, config: Mapping[str, Any], run: Mapping[str, Any], path: Path) -> None:
    """See that a run goes on as it began.

    Args:
        config: all settings now.
        run: what else was set, by flag.

    Raises:
        UserError: naming the settings that differ.
    """
    training = checkpoint.training or {}
    before = {**flatten(checkpoint.config), **training.get("run", {})}
    now = {**flatten(config), **run}
    differing = [
        f"{key} was {before.get(key)} and is {now.get(key)}"
        for key in dict.fromkeys([*before, *now])
        if before.get(key) != now.get(key) and not key.startswith(FREE)
    ]
    if differing:
        raise UserError(
            f"--resume: {path} was made with other settings: {'; '.join(differing)}; "
            f"use the settings it was made with, or start anew with --force"
        )


def flatten(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested settings as ``section.key`` -> value; lists and tuples compare alike."""
    flat: dict[str, Any] = {}
    for key, value in settings.items():
        if isinstance(value, Mapping) and value:
            flat.update(flatten(value, f"{prefix}{key}."))
        else:
            flat[f"{prefix}{key}"] = list(value) if isinstance(value, tuple) else value
    return flat


def earlier_run(job: Job, resume: bool, force: bool) -> Checkpoint | None:
    """The checkpoint to go on from; None to start from the beginning.

    With ``force`` the files of an earlier run stay until the new one has saved for the first time (``Trainer``).

    Raises:
        UserError: an earlier run would be lost; the last checkpoint was made with other settings.
    """
    if resume and force:
        raise UserError("--resume goes on with the earlier run, --force starts anew; give one of them")
    runtime = job.setup.runtime
    files = [job.last, job.best, job.final]
    # One process decides for all: another might look when the first has begun to write.
    existing = [Path(name) for name in runtime.agree([str(path) for path in files if path.exists()])]
    if runtime.is_main:
        for path in files:
            remove_leftovers(path)
    if force or not existing:
        return None
    if not resume:
        raise UserError(f"{existing[0]} is there already; go on with --resume, or start anew with --force")
    if job.last not in existing:
        raise UserError(f"--resume: {existing[0]} is there, but not {job.last}; start anew with --force")
    checkpoint = read_checkpoint(job.last, list(job.setup.tasks))
    _check_can_go_on(job, checkpoint)
    return checkpoint


def is_finished(job: Job, checkpoint: Checkpoint | None) -> bool:
    """Whether nothing is left to do."""
    return checkpoint is not None and iteration_of(checkpoint) >= job.schedule.max_iters and job.final.exists()


def iteration_of(checkpoint: Checkpoint | None) -> int:
    """The iteration that a run goes on from; 0 without a checkpoint."""
    return 0 if checkpoint is None or checkpoint.training is None else checkpoint.training["iteration"]


def flags_of(job: Job) -> dict[str, Any]:
    """What makes a run what it is beside the settings of its YAML file."""
    return {
        "seed": job.setup.seed,
        "precision": job.setup.runtime.precision,
        "the iteration that fixes the masks (see --max_iters, dynamic.end)": job.dynamic.end if job.dynamic else None,
    }


def _check_can_go_on(job: Job, checkpoint: Checkpoint) -> None:
    if checkpoint.training is None:
        raise UserError(f"--resume: {job.last} lacks the state of its training; start anew with --force")
    check_origin(job, checkpoint, job.last)
    check_same_settings(checkpoint, job.setup.config.model_dump(mode="json"), flags_of(job), job.last)
    done, wanted = iteration_of(checkpoint), job.schedule.max_iters
    if done > wanted:
        raise UserError(f"--resume: {job.last} is at iteration {done}, beyond {wanted}; raise --max_iters")


def check_space(job: Job, net: nn.Module) -> None:
    """See that the run's checkpoints fit on the disk, before training.

    ``last_`` holds the weights and Adam's two moments, ``best_`` and ``final_`` the weights; while one of them is
    written, the file that it replaces is still there.

    Raises:
        UserError: they do not.
    """
    weights = sum(tensor.numel() * tensor.element_size() for tensor in dense_state(net)[0].values())
    present = sum(path.stat().st_size for path in (job.last, job.best, job.final) if path.exists())
    needed = (3 + 1 + 1 + 3) * weights - present
    free = shutil.disk_usage(job.setup.dest).free
    if free < needed:
        raise UserError(
            f"--dest: {job.setup.dest} has {free / 2**20:.0f} MiB free, the run's checkpoints need about "
            f"{needed / 2**20:.0f} MiB; free some space or name another folder"
        )
