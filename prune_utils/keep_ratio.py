"""The share of weights that a task keeps: as published, as a number, or such that the network has its sparsity."""

import math
from collections.abc import Mapping
from typing import Literal

from configs.errors import UserError

KeepRatio = Literal["published", "exact"] | float
"""What ``--keep_ratio`` can be."""


def parse_keep_ratio(text: str) -> KeepRatio:
    """``published``, ``exact`` or a number above 0 and at most 1.

    Raises:
        UserError: anything else.
    """
    if text == "published":
        return "published"
    if text == "exact":
        return "exact"
    try:
        ratio = float(text)
    except ValueError:
        ratio = math.nan
    if not 0 < ratio <= 1:
        raise UserError(f"--keep_ratio: '{text}' is neither published, exact nor a number above 0 and at most 1")
    return ratio


def stated_keep_ratio(choice: KeepRatio, sparsity: int, published: Mapping[int, float]) -> float | None:
    """The keep ratio that a choice states for a sparsity; None for ``exact``, which depends on the scores.

    Args:
        sparsity: in percent.
        published: the published keep ratio of each sparsity (a table of ``scoring.keep_ratios``); where none was
            published, it is 1 - sparsity.
    """
    if choice == "exact":
        return None
    if choice == "published":
        return published.get(sparsity, (100 - sparsity) / 100)
    return choice
