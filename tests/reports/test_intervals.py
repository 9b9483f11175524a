"""Student-t intervals against numbers worked out by hand and scipy's own."""

import math

import numpy as np
import pytest
from scipy import stats

from reports.intervals import interval, paired_difference


def test_an_interval_by_hand() -> None:
    # 1, 2, 3: standard deviation 1, and 4.302653 is the 97.5 % quantile of Student's t at two degrees of freedom.
    found = interval([1, 2, 3])
    assert (found.mean, found.stderr, found.count) == pytest.approx((2, 1 / math.sqrt(3), 3))
    assert (found.low, found.high) == pytest.approx((2 - 4.302653 / math.sqrt(3), 2 + 4.302653 / math.sqrt(3)))
    assert found.known and not found.excludes_zero


@pytest.mark.parametrize("count", [2, 5, 40])
def test_it_is_scipys_interval(count: int) -> None:
    values = np.random.default_rng(count).normal(3, 2, count)
    low, high = stats.t.interval(0.95, count - 1, values.mean(), stats.sem(values))
    assert (interval(values).low, interval(values).high) == pytest.approx((low, high))


def test_fewer_than_two_replicates_resolve_nothing() -> None:
    for values, mean in (([5.0], 5.0), ([], math.nan), ([math.nan, 7.0], 7.0)):
        found = interval(values)
        assert found.mean == pytest.approx(mean, nan_ok=True)
        assert math.isnan(found.low) and math.isnan(found.high) and math.isnan(found.stderr)
        assert not found.known and not found.excludes_zero


def test_what_moves_both_alike_cancels_out() -> None:
    network = np.array([10.0, 20.0, 30.0, 40.0])
    a, b = network + [1.0, 1.1, 0.9, 1.0], network
    assert paired_difference(a, b).excludes_zero and paired_difference(b, a).high < 0
    assert not paired_difference(a, b[::-1]).excludes_zero
    assert interval(a).stderr > 5 * paired_difference(a, b).stderr


def test_a_replicate_in_which_one_is_undefined_is_left_out() -> None:
    found = paired_difference([1.0, math.nan, 5.0, 6.0], [0.0, 1.0, math.nan, 5.0])
    assert (found.count, found.mean, found.stderr) == (2, 1.0, 0.0)
    assert found.excludes_zero
    assert not paired_difference([1.0, 2.0], [1.0, 2.0]).excludes_zero, "ties"
