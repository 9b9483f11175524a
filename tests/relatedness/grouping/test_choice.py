"""The best grouping and what stands beside it, on gains that can be worked out by hand."""

from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from grouping_oracle import EASE, all_partitions, best_cover, whole

from configs import UserError
from relatedness.grouping.choice import Choice
from relatedness.grouping.groups import Budget, make_budget
from relatedness.grouping.source import Source
from relatedness.grouping.summary import evidence, summarise
from relatedness.grouping.values import NO_GROUPS, Measurements, measured
from reports.gains import GainsFile
from reports.groups.file import GroupsFile

NAMES = ("seg", "sn", "depth", "keypoint", "edge")


def every_group(seed: int, noise: float = 0.0, seeds: int = 1) -> GainsFile:
    """Five tasks trained in all of their 31 groups; alone every task reaches 1."""
    rng = np.random.default_rng(seed)
    groups = [group for size in range(1, 6) for group in combinations(NAMES, size)]
    level = {group: {task: 1.0 if len(group) == 1 else 1 + 0.1 * rng.normal() for task in group} for group in groups}
    runs = [{"tasks": list(group), "seed": number,
             "value": {task: value + noise * rng.normal() for task, value in level[group].items()}}
            for group in groups for number in range(seeds)]  # fmt: skip
    contents = {"dataset": "rooms", "tasks": list(NAMES), "metric": dict.fromkeys(NAMES, "m"),
                "higher_is_better": dict.fromkeys(NAMES, True), "runs": runs}  # fmt: skip
    return GainsFile.parse(contents, "gains.json")


def pairs_of(*replicates: list[list[float]]) -> Measurements:
    """Tasks a, b, c, ... with what each partner is worth to each; the diagonal does not count."""
    pairs = np.array(replicates, dtype=float)
    pairs[:, np.eye(pairs.shape[1], dtype=bool)] = np.nan
    names = tuple("abcdef"[: pairs.shape[1]])
    return Measurements(names, pairs, NO_GROUPS, np.empty((len(pairs), 0, len(names))), 0.0)


def networks(tasks: int, limit: float) -> Budget:
    return Budget(1.0, np.zeros(tasks), limit)


def summary(choice: Choice) -> GroupsFile:
    source = Source(Path("gains.json"), "0", "rooms", "gains", choice.data)
    return summarise(choice, source, "networks", lambda count: None)


@pytest.mark.parametrize("limit", [1, 2, 3, 4])
def test_thirty_one_measured_groups(limit: int) -> None:
    """A file of all groups of five tasks gives the optimum that trying everything gives, as partition and as cover."""
    data = measured(every_group(limit))
    groups, budget = whole(5, limit)
    values = data.group_values(groups)
    assert np.isfinite(values).sum() == 5 * 16 and data.wholes.tolist() == [s for s in range(32) if s.bit_count() > 2]
    chosen = Choice(data, budget, False, None, 0)
    known = all_partitions(groups, values, budget)
    assert chosen.value(chosen.best) == pytest.approx(known[0][0] / 5, abs=EASE)
    if len(known) > 1:
        assert chosen.runner_up is not None
        assert chosen.value(chosen.runner_up) == pytest.approx(known[1][0] / 5, abs=EASE)
    chosen = Choice(data, budget, True, None, 0)
    assert chosen.value(chosen.best) == pytest.approx(best_cover(groups, values, budget) / 5, abs=EASE)


def test_a_summary_by_hand() -> None:
    """a and b help each other, c harms both; d is a stranger to all."""
    data = pairs_of([[0, 4, -8, 0], [2, 0, -8, 0], [0, 0, 0, 0], [0, 0, 0, 0]])
    found = summary(Choice(data, networks(4, 2), False, None, 0))
    assert [group.tasks for group in found.groups] == [["a", "b"], ["c", "d"]]
    assert [group.values for group in found.groups] == [{"a": 4, "b": 2}, {"c": 0, "d": 0}]
    assert (found.value, found.cost, found.all_alone) == (1.5, 2, 0)
    assert found.all_together == pytest.approx((-4 / 3 - 2) / 4)
    assert found.runner_up is not None and found.gap == pytest.approx(0.75), "d joins a and b, who then get half"
    assert [group.tasks for group in found.runner_up.groups] == [["a", "b", "d"], ["c"]]
    assert found.runner_up.groups[0].predicted and not found.groups[0].predicted
    assert found.over_budget == ["all_alone"] and found.max_size == 4
    assert (found.stability, found.resamples, found.gap_interval, found.evidence.tested) == (None, 0, None, 0)


def test_the_mean_of_random_groupings() -> None:
    data = pairs_of([[0, 4], [2, 0]])
    assert Choice(data, networks(2, 1), False, None, 0).random_mean() == 3, "all together is the only partition"
    value = Choice(data, networks(2, 2), False, None, 0).random_mean()
    # One network in half of the draws; of two with two seats each, the tasks meet in one of three seatings.
    assert value == pytest.approx(3 * (1 / 2 + 1 / 2 * 1 / 3), abs=0.15)
    unknown = replace(data, pairs=data.pairs * np.nan, unknown=np.nan)
    alone = Choice(unknown, networks(2, 2), False, None, 0)
    assert alone.best == [(1, 1), (2, 2)] and alone.random_mean() == 0 and alone.value([(3, 3)]) is None


