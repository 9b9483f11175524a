"""CSS: cosine similarity of the scores."""

import numpy as np

from relatedness.snip.measures.base import PairStatistics


def sals(pair: PairStatistics) -> np.ndarray:
    """Cosine of the two score vectors, the same at every keep ratio."""
    return pair.cosine
