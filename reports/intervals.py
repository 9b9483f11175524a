"""Means over replicates with Student-t intervals, paired where two things were measured on the same replicates."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import nan

import numpy as np
from scipy.special import stdtrit

LEVEL = 0.95


@dataclass(frozen=True)
class Interval:
    """A mean over replicates.

    Attributes:
        mean: NaN without a replicate.
        stderr: standard error of the mean; NaN with fewer than two replicates.
        low, high: ends of the two-sided interval, at ``LEVEL`` unless another was asked for; NaN with fewer than two
            replicates.
        count: of replicates.
    """

    mean: float
    stderr: float
    low: float
    high: float
    count: int

    @property
    def known(self) -> bool:
        """Whether there are replicates enough for an interval."""
        return self.count > 1

    @property
    def excludes_zero(self) -> bool:
        """Whether the sign of the mean is resolved; never without an interval."""
        return self.low > 0 or self.high < 0


def interval(values: Sequence[float] | np.ndarray, level: float = LEVEL) -> Interval:
    """Mean and interval of replicates; undefined ones (NaN) are left out."""
    numbers = np.asarray(values, dtype=float)
    numbers = numbers[np.isfinite(numbers)]
    count = len(numbers)
    if count < 2:
        return Interval(float(numbers[0]) if count else nan, nan, nan, nan, count)
    mean = float(numbers.mean())
    stderr = float(numbers.std(ddof=1) / np.sqrt(count))
    # The quantile of scipy.stats.t, without the second that loading scipy.stats takes.
    reach = float(stdtrit(count - 1, (1 + level) / 2)) * stderr
    return Interval(mean, stderr, mean - reach, mean + reach, count)


def paired_difference(
    a: Sequence[float] | np.ndarray, b: Sequence[float] | np.ndarray, level: float = LEVEL
) -> Interval:
    """Mean and interval of a - b over replicates that both share, number i of a with number i of b.

    What varies between replicates and moves both alike (network, batches) cancels out; a replicate in which either is
    undefined (NaN) is left out.
    """
    return interval(np.asarray(a, dtype=float) - np.asarray(b, dtype=float), level)
