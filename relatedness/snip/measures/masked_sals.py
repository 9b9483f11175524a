"""MCSS: cosine similarity of the scores of the kept weights."""

import numpy as np

from relatedness.snip.measures.base import PairStatistics


def masked_sals(pair: PairStatistics) -> np.ndarray:
    """Cosine of the two masked score vectors; NaN where neither task keeps a weight."""
    return np.where(pair.kept_any > 0, pair.masked_cosine, np.nan)
