"""IoU: how much the kept weights overlap."""

import numpy as np

from relatedness.snip.measures.base import PairStatistics


def iou(pair: PairStatistics) -> np.ndarray:
    """|A and B| / |A or B| of the kept weights; NaN where neither task keeps a weight."""
    any_kept = pair.kept_any
    return np.where(any_kept > 0, pair.kept_both / np.maximum(any_kept, 1), np.nan)
