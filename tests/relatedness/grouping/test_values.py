"""What groups are worth, from estimates and from gains, worked out by hand."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from configs import UserError
from relatedness.grouping.groups import make_groups
from relatedness.grouping.values import NO_GROUPS, Measurements, estimated, measured, select
from reports.gains import GainsFile
from reports.relatedness.file import EstimatorResult

NONE = np.nan


def known(pairs: np.ndarray, unknown: float = NONE) -> Measurements:
    """Tasks a, b, ... of which nothing but pairs was measured."""
    replicates, tasks, _ = pairs.shape
    return Measurements(tuple("abc"[:tasks]), pairs, NO_GROUPS, np.empty((replicates, 0, tasks)), unknown)


def result(values: list, floor: list | None, ceiling: list | None, sensitivity: float | None = None) -> EstimatorResult:
    contents = {"directed": True, "needs": "init", "options": {}, "sensitivity": sensitivity}
    return EstimatorResult.model_validate({**contents, "values": values, "floor": floor, "ceiling": ceiling})


def gains_file(runs: list[tuple[str, int, list[float]]], lower: str = "") -> GainsFile:
    """Runs are ("ab", seed, values of a and b); tasks in ``lower`` have errors as their metric."""
    tasks = sorted({task for group, _, _ in runs for task in group})
    contents = {
        "schema": 1, "dataset": "rooms", "tasks": tasks, "metric": dict.fromkeys(tasks, "m"),
        "higher_is_better": {task: task not in lower for task in tasks},
        "runs": [{"tasks": list(group), "seed": seed, "value": dict(zip(group, values, strict=True))}
                 for group, seed, values in runs],
    }  # fmt: skip
    return GainsFile.parse(contents, "gains.json")


def test_a_group_is_worth_the_mean_of_its_pairs_unless_it_was_measured() -> None:
    pairs = np.array([[[NONE, 2.0, 4.0], [6.0, NONE, 0.0], [-2.0, -4.0, NONE]]])
    groups = make_groups(3, 3)
    data = known(pairs)
    values = data.group_values(groups)
    expected = {1: [0, NONE, NONE], 2: [NONE, 0, NONE], 4: [NONE, NONE, 0], 3: [2, 6, NONE], 5: [4, NONE, -2],
                6: [NONE, 0, -4], 7: [3, 3, -3]}  # fmt: skip
    assert groups.sets.tolist() == list(expected)
    np.testing.assert_array_equal(values, list(expected.values()))
    assert not data.is_measured(7)
    data = replace(known(pairs), wholes=np.array([7]), larger=np.array([[[1.0, 1.5, 2.0]]]))
    np.testing.assert_array_equal(data.group_values(groups)[-1], [1, 1.5, 2])
    assert data.is_measured(7)


def test_what_is_not_known_counts_as_told() -> None:
    pairs = np.array([[[NONE, NONE, 4.0], [6.0, NONE, 0.0], [-2.0, -4.0, NONE]]])
    triple = make_groups(3, 3)
    values = known(pairs).group_values(triple)
    np.testing.assert_array_equal(values[[3, 6]], [[NONE, 6, NONE], [NONE, 3, -3]])
    values = known(pairs, 0.0).group_values(triple)
    np.testing.assert_array_equal(values[[3, 6]], [[0, 6, NONE], [2, 3, -3]])


def test_replicates_count_as_often_as_they_are_drawn() -> None:
    pairs = np.full((3, 2, 2), NONE)
    pairs[:, 0, 1], pairs[:, 1, 0] = [1.0, 2.0, 6.0], [5.0, NONE, NONE]
    data, groups = known(pairs), make_groups(2, 2)
    np.testing.assert_array_equal(data.group_values(groups)[-1], [3, 5])
    np.testing.assert_array_equal(data.group_values(groups, np.array([0, 1, 2]))[-1], [14 / 3, 5])
    np.testing.assert_array_equal(data.by_replicate(groups)[:, -1], [[1, 5], [2, NONE], [6, NONE]])


def test_estimates_on_the_scale_from_floor_to_ceiling() -> None:
    values = [[[None, 0.6], [0.1, None]], [[None, 0.8], [0.3, None]]]
    floor = [[[None, 0.2], [0.1, None]], [[None, 0.2], [0.3, None]]]
    data = estimated(result(values, floor, [[1.0, 0.9], [1.2, 1.1]], 9.0), ("a", "b"), "x")
    # The span of a is 0.8 and 1.0, in the mean 0.9; that of b is 0.8 and 0.8.
    np.testing.assert_allclose(data.pairs[:, 0, 1], [0.4 / 0.9, 0.6 / 0.9])
    np.testing.assert_array_equal(data.pairs[:, 1, 0], [0, 0])
    assert data.blind == () and data.replicates == 2
    np.testing.assert_allclose(data.group_values(make_groups(2, 2))[-1], [0.5 / 0.9, 0])


def test_where_a_twin_looks_like_noise_nothing_counts() -> None:
    values = [[[None, 0.6], [0.1, None]], [[None, 0.8], [0.3, None]]]
    floor = [[[None, 0.2], [0.1, None]], [[None, 0.2], [0.3, None]]]
    data = estimated(result(values, floor, [[0.1, 0.9], [0.4, 1.1]]), ("a", "b"), "x")
    assert data.blind == ("a",), "the span of a is -0.1 and 0.2"
    np.testing.assert_array_equal(data.group_values(make_groups(2, 2))[-1], [0, 0])
    assert not data.knows(3, 0) and data.knows(3, 1)
    data = estimated(result(values, floor, [[1.0, 0.9], [1.2, 1.1]], sensitivity=1.9), ("a", "b"), "x")
    assert data.blind == ("a", "b")


def test_estimates_without_controls_are_refused() -> None:
    values = [[[None, 0.6], [0.1, None]]]
    with pytest.raises(UserError, match="rel.json: estimators.snip: no floor and ceiling.*without --no_controls"):
        estimated(result(values, None, None), ("a", "b"), "rel.json: estimators.snip")


def test_gains_by_hand() -> None:
    data = measured(gains_file([("a", 0, [2.0]), ("a", 1, [4.0]), ("b", 0, [10.0]), ("b", 1, [10.0]),
                                ("ab", 0, [3.0, 9.0]), ("ab", 1, [4.0, 12.0])], lower="b"))  # fmt: skip
    np.testing.assert_allclose(data.pairs[:, 0, 1], [1 / 3, 0])
    np.testing.assert_allclose(data.pairs[:, 1, 0], [0.1, -0.2])
    np.testing.assert_allclose(data.group_values(make_groups(2, 2))[-1], [1 / 6, -0.05])


def test_gains_of_seeds_that_have_no_partner() -> None:
    data = measured(gains_file([("a", 0, [2.0]), ("a", 1, [4.0]), ("b", 2, [-10.0]), ("ab", 1, [5.0, -8.0]),
                                ("ab", 3, [9.0, -6.0])]))  # fmt: skip
    np.testing.assert_allclose(data.pairs[:, 0, 1], [NONE, 1 / 3, NONE, NONE])  # the seed that trained both
    np.testing.assert_allclose(data.pairs[:, 1, 0], [NONE, 0.3, NONE, NONE])  # none did: of the means, once
    assert np.isfinite(data.pairs[:, 1, 0]).sum() == 1


def test_larger_groups_and_a_choice_of_tasks() -> None:
    runs = [("".join(group), 0, [1.0 + 0.1 * size * (ord(task) - 96) for task in group] if size > 1 else [1.0])
            for size in (1, 2, 3) for group in combinations("abc", size)]  # fmt: skip
    data = measured(gains_file(runs))
    np.testing.assert_allclose(data.larger, [[[0.3, 0.6, 0.9]]])
    assert data.wholes.tolist() == [7]
    turned = select(data, ("c", "a"))
    assert turned.tasks == ("c", "a") and not len(turned.wholes)
    np.testing.assert_allclose(turned.pairs[0], [[NONE, 0.6], [0.2, NONE]])
    np.testing.assert_allclose(select(data, ("c", "a", "b")).larger, [[[0.9, 0.3, 0.6]]])
    for tasks, words in ((("a", "x"), "nothing is known of 'x'; choose from a, b, c"), (("a",), "two or more")):
        with pytest.raises(UserError, match=words):
            select(data, tasks)
