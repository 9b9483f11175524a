"""One pass over the scores gives all statistics that every measure, weighting and sparsity needs."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from prune_utils.layers import Scores, total
from prune_utils.masks import keep_thresholds
from relatedness.snip.measures import PairStatistics

CHUNK = 1 << 16
"""Weights handled at once: small enough for the cache, and for counts that are exact in float32."""

COSINE_EPS = 1e-8


@dataclass(frozen=True)
class Statistics:
    """Statistics of all pairs of T tasks on L shared layers at R keep ratios.

    Attributes:
        tasks: T names.
        layers: L parameter names, in the backbone's order.
        keep_ratios: R ratios.
        numel: [L] weights of each layer.
        both: [R, L, T, T] weights that both tasks keep; the diagonal is what one task keeps.
        cosine: [L, T, T] cosine of the score vectors.
        masked_cosine: [R, L, T, T] cosine of the masked score vectors.
    """

    tasks: tuple[str, ...]
    layers: tuple[str, ...]
    keep_ratios: tuple[float, ...]
    numel: np.ndarray
    both: np.ndarray
    cosine: np.ndarray
    masked_cosine: np.ndarray

    def pair(self, ratio: int, a: str, b: str) -> PairStatistics:
        """Statistics of two tasks at the keep ratio with this index."""
        i, j = self.tasks.index(a), self.tasks.index(b)
        both = self.both[ratio]
        return PairStatistics(
            numel=self.numel,
            kept_a=both[:, i, i],
            kept_b=both[:, j, j],
            kept_both=both[:, i, j],
            cosine=self.cosine[:, i, j],
            masked_cosine=self.masked_cosine[ratio, :, i, j],
        )


@torch.no_grad()
def pair_statistics(scores: Mapping[str, Scores], shared: Collection[str], keep_ratios: Sequence[float]) -> Statistics:
    """Statistics of every pair of tasks: for each layer one matrix product over all tasks, not a loop over pairs.

    Args:
        scores: task -> scores of the backbone and its own head.
        shared: names of the backbone's weights, in order.
        keep_ratios: shares of backbone and own head, together, that a task keeps.
    """
    tasks, layers = tuple(scores), tuple(shared)
    thresholds = torch.tensor([keep_thresholds(task_scores, keep_ratios) for task_scores in scores.values()])
    # The cosine does not depend on the scale of the scores; a mean of 1 keeps their squares in float32's range,
    # and 1 / numel brings the norms back to those of scores that sum to 1.
    sums = [sum(float(score.double().sum()) for score in task_scores.values()) for task_scores in scores.values()]
    numels = np.array([total(task_scores.values()) for task_scores in scores.values()], dtype=float)
    scale = torch.tensor([n / s if s > 0 else 0.0 for n, s in zip(numels, sums, strict=True)])
    both, cosine, masked = [], [], []
    for layer in layers:
        rows = [task_scores[layer].reshape(-1) for task_scores in scores.values()]
        counts, products, masked_products = _products(rows, thresholds.to(rows[0].device), scale.to(rows[0].device))
        both.append(counts.round().astype(np.int64))
        cosine.append(_cosine(products, numels))
        masked.append(np.stack([_cosine(product, numels) for product in masked_products]))
    return Statistics(
        tasks=tasks,
        layers=layers,
        keep_ratios=tuple(keep_ratios),
        numel=np.array([next(iter(scores.values()))[layer].numel() for layer in layers]),
        both=np.stack(both, axis=1),
        cosine=np.stack(cosine),
        masked_cosine=np.stack(masked, axis=1),
    )


def _products(rows: list[Tensor], thresholds: Tensor, scale: Tensor) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sums over the weights of one layer, for all pairs of T tasks.

    Args:
        rows: T score vectors of the layer.
        thresholds: [T, R].
        scale: [T], factors that bring each task's scores to a mean of 1.

    Returns:
        counts [R, T, T] of weights kept by both, products [T, T] of scores, products [R, T, T] of masked scores.
    """
    num_tasks, num_ratios = thresholds.shape
    options = {"dtype": torch.float64, "device": thresholds.device}
    counts = torch.zeros(num_ratios, num_tasks, num_tasks, **options)  # type: ignore[call-overload]
    masked_products = torch.zeros_like(counts)
    products = torch.zeros(num_tasks, num_tasks, **options)  # type: ignore[call-overload]
    # Within a chunk float32 counts exactly (up to 2^24); over the chunks float64 does.
    for start in range(0, len(rows[0]), CHUNK):
        chunk = torch.stack([row[start : start + CHUNK] for row in rows])
        scaled = chunk * scale[:, None]
        products += scaled @ scaled.T
        for ratio in range(num_ratios):
            # By the scores as they are: scaling would round, and so move weights across the threshold.
            kept = (chunk >= thresholds[:, ratio, None]).to(scaled.dtype)
            counts[ratio] += kept @ kept.T
            kept *= scaled  # in place, as the chunk is still in the cache
            masked_products[ratio] += kept @ kept.T
    return counts.cpu().numpy(), products.cpu().numpy(), masked_products.cpu().numpy()


def _cosine(products: np.ndarray, numels: np.ndarray) -> np.ndarray:
    """Cosine of all pairs from their dot products, [T, T] -> [T, T]; each norm is at least 1e-8."""
    # A layer that a task does not keep has a norm of 0, and a cosine of 0 with all others.
    norms = np.maximum(np.sqrt(np.diag(products)), COSINE_EPS * numels)
    return np.clip(products / np.outer(norms, norms), 0, 1)
