"""Weights fitted on other data, by hand."""

import numpy as np
import pytest
from small_evidence import GAINS, NAN, TASKS, estimate, gains_file

from relatedness.evidence.agreement import partner_ranks
from relatedness.evidence.combination import combined, fitted_weights
from relatedness.evidence.judging import judge

SEEDS = [GAINS, GAINS]
TURNED = np.where(np.arange(3)[:, None] == 2, -GAINS, GAINS)
HALF = 2**-0.5


def test_ranks_of_partners_have_length_one() -> None:
    assert partner_ranks(GAINS) == pytest.approx(np.array([[HALF, -HALF], [-HALF, HALF], [HALF, -HALF]]))
    assert partner_ranks(np.ones((3, 3))).any() == np.False_


def test_what_suits_the_other_data_counts_and_nothing_counts_negatively() -> None:
    estimators = {name: estimate(values, values) for name, values in (("good", GAINS), ("bad", -GAINS))}
    teacher = judge(gains_file(SEEDS), estimators)
    assert fitted_weights(teacher, ["good", "bad"]) == pytest.approx({"good": 1.0})
    assert fitted_weights(teacher, ["bad"]) == {} and fitted_weights(teacher, []) == {}


def test_what_costs_too_much_does_not_count() -> None:
    teacher = judge(gains_file(SEEDS), {"dear": estimate(GAINS, GAINS, passes=7)})
    assert fitted_weights(teacher, ["dear"]) == {}


def test_a_combination_is_the_weighted_sum_of_ranks() -> None:
    found = combined({"good": 2.0, "fair": 1.0}, {"good": GAINS, "fair": TURNED})
    expected = [[NAN, 3 * HALF, -3 * HALF], [-3 * HALF, NAN, 3 * HALF], [HALF, -HALF, NAN]]
    assert found == pytest.approx(np.array(expected), nan_ok=True)
    many = combined({"good": 1.0}, {"good": np.stack([GAINS, TURNED])})
    assert many.shape == (2, 3, 3) and many[1] == pytest.approx(combined({"good": 1.0}, {"good": TURNED}), nan_ok=True)


def test_it_is_judged_beside_the_others() -> None:
    pair = {"good": estimate(GAINS, GAINS), "fair": estimate(TURNED, TURNED)}
    teacher = judge(gains_file(SEEDS), pair)
    here = judge(gains_file(SEEDS), {**pair, "bad": estimate(-GAINS, -GAINS)}, {"rooms": teacher})
    [score] = [score for score in here.scores if score.parts]
    assert score.label == "combination fitted on rooms" and score.parts == pytest.approx({"good": 1.0})
    assert score.within.value == 1 and score.within.above_zero and score.cost == pytest.approx(3 / 120)
    assert len(TASKS) == 3 and [score.label for score in here.scores][-2:] == ["partner's mean", "target's mean"]
    assert not [score for score in judge(gains_file(SEEDS), {}, {"rooms": teacher}).scores if score.parts]
