"""From scores to masks: thresholds, keep ratios, and the merging of the tasks' masks."""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from prune_utils.layers import Masks, Scores, total


def keep_count(numel: int, keep_ratio: float) -> int:
    """How many of ``numel`` weights a keep ratio keeps: rounded down."""
    return int(numel * keep_ratio)


def keep_thresholds(scores: Scores, keep_ratios: Sequence[float]) -> list[float]:
    """For each keep ratio, the k-th largest of all scores, k = n * ratio rounded down; infinity for k = 0.

    All thresholds come from one selection pass over the scores.
    """
    ordered = _flat(scores.values())
    numel = ordered.numel()
    counts = [keep_count(numel, ratio) for ratio in keep_ratios]
    positions = [numel - count for count in counts if count > 0]
    if ordered.is_cuda:
        ordered = ordered.sort().values
    elif positions:
        # A partial sort puts all these ranks right at once, in a small part of the time of a full sort. It may work
        # in place: `_flat` has made a copy.
        ordered.numpy().partition(sorted(set(positions)))
    return [ordered[numel - count].item() if count > 0 else math.inf for count in counts]


def masks_above(scores: Scores, threshold: float) -> Masks:
    """Keep every weight whose score is at least the threshold; ties are all kept."""
    return {name: score >= threshold for name, score in scores.items()}


def merge(task_masks: Iterable[Masks]) -> Masks:
    """A weight is pruned only if every task that has it prunes it (DiSparse)."""
    merged: Masks = {}
    for masks in task_masks:
        for name, mask in masks.items():
            # Not in place: the first mask that is taken over still belongs to its task.
            merged[name] = merged[name] | mask if name in merged else mask
    return merged


class MergedNetwork:
    """Counts the weights that the merged masks keep, for any keep ratio, without making masks.

    Args:
        scores: task -> scores of the backbone and its own head.
        shared: names of the backbone's weights.
    """

    def __init__(self, scores: Mapping[str, Scores], shared: Collection[str]) -> None:
        # What the merged backbone keeps depends on which tasks meet in a weight, so its scores stay where they are. A
        # head has one task: for thresholds and for heads sorted scores will do, and cost a look-up at each ratio.
        self.shared = [[task_scores[name] for name in shared] for task_scores in scores.values()]
        self.ordered = [_sorted(_flat(task_scores.values())) for task_scores in scores.values()]
        self.heads = [_sorted(_flat(s for name, s in task.items() if name not in shared)) for task in scores.values()]
        self.numel = total(self.shared[0]) + sum(len(head) for head in self.heads)

    def kept(self, keep_ratio: float) -> int:
        """Weights that the merged network keeps at this ratio, ties included."""
        counts = [keep_count(len(ordered), keep_ratio) for ordered in self.ordered]
        thresholds = [float(o[-n]) if n else math.inf for o, n in zip(self.ordered, counts, strict=True)]
        kept = 0
        for layer in zip(*self.shared, strict=True):
            union = layer[0] >= thresholds[0]
            for score, threshold in zip(layer[1:], thresholds[1:], strict=True):
                union |= score >= threshold
            kept += int(union.sum())
        for head, threshold in zip(self.heads, thresholds, strict=True):
            # "left" counts the ties as kept. With a float64 to look for, NumPy would convert the whole head first.
            kept += len(head) - int(np.searchsorted(head, np.float32(threshold), side="left"))
        return kept

    def exact_ratio(self, sparsity: float) -> float:
        """The smallest keep ratio, found by bisection, at which the network keeps at least its share.

        Args:
            sparsity: of the merged network, in percent.
        """
        wanted = target_count(self.numel, sparsity)
        low, high = 0.0, 1.0
        # Half a weight of the largest task: within an interval this short no task's count changes more than once.
        step = 0.5 / max(len(ordered) for ordered in self.ordered)
        while high - low > step:
            middle = (low + high) / 2
            kept = self.kept(middle)
            if kept == wanted:
                # A larger ratio only ever adds weights, so all ratios that keep this many keep the same ones.
                return middle
            low, high = (middle, high) if kept < wanted else (low, middle)
        return high


def target_count(numel: int, sparsity: float) -> int:
    """How many of ``numel`` weights a sparsity in percent leaves."""
    return round(numel * (100 - sparsity) / 100)


def exact_masks(scores: Mapping[str, Scores], shared: Collection[str], sparsity: float) -> tuple[Masks, float]:
    """Merged masks that keep exactly the share of weights asked for, and the keep ratio that led to them.

    Where scores tie at the threshold (scores of 0 often do), the surplus is pruned from the end of the network,
    so that the count is exact and the choice always the same.
    """
    ratio = MergedNetwork(scores, shared).exact_ratio(sparsity)
    thresholds = {task: keep_thresholds(task_scores, [ratio])[0] for task, task_scores in scores.items()}
    merged = merge(masks_above(task_scores, thresholds[task]) for task, task_scores in scores.items())
    # The next smaller ratio keeps too few, and it keeps all that stand above the thresholds. So what stands at them
    # is enough to take the surplus from.
    surplus = int(sum(mask.sum() for mask in merged.values())) - target_count(total(merged.values()), sparsity)
    if surplus > 0:
        _prune_ties(merged, scores, thresholds, surplus)
    return merged, ratio


def _prune_ties(
    merged: Masks, scores: Mapping[str, Scores], thresholds: Mapping[str, float], surplus: int
) -> None:
    """Prune ``surplus`` of the weights that stand at the threshold of every task that keeps them, last ones first."""
    for name in reversed(merged):
        above = torch.zeros_like(merged[name])
        for task, task_scores in scores.items():
            if name in task_scores:
                above |= task_scores[name] > thresholds[task]
        tied = (merged[name] & ~above).flatten().nonzero().flatten()
        chosen = tied[max(0, len(tied) - surplus) :]
        merged[name].view(-1)[chosen] = False
        surplus -= len(chosen)
        if surplus <= 0:
            return


def _flat(tensors: Iterable[Tensor]) -> Tensor:
    parts = [tensor.detach().reshape(-1).float() for tensor in tensors]  # NumPy has no bfloat16
    return torch.cat(parts) if parts else torch.empty(0)


def _sorted(flat: Tensor) -> np.ndarray:
    return np.sort(flat.cpu().numpy())  # several times faster than torch's sort on a CPU
