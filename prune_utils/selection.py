"""Choosing an exact number of weights, the same ones on every machine."""

import numpy as np
import torch
from torch import Tensor


def largest(values: Tensor, count: int, among: Tensor) -> Tensor:
    """Exactly ``count`` of the candidates, those with the largest values; all of them where there are fewer.

    Of equal values the first ones in memory order (row-major) are taken, so that the choice does not depend
    on the device, and processes that hold the same values choose the same weights.

    Args:
        values: any shape.
        among: bool, same shape: the candidates.

    Returns:
        bool, same shape: the chosen ones.
    """
    flat, open_ = values.reshape(-1), among.reshape(-1)
    candidates = flat[open_]
    count = min(count, len(candidates))
    if count <= 0:
        return torch.zeros_like(among)
    if count == len(candidates):
        return among.clone()
    # Not torch.topk: it leaves open which of equal values it returns.
    threshold = _kth_largest(candidates, count)
    chosen = (flat > threshold).logical_and_(open_)
    missing = count - int(chosen.count_nonzero())
    if missing:  # at least one is: the k-th largest itself is not above the threshold
        ties = (flat == threshold).logical_and_(open_).nonzero().flatten()
        chosen[ties[:missing]] = True
    return chosen.view(among.shape)


def random_mask(shape: torch.Size, count: int, generator: torch.Generator) -> Tensor:
    """A bool mask of this shape with exactly ``count`` entries true, drawn on the CPU."""
    return largest(torch.rand(shape, generator=generator), count, torch.ones(shape, dtype=torch.bool))


def _kth_largest(values: Tensor, k: int) -> float:
    rank = len(values) - k  # from 0, the smallest first
    if values.is_cuda:
        return values.kthvalue(rank + 1).values.item()
    return float(np.partition(values.numpy(), rank)[rank])  # on a CPU several times faster than kthvalue
