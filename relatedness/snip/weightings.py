"""How much each layer counts in the similarity of two tasks (Meta-Sparse report; DESIGN gives the formulas).

Layers count l = 0, 1, 2, ... from the input; s_a and s_b are the shares of the layer that tasks a and b prune.
The published code measures s on one filter of a layer; here it is measured on the whole layer.
"""

from collections.abc import Callable

import numpy as np

from relatedness.snip.measures import PairStatistics


def _sparsities(pair: PairStatistics) -> np.ndarray:
    return 1 - np.stack([pair.kept_a, pair.kept_b]) / pair.numel


def _epi_like(pair: PairStatistics) -> np.ndarray:
    return 1 - np.abs(pair.kept_a - pair.kept_b) / np.maximum(pair.kept_a + pair.kept_b, 1e-9)


Weighting = Callable[[PairStatistics], np.ndarray]
"""Gives the weight of each layer, [layers], 0 or more."""

WEIGHTINGS: dict[str, Weighting] = {
    "equal": lambda pair: np.ones(len(pair.numel)),
    "linear": lambda pair: np.arange(len(pair.numel), dtype=float),
    "linear_plus_one": lambda pair: np.arange(len(pair.numel)) + 1.0,
    "five_zeros": lambda pair: (np.arange(len(pair.numel)) >= 5).astype(float),
    "av_sparsity": lambda pair: _sparsities(pair).sum(axis=0),
    "min_sparsity": lambda pair: _sparsities(pair).min(axis=0),
    "epi_like": _epi_like,
}


def weighted_mean(values: np.ndarray, weights: np.ndarray) -> float:
    """sum(w * v) / sum(w) over the layers where v is defined; NaN where no layer has weight."""
    defined = np.isfinite(values)
    weight = weights[defined].sum()
    return float((weights[defined] * values[defined]).sum() / weight) if weight > 0 else float("nan")
