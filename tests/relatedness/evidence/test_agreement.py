"""Rank correlations worked out by hand."""

import numpy as np
import pytest
from small_evidence import GAINS, NAN

from relatedness.evidence.agreement import chance, over_pairs, spearman, within_tasks


@pytest.mark.parametrize(
    ("x", "y", "expected"),
    [
        ([1, 2, 3], [10, 20, 21], 1.0),
        ([1, 2, 3], [3, 1, 2], -0.5),  # 1 - 6 (4 + 1 + 1) / (3 * 8)
        ([1, 2, 2], [1, 2, 3], np.sqrt(3) / 2),  # equal ones share rank 2.5
        ([5, 5, 5], [1, 2, 3], 0.0),
        ([1, NAN, 2], [1, 0, 2], 1.0),
        ([1, NAN, NAN], [1, 0, 2], NAN),
    ],
)
def test_spearman(x: list[float], y: list[float], expected: float) -> None:
    assert spearman(np.array(x), np.array(y)) == pytest.approx(expected, nan_ok=True)


def test_within_tasks_is_the_mean_over_the_helped_tasks() -> None:
    assert within_tasks(GAINS, GAINS) == 1
    turned = GAINS.copy()
    turned[2] = -turned[2]  # c's partners the wrong way round
    assert within_tasks(turned, GAINS) == pytest.approx(1 / 3)
    louder = GAINS + np.array([[100.0], [0.0], [-5.0]])  # a row's height does not matter
    assert within_tasks(louder, GAINS) == 1 and over_pairs(louder, GAINS) < 1


def test_many_at_once_are_what_each_is_by_itself() -> None:
    rng = np.random.default_rng(0)
    scores, gains = rng.normal(size=(2, 7, 4, 4))
    for whole in (within_tasks, over_pairs):
        assert whole(scores, gains) == pytest.approx([float(whole(*one)) for one in zip(scores, gains, strict=True)])


def test_over_pairs_leaves_out_the_diagonal() -> None:
    scores = np.array([[9.0, 1.0], [2.0, -9.0]])
    assert over_pairs(scores, np.array([[-9.0, 1.0], [2.0, 9.0]])) == 1


def test_chance_counts_the_names_that_do_as_well() -> None:
    # Of the six ways to deal three names, the three that turn the circle round leave all orders as they are.
    assert chance(GAINS, GAINS, seed=0) == pytest.approx(3 / 6)
    one_good = np.tile([3.0, 2.0, 1.0, 0.0], (4, 1))  # partners in one order for all
    assert chance(one_good, one_good, seed=0) == pytest.approx(1 / 24)
    assert chance(np.full((3, 3), NAN), GAINS, seed=0) is None


def test_chance_with_many_tasks_is_drawn() -> None:
    rng = np.random.default_rng(1)
    gains = rng.normal(size=(8, 8))
    assert chance(gains, gains, seed=0) == pytest.approx(1 / 2001), "only the true names do as well"
    assert chance(-gains, gains, seed=0) == 1
