"""Estimators held against the gains of three tasks."""

import numpy as np
import pytest
from small_evidence import GAINS, NAN, TASKS, estimate, gains_file

from relatedness.evidence.judging import judge

TURNED = np.where(np.arange(3)[:, None] == 2, -GAINS, GAINS)  # c's partners the wrong way round


def test_scores_of_one_seed_have_no_intervals() -> None:
    judged = judge(gains_file(), {"good": estimate(GAINS, GAINS), "fair": estimate(TURNED, TURNED)})
    good, fair, partner, target = judged.scores
    assert [score.label for score in judged.scores] == ["good", "fair", "partner's mean", "target's mean"]
    assert good.within.value == good.pairs.value == 1 and good.within.low is None
    assert fair.within.value == pytest.approx(1 / 3) and fair.chance == pytest.approx(3 / 6)
    assert partner.within.value == -1 and partner.kind == "baseline" and partner.cost is None
    assert target.within.value is None and target.pairs.value == pytest.approx(-12 / 16.5)
    assert judged.reliability.half is None and judged.reliability.symmetric_most == pytest.approx(1 / 3)
    assert np.array(judged.gains, dtype=float) == pytest.approx(GAINS, nan_ok=True), "of a, less is better"


def test_cost_is_a_share_of_the_passes_of_the_gains() -> None:
    judged = judge(gains_file(), {"good": estimate(GAINS, passes=3)})
    assert judged.passes == 2 * 6 * 5 and judged.scores[0].passes == 3
    assert judged.scores[0].cost == pytest.approx(3 / 60)
    assert judge(gains_file(iterations=None), {"good": estimate(GAINS)}).scores[0].cost is None


def test_regret_of_the_grouping_that_an_estimator_leads_to() -> None:
    pair = np.array([[NAN, 1.0, 0.1], [1.0, NAN, 0.1], [-1.0, -1.0, NAN]])
    judged = judge(gains_file([GAINS, GAINS]), {"pair": estimate(pair, pair), "good": estimate(GAINS, GAINS)})
    assert judged.groupings is not None
    assert judged.groupings.best == judged.groupings.all_together == pytest.approx(0.4 / 3)
    assert judged.groupings.random == pytest.approx((0.4 + 0.2 + 0.3 + 0.3) / 12)
    pair_score, good = judged.scores[:2]
    assert pair_score.groups == [["a", "b"], ["c"]] and pair_score.regret.value == pytest.approx(0.2 / 3)
    assert pair_score.regret.low == pair_score.regret.high == pytest.approx(0.2 / 3), "all seeds are equal"
    assert good.groups == [TASKS] and good.regret.value == 0


def test_an_estimator_that_cannot_tell_a_twin_from_noise_leaves_all_together() -> None:
    blind = estimate(GAINS, GAINS).model_copy(update={"sensitivity": 1.0})
    assert judge(gains_file(), {"blind": blind}).scores[0].groups == [TASKS]
    without = estimate(GAINS).model_copy(update={"floor": None, "ceiling": None})
    assert judge(gains_file(), {"without": without}).scores[0].regret is None


def test_intervals_come_from_seeds_and_replicates() -> None:
    judged = judge(gains_file([GAINS, GAINS]), {"sure": estimate(GAINS, GAINS), "torn": estimate(GAINS, -1.1 * GAINS)})
    sure, torn = judged.scores[:2]
    assert (sure.within.low, sure.within.high) == (1, 1) and sure.within.above_zero
    assert torn.within.value == -1 and (torn.within.low, torn.within.high) == (-1, 1), "the replicates disagree"
    noisy = judge(gains_file([GAINS, -1.1 * GAINS]), {"sure": estimate(GAINS, GAINS)}).scores[0]
    assert noisy.within.low == -1 and noisy.within.high == 1, "the seeds disagree"
    again = judge(gains_file([GAINS, -1.1 * GAINS]), {"sure": estimate(GAINS, GAINS)}).scores[0]
    assert again == noisy


def test_a_seed_that_is_not_whole_is_left_out() -> None:
    file = gains_file([GAINS, -GAINS])
    cut = file.model_copy(update={"runs": file.runs[:-1]})
    judged = judge(cut, {})
    assert judged.seeds == [0] and judged.gains[0][1] == pytest.approx(0.3)


def test_the_goal() -> None:
    seeds = [GAINS, GAINS]
    judged = judge(gains_file(seeds), {"good": estimate(GAINS, GAINS), "dear": estimate(GAINS, GAINS, passes=7),
                                       "fair": estimate(TURNED, TURNED)})  # fmt: skip
    assert judged.reliability.full == 1 and judged.passes == 120
    assert [judged.reaches_goal(score) for score in judged.scores] == [True, False, False, False, False]