def test_stability_is_the_share_of_resamplings_with_the_same_winner() -> None:
    """Of two replicates one is for a+b, the other, louder, for a+c: only two draws of the first give a+b."""
    data = pairs_of([[0, 2, 0], [2, 0, 0], [0, 0, 0]], [[0, 0, 4], [0, 0, 0], [4, 0, 0]])
    seen: list[int] = []
    choice = Choice(data, networks(3, 2), False, None, 0)
    assert choice.best == [(2, 2), (5, 5)]
    assert choice.stability(seen.append) == pytest.approx(0.75, abs=0.08)
    assert sum(seen) == choice.resamples == 200 and len(seen) == 3
    assert choice.stability(seen.append) == Choice(data, networks(3, 2), False, None, 0).stability(seen.append)


def test_intervals_are_paired_over_replicates() -> None:
    """All values rise and fall together, so that the gap is sure while the values are not."""
    rise = np.array([-6.0, 0.0, 6.0])
    data = pairs_of(*([[0, 3 + r, 2 + r], [3 + r, 0, -9], [2 + r, -9, 0]] for r in rise))
    found = summary(Choice(data, networks(3, 2), False, None, 0))
    assert [group.tasks for group in found.groups] == [["a", "b"], ["c"]]
    assert found.gap_interval == pytest.approx((2 / 3, 2 / 3)) and found.gap == pytest.approx(2 / 3)
    low, high = found.groups[0].intervals["a"] or (0, 0)
    assert low == pytest.approx(3 - 4.303 * 6 / 3**0.5, abs=0.01) and high == pytest.approx(6 - low)


def test_evidence() -> None:
    rng = np.random.default_rng(0)
    nothing = rng.normal(size=(5, 4, 4))
    nothing -= nothing.mean(0) + 0.1
    found = evidence(pairs_of(*nothing))
    assert (found.tested, found.supported, found.beyond_chance) == (12, [], False)
    few = nothing.copy()
    few[:, 0, 1] = [2, 1, 3, 1, 2.5]
    found = evidence(pairs_of(*few))
    assert [(one.task, one.partners) for one in found.supported] == [("a", ["b"])] and not found.beyond_chance
    few[:, 0, 1] = [2, 2.1, 2, 2.1, 2]
    assert evidence(pairs_of(*few)).beyond_chance, "one of twelve, but far above what twelve need"
    few[:, 0, 1:] = np.array([2, 1, 3, 1, 2.5])[:, None]
    assert evidence(pairs_of(*few)).beyond_chance, "three of twelve"


def test_groups_that_were_measured_count_as_evidence_and_as_choices() -> None:
    file = every_group(7, noise=0.001, seeds=3)
    data = measured(file)
    assert evidence(data).tested == 5 * 15
    choice = Choice(data, networks(5, 5), False, 2, 0)
    assert max(trained.bit_count() for _, trained in choice.best) == 2, "--max_size holds for measured groups too"


def test_more_than_twelve_tasks() -> None:
    rng = np.random.default_rng(1)
    pairs = np.where(np.eye(13, dtype=bool), np.nan, rng.normal(size=(1, 13, 13)))
    names = tuple(f"t{number}" for number in range(13))
    big = (1 << 13) - 1
    data = Measurements(names, pairs, np.array([big]), np.full((1, 1, 13), 9.0), 0.0)
    choice = Choice(data, networks(13, 13), False, None, 0)
    assert choice.max_size == 3 and choice.best == [(big, big)], "measured, so it is a choice whatever its size"
    assert len(Choice(data, networks(13, 13), False, 3, 0).best) > 1


@pytest.mark.parametrize(
    ("tasks", "text", "max_size", "words"),
    [
        (4, "0.5", None, "one network for all tasks costs 1 already, more than 0.5; give a larger one, such as"),
        (5, "2", 2, "--max_size: 5 tasks in groups of up to 2 are 3 networks, which cost 3, more than --budget 2"),
    ],
)
def test_what_cannot_be(tasks: int, text: str, max_size: int | None, words: str) -> None:
    data = pairs_of(np.ones((tasks, tasks)).tolist())
    with pytest.raises(UserError, match=words):
        Choice(data, make_budget(text, (1.0, np.zeros(tasks))), False, max_size, 0)


def test_pairs_that_were_not_measured() -> None:
    data = pairs_of([[0, 1, np.nan], [1, 0, 2], [np.nan, 2, 0]])
    data = replace(data, unknown=np.nan)
    assert Choice(data, networks(3, 2), False, None, 0).best == [(1, 1), (6, 6)]
    with pytest.raises(UserError, match="no grouping within --budget and --max_size has a known value; measure"):
        Choice(data, networks(3, 1), False, None, 0)
