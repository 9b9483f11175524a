"""A short joint training, after which heads carry the directions of their tasks."""

from typing import TYPE_CHECKING

import numpy as np

from models import MultitaskNet
from relatedness.materials.short_training import ShortTraining, train_shortly

if TYPE_CHECKING:
    from relatedness.study import Study

WARMUP = 5
"""What a seed is for."""


def train_jointly(net: MultitaskNet, study: "Study") -> None:
    """Train the tasks of a study for ``plan.warmup`` iterations, as ``launch_training.py`` would begin to.

    Heads of twins are trained beside them, on features that pass nothing back to the backbone; shuffled roles have the
    heads of their tasks. The batches are of the whole training split, in an order of their own.

    Raises:
        UserError: as ``train_shortly``.
    """
    roles = [role for role in study.roles if role.kind != "shuffled"]
    twins = {role.name for role in roles if role.kind == "twin"}
    seed = int(np.random.SeedSequence([study.seed, WARMUP]).generate_state(1)[0])
    train_shortly(net, study, ShortTraining(roles, study.plan.warmup, seed, "warm-up", aside=twins))
    study.products.count_passes(study.plan.warmup, study.plan.warmup)
