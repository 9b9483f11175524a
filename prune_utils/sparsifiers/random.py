"""Random masks with Erdos-Renyi-kernel densities (Evci et al., "Rigging the lottery", ICML 2020)."""

import torch
from pydantic import Field

from prune_utils.erk import erk_counts
from prune_utils.layers import Masks, weights
from prune_utils.selection import random_mask
from prune_utils.sparsifiers.base import OneShot, OneShotInputs


class Random(OneShot):
    """Each layer keeps the number of weights that its density says, drawn from the seed.

    Options:
        erk_power: exponent of the densities; 0 makes all layers equally dense.
    """

    erk_power: float = Field(0.9, ge=0)

    def masks(self, inputs: OneShotInputs) -> tuple[Masks, float]:
        shapes = {name: weight.shape for name, weight in weights(inputs.net).items()}
        sparsity = inputs.sparsity if inputs.keep_ratio is None else 100 * (1 - inputs.keep_ratio)
        counts = erk_counts(shapes, sparsity, self.erk_power)
        generator = torch.Generator().manual_seed(inputs.seed)
        masks = {name: random_mask(shapes[name], count, generator) for name, count in counts.items()}
        return masks, 1 - sparsity / 100
