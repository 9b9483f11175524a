"""What tasks of the whole image share: counting by class, and areas under ROC curves, without keeping scores."""

import torch
from torch import Tensor

from tasks.pixels import count

REACH, BINS = 16.0, 4096
"""Logits are counted in so many bins from -REACH to REACH, those beyond in the outermost."""


def score_counts(logits: Tensor, positive: Tensor, valid: Tensor) -> Tensor:
    """How often each logit occurs among negative and positive images, for ``areas_under_roc``.

    Args:
        logits: [N, C].
        positive: bool [N, C].
        valid: bool [N, C], which of them count.

    Returns:
        int64 [C, 2, BINS].
    """
    classes = logits.shape[1]
    bins = ((logits + REACH) * (BINS / (2 * REACH))).long().clamp(0, BINS - 1)
    rows = torch.arange(classes, device=logits.device) * 2 + positive.long()
    index = torch.where(valid, rows * BINS + bins, classes * 2 * BINS)  # the bin after the last takes the others
    return count(index, classes * 2 * BINS + 1)[:-1].view(classes, 2, BINS)


def areas_under_roc(counts: Tensor) -> Tensor:
    """The area under the ROC curve of each class: how often a positive image has a larger logit than a negative one.

    Two in one bin count half, so that it is exact but for pairs less than 1/128 of a logit apart.

    Args:
        counts: [C, 2, BINS] of ``score_counts``.

    Returns:
        float64 [C], NaN where there are no positive or no negative images.
    """
    negative, positive = counts.double().unbind(1)
    below = negative.cumsum(1) - negative
    wins = (positive * (below + negative / 2)).sum(1)
    return wins / (negative.sum(1) * positive.sum(1))  # 0 / 0 is NaN


def f1_of(hit: Tensor, chosen: Tensor, truth: Tensor) -> Tensor:
    """2 TP / (2 TP + FP + FN) of each class, [C]; NaN for a class that no image has.

    Args:
        hit, chosen, truth: how many images are rightly given the class, are given it, and have it.
    """
    return torch.where(truth > 0, 2 * hit.double() / (chosen + truth).clamp(min=1), float("nan"))


def mean_of(values: Tensor) -> float:
    """Mean of the values that are defined; NaN if none is."""
    return float(values[~values.isnan()].mean())
