"""What planned runs will take in time and disk space, from a few measured steps."""

import time
from collections.abc import Iterable, Sequence
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
from training.balancing import make_backward
from training.costs import multiply_adds
from training.evaluation import evaluate
from training.loop.step import descend, task_losses
from training.optim import make_optimizer

WARM_UP = 1
STEPS = 3


class Estimate:
    """Measures the network with all tasks, and scales by how much of its work each run does.

    Args:
        setup: of that network.
        start: seconds of processor time that a script needs to start.
    """

    def __init__(self, setup: Setup, start: float = 0.0) -> None:
        self.setup, self.start = setup, start
        self.net = setup.network()
        setup.runtime.arrange(self.net)

    @cached_property
    def step(self) -> float:
        """Seconds of a training step, reading included; nothing is written.

        Raises:
            UserError: unreadable data.
        """
        setup, config, total = self.setup, self.setup.config, WARM_UP + STEPS
        self.net.train()
        optimizer, scheduler = make_optimizer(self.net, config.train, config.train)
        backward = make_backward(config.train.balance, self.net, config.source.parent, setup.runtime.world)
        size, workers = config.data.batch_size, setup.num_workers
        loader = training_loader(
            config, setup.keys, range(total), batch_size=size, seed=setup.seed, num_workers=workers
        )
        times = [self._now()]
        for batch in tqdm(loader, "measuring a few steps", total, leave=False, disable=None):
            losses = task_losses(self.net, setup.runtime.place(batch), setup.tasks, setup.runtime)
            descend(losses, setup.tasks, optimizer, scheduler, config.train.clip, backward)
            times.append(self._now())
        return _mean_step(times)

    @cached_property
    def image(self) -> float:
        """Seconds to evaluate an image, reading included."""
        times, images = [self._now()], []

        def after_batch(count: int) -> None:
            images.append(count)
            times.append(self._now())

        evaluate(self.net, self.setup, batches=WARM_UP + 1, after_batch=after_batch)
        return _mean_step(times) / images[-1]

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

    def seconds(self, step: Step) -> float:
        """A step of the plan; an estimate."""
        if step.done:
            return 0.0
        run = step.run
        if isinstance(run, PlannedStudy):
            return self.start + run.batches * self._scoring_batch(run.setup)
        config = run.setup.config
        evaluation = self.image * self.test_images * self._share(run.tasks)
        if step.kind == "evaluate":
            return self.start + evaluation
        if step.kind == "prune":
            # Some methods need no gradients, or fewer.
            return self.start + config.scoring.num_batches * self._scoring_batch(run.setup)
        interval = config.train.eval_interval
        validations = -(-run.job.schedule.max_iters // interval) - step.going_on // interval
        return self.start + step.iterations * self._training_step(run) + validations * evaluation

    def _training_step(self, run: PlannedTraining) -> float:
        updates, dynamic = 0.0, run.job.dynamic
        if dynamic is not None:
            share = min(1.0, dynamic.end / run.job.schedule.max_iters)
            updates = share * _passes(len(run.tasks)) / dynamic.interval
        return self._steps(run.setup.config.data.batch_size) * self._share(run.tasks) * (1 + updates)

    def _scoring_batch(self, setup: Setup) -> float:
        steps = self._steps(setup.config.scoring.batch_size or setup.config.data.batch_size)
        return steps * self._share(tuple(setup.tasks)) * _passes(len(setup.tasks))

    def _steps(self, images: int) -> float:
        return self.step * images / self.setup.config.data.batch_size

    def _share(self, tasks: Sequence[str]) -> float:
        return sum(self.multiply_adds[part] for part in ("", *tasks)) / sum(self.multiply_adds.values())

    def _now(self) -> float:
        if self.setup.runtime.device.type == "cuda":
            torch.cuda.synchronize(self.setup.runtime.device)
        return time.perf_counter()


def _mean_step(times: Sequence[float]) -> float:
    """Mean difference of the times; the first ones are left out if there are others."""
    steps = [after - before for before, after in zip(times, times[1:], strict=False)]
    if not steps:
        raise UserError("no batch could be read to measure the time of a step; look at the data")
    used = steps[WARM_UP:] or steps
    return sum(used) / len(used)


def _passes(tasks: int) -> float:
    """Training steps that one batch of per-task gradients costs: one pass forwards, two for each task backwards."""
    return (1 + 2 * tasks) / 3


def _bytes(module: nn.Module) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in module.state_dict().values())
