"""Training: our loop against a plain one, and what dynamic sparsity adds to a dense step."""

import tempfile
from functools import partial
from itertools import count
from pathlib import Path

import torch

from benchmarks.scoring import example
from benchmarks.timing import Row, interleaved, seconds
from configs import flags, load_config
from dataloaders import training_loader
from models import MultitaskNet
from runtime.device import Runtime
from runtime.setup import Setup, prepare
from tasks import Task, build_tasks
from training.job import Job, begin_sparsifying, make_job
from training.loop.trainer import Trainer
from training.optim import make_optimizer

STEPS = 30


def measure_loop() -> list[Row]:
    """The sample network for some steps: our loop with its bar, log, checks and seeds, and a plain one."""
    with tempfile.TemporaryDirectory() as folder:
        # No validation and no checkpoint in between: they are not part of a step, in either loop.
        job = small_job(folder)
        ours, plain = interleaved(lambda: run_ours(job), lambda: run_plain(job), repeats=3)
    return [Row("training", "our loop over a plain one, time a step", f"{ours / plain:.2f} x", "< 1.05 x")]


def small_job(folder: str) -> Job:
    """Training of the sample network, with nothing but steps."""
    settings = ["train.eval_interval=100000", "train.save_interval=100000"]
    words = ["--num_workers", "1", "--dest", folder, *(word for text in settings for word in ("--set", text))]
    return make_job(prepare(flags.SharedFlags.of(flags.script_parser("").parse_args(words))), "baseline", 90, STEPS)


class StepsOnly(Trainer):
    """Our loop less what comes before the first step and after the last: a validation and the checkpoints."""

    def _begin(self) -> None:
        self.files.write = self.files.draw = lambda *given, **further: None  # type: ignore[method-assign, assignment]

    def _after_step(self) -> None:
        self._check_stop()


def run_ours(job: Job) -> None:
    """Our loop, from its first step to its last."""
    StepsOnly(job, job.setup.network()).train()


def run_plain(job: Job) -> None:
    """What one would write down first."""
    setup = job.setup
    net = setup.runtime.arrange(setup.network()).train()
    optimizer, scheduler = make_optimizer(net, job.schedule, setup.config.train)
    size = setup.config.data.batch_size
    for batch in training_loader(setup.config, setup.keys, range(STEPS), batch_size=size, seed=0, num_workers=1):
        step(net, setup.tasks, batch, optimizer)
        scheduler.step()


def step(net: MultitaskNet, tasks: dict[str, Task], batch: dict, optimizer: torch.optim.Optimizer) -> None:
    """One step of training."""
    predictions = net(batch["img"])
    loss = sum(task.weight * task.loss(predictions[name], batch) for name, task in tasks.items())
    loss.backward()  # type: ignore[union-attr]
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)


def measure_dynamic() -> list[Row]:
    """The full-size NYUv2 network: a dense step, a masked one, and an update of the masks every 50 steps."""
    config = load_config("nyuv2")
    tasks = build_tasks(config, None)
    setup = Setup(config, tasks, list(tasks), Runtime(torch.device("cpu"), "fp32"), flags.SharedFlags(), Path())
    batch = dict(example())
    nets = {method: setup.network().train() for method in ("baseline", "disparse_dynamic")}
    job = make_job(setup, "disparse_dynamic", 90, None)
    optimizers = {method: make_optimizer(net, config.train, config.train)[0] for method, net in nets.items()}
    sparsifier = begin_sparsifying(job, nets["disparse_dynamic"], optimizers["disparse_dynamic"])
    assert sparsifier is not None
    steps = {method: partial(step, net, tasks, batch, optimizers[method]) for method, net in nets.items()}
    dense, masked = interleaved(steps["baseline"], steps["disparse_dynamic"], repeats=3)
    iterations = count(0, config.dynamic.interval)
    update = seconds(lambda: sparsifier.before_step(next(iterations), batch), repeats=2)
    mean = masked + update / config.dynamic.interval
    return [
        Row("training", "disparse_dynamic over a dense step, interval 50", f"{mean / dense:.2f} x", "< 1.15 x"),
        Row("training", "of which the masks, in every step", f"{masked / dense:.2f} x"),
        Row("training", "an update of the masks, in dense steps", f"{update / dense:.1f}"),
    ]
