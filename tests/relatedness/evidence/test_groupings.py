"""Partitions into two networks, and what a wrong one costs."""

import numpy as np
import pytest
from grouping_oracle import partitions
from small_evidence import GAINS, NAN, TASKS

from relatedness.evidence.groupings import Partitions, best, short_of_best

ALL = Partitions.of(3)


def test_the_values_of_three_tasks() -> None:
    values = {tuple(map(tuple, ALL.names(place, TASKS))): value for place, value in enumerate(ALL.values(GAINS))}
    assert values == pytest.approx({
        (("a", "b", "c"),): (0.2 + 0.05 + 0.15) / 3,
        (("a", "b"), ("c",)): (0.3 - 0.1) / 3,
        (("a", "c"), ("b",)): (0.1 + 0.2) / 3,
        (("a",), ("b", "c")): (0.2 + 0.1) / 3,
    })  # fmt: skip
    assert ALL.names(0, TASKS) == [TASKS], "all together is the first"


def test_all_partitions_into_two_are_there_once() -> None:
    for tasks in (2, 4, 6):
        found = Partitions.of(tasks)
        names = {tuple(map(tuple, found.names(place, range(tasks)))) for place in range(len(found.first))}
        expected = [groups for groups in partitions(tasks) if len(groups) <= 2]
        assert len(names) == len(found.first) == len(expected)


def test_regret_is_what_the_choice_falls_short_of_the_best() -> None:
    values = ALL.values(GAINS)
    assert best(values) == 0
    of_pair = ALL.values(np.array([[NAN, 1.0, 0.0], [1.0, NAN, 0.0], [-1.0, -1.0, NAN]]))
    chosen = best(of_pair)
    assert ALL.names(int(chosen), TASKS) == [["a", "b"], ["c"]]
    assert short_of_best(values, chosen) == pytest.approx(0.4 / 3 - 0.2 / 3)
    assert short_of_best(np.stack([values, -values]), np.array([chosen, chosen])) == pytest.approx([0.2 / 3, 0])


def test_of_equal_choices_all_together_is_taken() -> None:
    assert best(np.zeros(4)) == 0 and best(np.full((2, 4), 1e-14) * np.arange(4)).tolist() == [0, 0]


def test_what_is_not_known_is_no_choice() -> None:
    gap = GAINS.copy()
    gap[0, 1] = NAN
    values = ALL.values(gap)
    assert np.isnan(values[0]) and np.isnan(values).sum() == 2
    assert ALL.names(int(best(values)), TASKS) in ([["a", "c"], ["b"]], [["a"], ["b", "c"]])
