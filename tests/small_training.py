"""Training runs that take a second or two, on the rendered rooms."""

from pathlib import Path

import torch
from conftest import tiny
from torch import Tensor

from configs import flags
from runtime.setup import Setup, prepare
from training.checkpoints.checkpoint import Checkpoint, read_checkpoint, restore
from training.checkpoints.resume import earlier_run
from training.job import Job, make_job, starting_network
from training.loop.trainer import Trainer

SHORT = ["train.max_iters=6", "train.eval_interval=3", "train.save_interval=2", "dynamic.interval=2", "dynamic.end=5"]


def short(*settings: str) -> list[str]:
    """Flags for a run of six iterations that validates every third and saves every second."""
    return [part for text in (*SHORT, *settings) for part in ("--set", text)]


def setup_for(rooms: Path, dest: Path, *more: str) -> Setup:
    """What a script would work with, given these flags as well."""
    words = [*tiny(rooms), *short(), "--device", "cpu", "--dest", str(dest), *more]
    return prepare(flags.SharedFlags.of(flags.script_parser("").parse_args(words)))


def job_for(setup: Setup, method: str = "baseline", ratio: int = 90, max_iters: int | None = None) -> Job:
    """A run of this method."""
    return make_job(setup, method, ratio, max_iters)


def trainer_for(job: Job, resume: bool = False, force: bool = False) -> Trainer:
    """As launch_training.py makes it."""
    checkpoint = earlier_run(job, resume, force)
    if checkpoint is None:
        return Trainer(job, starting_network(job))
    net = job.setup.network()
    restore(net, checkpoint, job.last)
    return Trainer(job, net, checkpoint)


def train(job: Job, resume: bool = False) -> Trainer:
    """The run from its beginning, or from its last checkpoint, to its end."""
    trainer = trainer_for(job, resume)
    trainer.train()
    return trainer


def assert_same(one: object, other: object, where: str = "") -> None:
    """Equal bit for bit, whatever is nested in them; NaN equals NaN."""
    if isinstance(one, Tensor):
        assert isinstance(other, Tensor) and one.dtype == other.dtype, where
        assert torch.equal(one.nan_to_num(7e37), other.nan_to_num(7e37)), where
    elif isinstance(one, dict):
        assert isinstance(other, dict) and list(one) == list(other), where
        for key in one:
            assert_same(one[key], other[key], f"{where}.{key}")
    elif isinstance(one, list | tuple):
        assert isinstance(other, list | tuple) and len(one) == len(other), where
        for index, (a, b) in enumerate(zip(one, other, strict=True)):
            assert_same(a, b, f"{where}[{index}]")
    else:
        assert one == other or (one != one and other != other), f"{where}: {one} and {other}"


def assert_same_run(one: Job, other: Job) -> None:
    """Final, best and last checkpoints and the log are the same, but for the folder they lie in."""
    for mine, theirs in ((one.final, other.final), (one.best, other.best), (one.last, other.last)):
        a, b = (vars(read_checkpoint(path, [])) for path in (mine, theirs))
        for name in a:
            assert_same(a[name], b[name], f"{mine.name}: {name}")
    assert one.log.read_text() == other.log.read_text()


def last(job: Job) -> Checkpoint:
    """The checkpoint to go on from."""
    return read_checkpoint(job.last, [])
