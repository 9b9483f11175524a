"""EPI-Sim: how alike the *numbers* of kept weights are."""

import numpy as np

from relatedness.snip.measures.base import PairStatistics


def epi(pair: PairStatistics) -> np.ndarray:
    """1 - |n_a - n_b| / (n_a + n_b); 1 where neither task keeps a weight."""
    return 1 - np.abs(pair.kept_a - pair.kept_b) / np.maximum(pair.kept_a + pair.kept_b, 1e-9)
