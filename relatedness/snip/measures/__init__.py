"""Similarity measures of two tasks on a layer: one file each, and this registry."""

from relatedness.snip.measures.base import Measure, PairStatistics
from relatedness.snip.measures.epi import epi
from relatedness.snip.measures.iou import iou
from relatedness.snip.measures.masked_sals import masked_sals
from relatedness.snip.measures.sals import sals

MEASURES: dict[str, Measure] = {"epi": epi, "iou": iou, "sals": sals, "masked_sals": masked_sals}

__all__ = ["MEASURES", "Measure", "PairStatistics"]
