"""SNIP scores of all roles: of tasks whole, of stand-ins, which there are twice as many of, perhaps thinned.

Stand-ins only serve to measure an estimator by. Of the network of the papers and three tasks their scores would be
1 GB, of 25 tasks 9 GB. Where they do not fit, every ``STEP``-th weight of each layer is looked at, of tasks too where
they are compared with stand-ins. What is compared are shares of weights and cosines, here of a sample of weights: of n,
they are off by about 1 / sqrt(n) at most.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from prune_utils.layers import Scores, head_weights, shared_weights, total
from prune_utils.scores import TaskGradient, add_magnitudes, snip_scores, zero_scores

if TYPE_CHECKING:
    from relatedness.controls import Role

EXACT_NUMBERS = 1 << 26
"""Scores of stand-ins are kept whole while they fit in so many numbers (256 MB)."""
STEP = 7
"""Every so manieth weight, in an order in which input channels come fastest. Prime, so that no number of channels or
taps is a multiple of it, and all of them come up."""


@dataclass
class RoleScores:
    """SNIP scores.

    Attributes:
        whole: of the tasks by name, and of the stand-ins unless they are thinned.
        thinned: of the stand-ins where they are, each layer as a vector.
        step: every so manieth weight is in ``thinned``; 1 where nothing is thinned.
    """

    whole: dict[str, Scores]
    thinned: dict[str, Scores]
    step: int

    def of_all(self) -> dict[str, Scores]:
        """Of all roles, alike: whole, or all of them thinned."""
        if self.step == 1:
            return self.whole
        tasks = {
            task: {name: _thin(score, self.step) for name, score in scores.items()}
            for task, scores in self.whole.items()
        }
        return tasks | self.thinned


class Magnitudes:
    """Adds up the sizes of gradients, batch by batch.

    Args:
        net: has a head for each role by its name.
    """

    def __init__(self, net: nn.Module, roles: Sequence["Role"]) -> None:
        stand_ins = [role.name for role in roles if role.kind != "real"]
        sizes = [total({**shared_weights(net), **head_weights(net, name)}.values()) for name in stand_ins]
        self.step = STEP if sum(sizes) > EXACT_NUMBERS else 1
        self.thinned = set(stand_ins) if self.step > 1 else set()
        self.sums = zero_scores(net, [role.name for role in roles if role.name not in self.thinned])
        for name in stand_ins if self.thinned else []:
            layers = {**shared_weights(net), **head_weights(net, name)}
            self.sums[name] = {layer: torch.zeros_like(_thin(weight, self.step)) for layer, weight in layers.items()}

    def add(self, gradient: TaskGradient) -> None:
        """Add a part of a role's gradient, which is overwritten."""
        if gradient.task in self.thinned:
            for name, at in gradient.at.items():
                gradient.at[name] = _thin(at, self.step)
        add_magnitudes(self.sums[gradient.task], gradient.at)

    def scores(self, net: nn.Module, sums: Mapping[str, Scores]) -> RoleScores:
        """The scores, in the place of the sums over all processes."""
        whole = snip_scores(net, {name: layers for name, layers in sums.items() if name not in self.thinned})
        thinned = {name: layers for name, layers in sums.items() if name in self.thinned}
        for role, layers in thinned.items():
            weights = {**shared_weights(net), **head_weights(net, role)}
            for name, magnitudes in layers.items():
                magnitudes.mul_(_thin(weights[name], self.step).abs())
        return RoleScores(whole, thinned, self.step)


@torch.no_grad()
def _thin(values: Tensor, step: int) -> Tensor:
    """Every ``step``-th of a layer's values as a vector of its own, input channels fastest."""
    last = values.permute(0, *range(2, values.dim()), 1) if values.dim() > 2 else values
    return last.reshape(-1)[::step].clone()
