"""The networks of a study: a head for every task and stand-in, at initialisation or after a short joint training."""

from typing import TYPE_CHECKING

import numpy as np
from torch import nn

from models import MultitaskNet, builders
from prune_utils.scores import xavier_copy
from relatedness.base import State
from relatedness.warmup import train_jointly
from runtime.device import seed_everything

if TYPE_CHECKING:
    from relatedness.study import Study

TWIN = 4
"""What a seed is for."""


def make_network(study: "Study", state: State) -> MultitaskNet:
    """The network of a study's seed, on the device.

    At initialisation it is the Xavier-normal copy that ``static_similarity.py`` scores. A warm one was trained from the
    initialisation that training starts from. Shuffled roles share their task's head; twins have their own.
    """
    net = study.setup.network(study.seed)
    heads = twin_heads(study, int(net.backbone.out_channels))  # type: ignore[arg-type]
    if state == "init":
        net, heads = xavier_copy(net, study.seed), xavier_copy(heads, twin_seed(study))
    for role in study.roles:
        if role.kind == "shuffled":
            net.heads[role.name] = net.heads[role.task.name]
        elif role.kind == "twin":
            net.heads[role.name] = heads[role.name]
    if state == "warm":
        train_jointly(net, study)
    return net


def twin_heads(study: "Study", width: int) -> nn.ModuleDict:
    """A new head for every twin, from a seed of its own; ``width`` is the number of the backbone's channels."""
    config = study.setup.config
    _, make_head = builders(config.model, config.source.parent)
    seed_everything(twin_seed(study))
    return nn.ModuleDict(
        {role.name: make_head(width, role.task.channels, config.model) for role in study.roles if role.kind == "twin"}
    ).to(study.setup.runtime.device)


def twin_seed(study: "Study") -> int:
    """A seed that has nothing to do with the one that the tasks' own heads are drawn from."""
    return int(np.random.SeedSequence([study.seed, TWIN]).generate_state(1)[0])
