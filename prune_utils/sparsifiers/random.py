"""Random masks with Erdos-Renyi-kernel densities (Evci et al., "Rigging the lottery", ICML 2020)."""

import torch

from prune_utils.erk import erk_counts
from prune_utils.layers import Masks, weights
from prune_utils.selection import random_mask
from prune_utils.sparsifiers.base import OneShot, Request


class Random(OneShot):
    """Each layer keeps the number of weights that its density says, drawn from the seed."""

    def masks(self, request: Request) -> tuple[Masks, float]:
        shapes = {name: weight.shape for name, weight in weights(request.net).items()}
        sparsity = request.sparsity if request.keep_ratio is None else 100 * (1 - request.keep_ratio)
        counts = erk_counts(shapes, sparsity, request.erk_power)
        generator = torch.Generator().manual_seed(request.seed)
        masks = {name: random_mask(shapes[name], count, generator) for name, count in counts.items()}
        return masks, 1 - sparsity / 100
