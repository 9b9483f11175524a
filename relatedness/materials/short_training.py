"""A short training inside a study, the first steps of ``launch_training.py``; nothing is validated or written."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from tqdm import tqdm

from configs import UserError
from dataloaders import training_loader
from models import MultitaskNet
from relatedness.controls import Role, shuffled_within, with_shuffled
from runtime.device import seed_everything
from runtime.passes import report_skipped
from runtime.setup import Setup
from training.loop.step import descend, step_seed, task_losses
from training.optim import make_optimizer

if TYPE_CHECKING:
    from relatedness.study import Study

WARMUP_SHARE = 0.05
"""Of the training schedule: the length of short trainings where no other is asked for."""


def default_warmup(setup: Setup) -> int:
    """Iterations of joint training before a warm network is looked at, where no others are asked for."""
    return setup.config.scoring.relatedness_warmup or max(1, round(WARMUP_SHARE * setup.config.train.max_iters))


def short_iterations(study: "Study", asked: int | None) -> int:
    """Iterations of a short training: those asked for, else as many as the study's warm-up has, else the default."""
    return asked or study.plan.warmup or default_warmup(study.setup)


@dataclass(frozen=True)
class ShortTraining:
    """What is trained, and for how long.

    Attributes:
        roles: whose losses are added up, each with its weight.
        iterations: steps.
        seed: of the order of the pictures, their augmentation, what shuffled roles see, and dropout.
        name: for the progress bar and for messages.
        aside: names of roles whose heads are trained on features that pass nothing back to the backbone.
        leaving_out: places in the training split of pictures that are not trained on.
    """

    roles: Collection[Role]
    iterations: int
    seed: int
    name: str
    aside: Collection[str] = ()
    leaving_out: Collection[int] = ()


def train_shortly(net: MultitaskNet, study: "Study", training: ShortTraining) -> None:
    """Train a network in place, with the schedule that training begins with.

    Every process that calls this does the whole of it, so that the network does not depend on how many there are.

    Args:
        net: on the device, with a head for every role by its name.

    Raises:
        UserError: a loss that is not finite; unreadable data.
    """
    config, runtime = study.setup.config, study.setup.runtime
    roles = {role.name: role for role in training.roles}
    optimizer, scheduler = make_optimizer(runtime.arrange(net).train(), config.train, config.train)

    def predict(images: Tensor) -> dict[str, Tensor]:
        features = net.backbone(images)
        predictions = {name: net.heads[name](features) for name in roles if name not in training.aside}
        aside = features.detach()
        return predictions | {name: net.heads[name](aside) for name in roles if name in training.aside}

    with study.bar(training.iterations, training.name) as bar:
        for iteration, batch in enumerate(_batches(study, training, bar)):
            seed_everything(step_seed(training.seed, iteration, 0))
            with runtime.fixed_shapes():
                losses = task_losses(predict, batch, roles, runtime)
                _check_finite(losses, iteration, training.name)
                descend(losses, roles, optimizer, scheduler, config.train.clip)
            bar.update()
    net.to(memory_format=torch.contiguous_format)


def _batches(study: "Study", training: ShortTraining, bar: tqdm) -> Iterator[dict[str, Any]]:
    """The batches on the device, with targets for shuffled roles where there are any.

    Those are of other pictures of the same batch, or, where a batch is one picture, of the next batch.
    """
    setup, size = study.setup, study.setup.config.data.batch_size
    shuffled = any(role.kind == "shuffled" for role in training.roles)
    ahead = int(shuffled and size == 1)
    loader = training_loader(
        setup.config,
        setup.keys,
        range(training.iterations + ahead),
        batch_size=size,
        seed=training.seed,
        num_workers=setup.num_workers,
        leaving_out=training.leaving_out,
    )
    batches = map(setup.runtime.place, loader)
    if ahead:
        for batch, following in pairwise(batches):
            yield with_shuffled(batch, following, setup.keys, torch.zeros(1).long())
    elif shuffled:
        for number, batch in enumerate(batches):
            yield shuffled_within(batch, setup.keys, training.seed, number)
    else:
        yield from batches
    report_skipped(loader, bar)


def _check_finite(losses: dict[str, Tensor], iteration: int, name: str) -> None:
    for role, loss in losses.items():
        if not bool(torch.isfinite(loss)):
            raise UserError(
                f"the loss of '{role}' is {float(loss.detach())} in iteration {iteration + 1} of a short training "
                f"({name}); look at the data, or set a lower rate with --set train.lr=..."
            )
