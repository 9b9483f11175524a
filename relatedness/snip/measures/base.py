"""What a similarity measure sees: the statistics of one pair of tasks on every shared layer."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class PairStatistics:
    """Statistics of tasks a and b at one keep ratio; every array is [layers], in the backbone's order.

    Attributes:
        numel: weights of the layer.
        kept_a, kept_b: weights that each task keeps.
        kept_both: weights that both keep.
        cosine: cosine of the two score vectors.
        masked_cosine: cosine of the two score vectors, each with its pruned weights set to 0.
    """

    numel: np.ndarray
    kept_a: np.ndarray
    kept_b: np.ndarray
    kept_both: np.ndarray
    cosine: np.ndarray
    masked_cosine: np.ndarray

    @property
    def kept_any(self) -> np.ndarray:
        """Weights that at least one task keeps."""
        return self.kept_a + self.kept_b - self.kept_both


Measure = Callable[[PairStatistics], np.ndarray]
"""Gives the similarity on each layer, [layers], from 0 to 1; NaN where it is undefined."""
