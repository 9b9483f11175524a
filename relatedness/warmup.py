"""A short joint training, after which heads carry the directions of their tasks; nothing is validated or written."""

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from configs import UserError
from dataloaders import training_loader
from models import MultitaskNet
from runtime.device import seed_everything
from runtime.passes import report_skipped
from training.optim import make_optimizer
from training.step import descend, step_seed, task_losses

if TYPE_CHECKING:
    from relatedness.study import Study

WARMUP = 5
"""What a seed is for."""


def train_jointly(net: MultitaskNet, study: "Study") -> None:
    """Train the tasks of a study for ``plan.warmup`` iterations, as ``launch_training.py`` would begin to.

    Heads of twins are trained beside them, on features that pass nothing back to the backbone; shuffled roles have the
    heads of their tasks. The batches are of the whole training split, in an order of their own. Every process does the
    whole of it, so that the network does not depend on how many there are.

    Raises:
        UserError: a loss that is not finite; unreadable data.
    """
    setup, config = study.setup, study.setup.config
    roles = {role.name: role for role in study.roles if role.kind != "shuffled"}
    twins = [role.name for role in study.roles if role.kind == "twin"]
    own = [name for name in roles if name not in twins]
    optimizer, scheduler = make_optimizer(setup.runtime.arrange(net).train(), config.train, config.train.weight_decay)

    def predict(images: Tensor) -> dict[str, Tensor]:
        features = net.backbone(images)
        predictions = {name: net.heads[name](features) for name in own}
        aside = features.detach()
        return predictions | {name: net.heads[name](aside) for name in twins}

    seed = int(np.random.SeedSequence([study.seed, WARMUP]).generate_state(1)[0])
    loader = training_loader(
        config,
        setup.keys,
        range(study.plan.warmup),
        batch_size=config.data.batch_size,
        seed=seed,
        num_workers=setup.num_workers,
    )
    with study.bar(study.plan.warmup, "warm-up") as bar:
        for iteration, batch in enumerate(loader):
            placed = setup.runtime.place(batch)
            seed_everything(step_seed(seed, iteration, 0))
            losses = task_losses(predict, placed, roles, setup.runtime)
            _check_finite(losses, iteration)
            descend(losses, roles, optimizer, scheduler)
            bar.update()
        report_skipped(loader, bar)
    study.products.count_passes(study.plan.warmup, study.plan.warmup)
    net.to(memory_format=torch.contiguous_format)


def _check_finite(losses: dict[str, Tensor], iteration: int) -> None:
    for name, loss in losses.items():
        if not bool(torch.isfinite(loss)):
            raise UserError(
                f"the loss of '{name}' is {float(loss)} in iteration {iteration + 1} of the warm-up; look at the data, "
                f"or set a lower rate with --set train.lr=..."
            )
