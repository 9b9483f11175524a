"""What planned runs will take in time and disk space, from a few measured steps."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import nn
from tqdm import tqdm

from configs import UserError
from dataloaders import open_dataset, training_loader
from models import MultitaskNet
from reproduce.planned import PlannedStudy, PlannedTraining
from reproduce.progress import Step
from runtime.setup import Setup
from training.costs import multiply_adds
from training.evaluation import evaluate
from training.optim import make_optimizer
from training.step import descend, task_losses

WARM_UP = 1
STEPS = 3


@dataclass(frozen=True)
class Rates:
    """Measured on the network with all tasks.

    Attributes:
        step: seconds of a training step, reading included.
        image: seconds to evaluate an image, reading included.
        start: seconds of processor time that a script needs to start.
    """

    step: float
    image: float
    start: float


class Work:
    """How much of the measured network's work each run does.

    Args:
        setup: of the network that is measured.
        net: that network.
    """

    def __init__(self, setup: Setup, net: MultitaskNet) -> None:
        self.setup, self.net = setup, net

    @cached_property
    def bytes(self) -> dict[str, int]:
        """Of the weights of the backbone ("") and of each head."""
        return {"": _bytes(self.net.backbone)} | {task: _bytes(head) for task, head in self.net.heads.items()}

    @cached_property
    def multiply_adds(self) -> dict[str, int]:
        """Of the backbone ("") and of each head, for a training crop."""
        net, (height, width) = self.net, self.setup.config.data.crop
        shared = multiply_adds(net.backbone, height, width).dense
        one = {task: MultitaskNet(net.backbone, {task: head}) for task, head in net.heads.items()}
        heads = {task: multiply_adds(part, height, width).dense - shared for task, part in one.items()}
        return {"": shared, **heads}

    @cached_property
    def test_images(self) -> int:
        """Images of the test split."""
        return len(open_dataset(self.setup.config, "test", keys=()))

    def disk(self, runs: Iterable[PlannedTraining]) -> int:
        """Bytes that the checkpoints of these runs will take, less what they take already.

        ``last_`` holds the weights and Adam's two moments, ``best_``, ``final_`` and a pruned network the weights.
        While a file is written, the one that it replaces is there still.
        """
        needed, largest = 0, 0
        for run in runs:
            weights = sum(self.bytes[part] for part in ("", *run.tasks))
            files = (run.job.last, run.job.best, run.job.final)
            needed += (5 + (run.start is not None)) * weights
            needed -= sum(path.stat().st_size for path in files if path.exists())
            largest = max(largest, 3 * weights)
        return max(needed, 0) + largest

    def seconds(self, step: Step, rates: Rates) -> float:
        """A step of the plan; an estimate."""
        if step.done:
            return 0.0
        run = step.run
        if isinstance(run, PlannedStudy):
            return rates.start + run.batches * self._scoring_batch(run.setup, rates)
        config = run.setup.config
        evaluation = rates.image * self.test_images * self._share(run.tasks)
        if step.kind == "evaluate":
            return rates.start + evaluation
        if step.kind == "prune":
            # Some methods need no gradients, or fewer.
            return rates.start + config.scoring.num_batches * self._scoring_batch(run.setup, rates)
        interval = config.train.eval_interval
        validations = -(-run.job.schedule.max_iters // interval) - step.going_on // interval
        return rates.start + step.iterations * self._training_step(run, rates) + validations * evaluation

    def _training_step(self, run: PlannedTraining, rates: Rates) -> float:
        setup = run.job.setup
        images = setup.config.data.batch_size / self.setup.config.data.batch_size
        updates = 0.0
        dynamic = run.job.dynamic
        if dynamic is not None:
            share = min(1.0, dynamic.end / run.job.schedule.max_iters)
            updates = share * _passes(len(run.tasks)) / dynamic.interval
        return rates.step * images * self._share(run.tasks) * (1 + updates)

    def _scoring_batch(self, setup: Setup, rates: Rates) -> float:
        size = setup.config.scoring.batch_size or setup.config.data.batch_size
        images = size / self.setup.config.data.batch_size
        return rates.step * images * self._share(tuple(setup.tasks)) * _passes(len(setup.tasks))

    def _share(self, tasks: Sequence[str]) -> float:
        return sum(self.multiply_adds[part] for part in ("", *tasks)) / sum(self.multiply_adds.values())


def measure(setup: Setup, net: MultitaskNet, start: float) -> Rates:
    """Train the network for a few steps and evaluate two batches; nothing is written.

    Args:
        start: seconds of processor time that this process needed to start.

    Raises:
        UserError: unreadable data.
    """
    total = WARM_UP + STEPS + WARM_UP + 1
    with tqdm(total=total, desc="measuring a few steps", unit="batch", leave=False, disable=None) as bar:
        return Rates(_step_seconds(setup, net, bar), _image_seconds(setup, net, bar), start)


def _step_seconds(setup: Setup, net: MultitaskNet, bar: tqdm) -> float:
    config = setup.config
    setup.runtime.arrange(net).train()
    optimizer, scheduler = make_optimizer(net, config.train, config.train.weight_decay)
    loader = training_loader(
        config,
        setup.keys,
        range(WARM_UP + STEPS),
        batch_size=config.data.batch_size,
        seed=setup.seed,
        num_workers=setup.num_workers,
    )
    times = [_now(setup)]
    for batch in loader:
        losses = task_losses(net, setup.runtime.place(batch), setup.tasks, setup.runtime)
        descend(losses, setup.tasks, optimizer, scheduler)
        times.append(_now(setup))
        bar.update()
    return _mean_step(times, WARM_UP)


def _image_seconds(setup: Setup, net: MultitaskNet, bar: tqdm) -> float:
    times, images = [_now(setup)], []

    def after_batch(count: int) -> None:
        images.append(count)
        times.append(_now(setup))
        bar.update()

    evaluate(net, setup, batches=WARM_UP + 1, after_batch=after_batch)
    return _mean_step(times, WARM_UP) / images[-1]


def _mean_step(times: Sequence[float], skipped: int) -> float:
    """Mean difference of the times; the first ones are left out if there are others."""
    steps = [after - before for before, after in zip(times, times[1:], strict=False)]
    if not steps:
        raise UserError("no batch could be read to measure the time of a step; look at the data")
    used = steps[skipped:] or steps
    return sum(used) / len(used)


def _passes(tasks: int) -> float:
    """Training steps that one batch of per-task gradients costs: one pass forwards, two for each task backwards."""
    return (1 + 2 * tasks) / 3


def _now(setup: Setup) -> float:
    if setup.runtime.device.type == "cuda":
        torch.cuda.synchronize(setup.runtime.device)
    return time.perf_counter()


def _bytes(module: nn.Module) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in module.state_dict().values())


def duration(seconds: float) -> str:
    """A time for a person: "40 s", "12 min", "3 h 05 min", "2.5 days"."""
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 100:
        return f"{minutes} min"
    if minutes < 48 * 60:
        return f"{minutes // 60} h {minutes % 60:02} min"
    return f"{minutes / 1440:.1f} days"
