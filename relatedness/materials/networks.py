"""The networks of a study: a head for every task and stand-in, at initialisation or after a short training."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from torch import nn

from models import MultitaskNet, build_head
from prune_utils.initialisation import scored_network
from relatedness.base import State
from relatedness.controls import Role
from relatedness.materials.short_training import ShortTraining, train_shortly
from relatedness.materials.warmup import train_jointly
from runtime.device import seed_everything

if TYPE_CHECKING:
    from relatedness.study import Study

TWIN, ORDER, TWIN_ORDER = 4, 6, 7
"""What a seed is for."""


def make_network(study: "Study", state: State) -> MultitaskNet:
    """The network of a study's seed, on the device.

    At initialisation it is the one that ``static_similarity.py`` scores, a Xavier-normal copy unless told otherwise. A
    warm one was trained from the initialisation that training starts from. Shuffled roles share their task's head;
    twins have their own.
    """
    if state == "warm":
        net = starting_network(study, study.roles)
        train_jointly(net, study)
        return net
    net = study.setup.network(study.seed)
    twins = twin_heads(study, int(net.backbone.out_channels))  # type: ignore[arg-type]
    init = study.setup.init
    return _assembled(
        scored_network(net, study.seed, init), scored_network(twins, twin_seed(study), init), study.roles
    )


def starting_network(study: "Study", roles: Iterable[Role]) -> MultitaskNet:
    """A new network as training starts from it, on the device, with heads for these roles.

    The backbone and the head of a role are the same whatever other roles there are.
    """
    net = study.setup.network(study.seed)
    return _assembled(net, twin_heads(study, int(net.backbone.out_channels)), roles)  # type: ignore[arg-type]


def trained_on(study: "Study", roles: Sequence[Role], iterations: int, name: str) -> MultitaskNet:
    """A new network after a short training on some roles, without the held-out pictures.

    All start from the same backbone and see the same batches in the same order, so that they can be compared in pairs;
    only a twin by itself has an order of its own.

    Args:
        name: for the progress bar and for messages.
    """
    net = starting_network(study, roles)
    purpose = TWIN_ORDER if roles[0].kind == "twin" else ORDER
    seed = int(np.random.SeedSequence([study.seed, purpose]).generate_state(1)[0])
    train_shortly(net, study, ShortTraining(roles, iterations, seed, name, leaving_out=study.held_out_pictures()))
    return net


def twin_heads(study: "Study", width: int) -> nn.ModuleDict:
    """A new head for every twin, from a seed of its own; ``width`` is the number of the backbone's channels."""
    config = study.setup.config
    twins = [role for role in study.roles if role.kind == "twin"]
    names = {role.name: role.task.head_name or config.model.head for role in twins}
    seed_everything(twin_seed(study))
    heads = {
        role.name: build_head(names[role.name], width, role.task.channels, config.model, config.source.parent)
        for role in twins
    }
    return nn.ModuleDict(heads).to(study.setup.runtime.device)


def twin_seed(study: "Study") -> int:
    """A seed that has nothing to do with the one that the tasks' own heads are drawn from."""
    return int(np.random.SeedSequence([study.seed, TWIN]).generate_state(1)[0])


def _assembled(net: MultitaskNet, twins: nn.ModuleDict, roles: Iterable[Role]) -> MultitaskNet:
    heads = {role.name: twins[role.name] if role.kind == "twin" else net.heads[role.task.name] for role in roles}
    return MultitaskNet(net.backbone, heads)
