"""Going on with a run: what must be the same, and what the last checkpoint says."""

import shutil
import sys
from dataclasses import replace
from pathlib import Path

from torch import nn
from tqdm import tqdm

from configs import UserError
from configs.paths import remove_leftovers
from models.files import CutShort
from prune_utils.apply import dense_state
from runtime.identity import Identity, differing_making, differing_requests, gone_on
from training.checkpoints.checkpoint import Checkpoint, read_checkpoint
from training.checkpoints.identities import differing_from_earlier_version, pruned_start, training_identity
from training.job import Job, check_origin

FROM_EARLIER_VERSION = "an earlier version wrote it, so that nobody knows whether data and code have changed"


def earlier_run(job: Job, resume: bool, force: bool) -> Checkpoint | None:
    """The checkpoint to go on from; None to start from the beginning.

    With ``force`` the files of an earlier run stay until the new one has saved for the first time (``Trainer``).

    Raises:
        UserError: an earlier run would be lost; the last checkpoint is damaged, or was made with other settings.
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
    try:
        checkpoint = read_checkpoint(job.last, list(job.setup.tasks))
    except CutShort as error:
        raise UserError(
            f"--resume: {job.last} is damaged or cut short; put back a copy of it, or start anew with --force"
        ) from error
    _check_can_go_on(job, checkpoint)
    identity = runtime.from_main(lambda: _identity_to_go_on(job, checkpoint))
    done, wanted = iteration_of(checkpoint), job.schedule.max_iters
    if done > wanted:
        raise UserError(f"--resume: {job.last} is at iteration {done}, beyond {wanted}; raise --max_iters")
    return replace(checkpoint, identity=identity)


def is_finished(job: Job, checkpoint: Checkpoint | None) -> bool:
    """Whether nothing is left to do."""
    return checkpoint is not None and iteration_of(checkpoint) >= job.schedule.max_iters and job.final.exists()


def iteration_of(checkpoint: Checkpoint | None) -> int:
    """The iteration that a run goes on from; 0 without a checkpoint."""
    return 0 if checkpoint is None or checkpoint.training is None else checkpoint.training["iteration"]


def _check_can_go_on(job: Job, checkpoint: Checkpoint) -> None:
    if checkpoint.training is None:
        raise UserError(f"--resume: {job.last} lacks the state of its training; start anew with --force")
    check_origin(job, checkpoint, job.last)


def _identity_to_go_on(job: Job, checkpoint: Checkpoint) -> Identity:
    """The identity of the run from now on.

    What was asked for must be the same: settings, seed, data, the network that training began with. Other code and
    other libraries do not end it, since a mended reader or a newer torch should not cost days; a line says so, and the
    run's identity tells from then on.

    Raises:
        UserError: something else was asked for.
    """
    then = checkpoint.identity
    now = training_identity(job, pruned_start(job) or (then.after if then is not None else None))
    if then is None:
        differences, remark = differing_from_earlier_version(job, checkpoint, now), FROM_EARLIER_VERSION
    else:
        differences = [] if then.request == now.request else differing_requests(then, now)
        remark = "; ".join(differing_making(then, now))
    if differences:
        raise UserError(
            f"--resume: {job.last} was made with other settings or data: {'; '.join(differences)}; "
            f"use those it was made with, or start anew with --force"
        )
    if remark:
        tqdm.write(f"{job.last} goes on, although {remark}", file=sys.stderr)
    return gone_on(then, now)


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
