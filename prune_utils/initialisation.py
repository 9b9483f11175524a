"""Scores at initialisation: of Xavier-normal weights, as published, or of those that the network has."""

import copy
from collections.abc import Callable
from typing import Literal, TypeVar

import torch
from torch import nn

from prune_utils.layers import Scores, weights
from prune_utils.scores import snip_scores

Net = TypeVar("Net", bound=nn.Module)
Init = Literal["xavier", "own"]
"""Which weights are scored: those of a Xavier-normal copy, or the network's own, such as pretrained ones."""


def xavier_copy(net: Net, seed: int) -> Net:
    """A copy of the network with Xavier-normal weights drawn from ``seed``; biases and norms stay as they are."""
    twin = copy.deepcopy(net)
    generator = torch.Generator().manual_seed(seed)
    for parameter in weights(twin).values():
        # Drawn on the CPU, so that a seed means the same network on every device.
        drawn = nn.init.xavier_normal_(torch.empty(parameter.shape), generator=generator)
        with torch.no_grad():
            parameter.copy_(drawn)
    return twin


def scored_network(net: Net, seed: int, init: Init = "xavier") -> Net:
    """The network whose weights are scored at initialisation: a Xavier-normal copy, or ``net`` itself."""
    return xavier_copy(net, seed) if init == "xavier" else net


def scores_at_initialisation(
    net: nn.Module, seed: int, magnitudes: Callable[[nn.Module], dict[str, Scores]], init: Init = "xavier"
) -> tuple[nn.Module, dict[str, Scores]]:
    """SNIP scores at initialisation: the network that was scored, and task -> scores.

    Args:
        seed: of the weights of a Xavier copy.
        magnitudes: gives, for that network, each task's sum over batches of |dL_t/dw|.
        init: "xavier" scores a Xavier-normal copy, as published; "own" the weights that the network has.
    """
    twin = scored_network(net, seed, init)
    return twin, snip_scores(twin, magnitudes(twin))
