"""Similarity measures of two tasks on a layer: one file each, and this registry."""

from prune_utils.measures.base import Measure, PairStatistics
from prune_utils.measures.epi import epi
from prune_utils.measures.iou import iou
from prune_utils.measures.masked_sals import masked_sals
from prune_utils.measures.sals import sals

MEASURES: dict[str, Measure] = {"epi": epi, "iou": iou, "sals": sals, "masked_sals": masked_sals}

__all__ = ["MEASURES", "Measure", "PairStatistics"]
