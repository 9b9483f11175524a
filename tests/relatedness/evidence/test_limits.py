"""Reliability, ceilings and baselines of three tasks, by hand."""

import numpy as np
import pytest
from small_evidence import GAINS, NAN

from relatedness.evidence import limits
from relatedness.evidence.agreement import over_pairs, within_tasks


def test_split_halves() -> None:
    assert limits.split_half(np.stack([GAINS, GAINS]), limits.mean_of_seeds, 0) == 1
    assert limits.split_half(np.stack([GAINS, -GAINS]), limits.mean_of_seeds, 0) == -1
    # Of the six ways to halve four seeds two put both turned ones together: -1 there. Else a half is zero everywhere,
    # which orders nothing: 0.
    four = np.stack([GAINS, GAINS, -GAINS, -GAINS])
    assert limits.split_half(four, limits.mean_of_seeds, 0) == pytest.approx(-1 / 3)
    assert limits.split_half(GAINS[None], limits.mean_of_seeds, 0) is None


def test_many_seeds_are_split_at_random_and_the_same_way_again() -> None:
    many = GAINS + np.random.default_rng(0).normal(size=(14, 3, 3)) / 2
    found = limits.split_half(many, limits.mean_of_seeds, 0)
    assert found == limits.split_half(many, limits.mean_of_seeds, 0) and 0 < found < 1


def test_the_reliability_of_all_seeds_is_above_that_of_halves() -> None:
    assert limits.stepped_up(0.5) == pytest.approx(2 / 3)
    assert limits.stepped_up(0) == 0 and limits.stepped_up(1) == 1
    assert limits.stepped_up(None) is None and limits.stepped_up(-1) is None


def test_the_median_does_not_mind_one_run_that_blew_up() -> None:
    seeds = np.stack([GAINS, GAINS, GAINS - 100])
    assert limits.median_of_seeds(seeds)[0, 1] == pytest.approx(0.3)
    assert limits.mean_of_seeds(seeds)[0, 1] < -30
    with_gap = seeds.copy()
    with_gap[2] = NAN
    assert limits.mean_of_seeds(with_gap)[0, 1] == pytest.approx(0.3)


def test_a_symmetric_score() -> None:
    # ab 0.1, ac 0.15, bc 0.15: wrong for a, right for b, and undecided for c.
    part = limits.symmetric_part(GAINS)
    assert part[0, 1] == part[1, 0] == pytest.approx(0.1)
    assert within_tasks(part, GAINS) == pytest.approx(0), "though 0.15 and 0.15 differ in the last digit"
    # a wants ab above ac, c wants ac above bc, b wants bc above ab: two of the three at most.
    assert limits.symmetric_ceiling(GAINS) == pytest.approx(1 / 3)
    symmetric = np.array([[NAN, 1.0, 2.0], [1.0, NAN, 3.0], [2.0, 3.0, NAN]])
    assert limits.symmetric_ceiling(symmetric) == 1


def test_partners_mean_looks_at_the_other_tasks() -> None:
    found = limits.partners_mean(GAINS)
    assert [found[0, 1], found[0, 2], found[2, 0]] == pytest.approx([GAINS[2, 1], GAINS[1, 2], GAINS[1, 0]])
    assert within_tasks(found, GAINS) == -1
    four = np.arange(16.0).reshape(4, 4)
    assert limits.partners_mean(four)[0, 1] == pytest.approx((9 + 13) / 2)


def test_targets_mean_looks_at_the_other_partners() -> None:
    found = limits.targets_mean(GAINS)
    assert [found[0, 1], found[1, 0]] == pytest.approx([GAINS[0, 2], GAINS[1, 2]])
    # Ranks, less 3.5: -1 2.5 1 -2.5 -1 1 and 2.5 -1 -2.5 1 1 -1.
    assert over_pairs(found, GAINS) == pytest.approx(-12 / 16.5)
