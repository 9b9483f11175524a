"""The integer program, held against trying everything."""

import numpy as np
import pytest
from grouping_oracle import EASE, all_covers, all_partitions, best_cover, random_values, whole, worth

from configs import UserError
from relatedness.grouping.groups import Budget, Groups, Network, make_budget, make_groups
from relatedness.grouping.program import Program

REAL = (100.0, np.array([17.0, 5.0, 9.0, 12.0, 8.0, 20.0]))
"""Of a backbone and of heads, as parameters are."""
ADDS = (70.0, np.array([31.0, 30.0, 44.0, 35.0, 52.0, 33.0]))
"""Heads are dearer where multiply-adds are counted."""


def budget(kind: str, tasks: int, networks: int) -> Budget:
    """Enough for so many networks and every task's head, and of real costs for two helpers' heads besides."""
    if kind == "networks":
        return Budget(1.0, np.zeros(tasks), networks)
    backbone, heads = REAL if kind == "parameters" else ADDS
    return Budget(backbone, heads[:tasks], networks * backbone + heads[:tasks].sum() + heads[:2].sum())


def check_runner_up(
    second: list[Network] | None, best: list[Network], known: list, groups: Groups, values: np.ndarray, limit: Budget
) -> None:
    """The runner-up is as good as the best of all choices but ``best``."""
    others = [total for total, networks in known if networks != best]
    if not others:
        assert second is None
        return
    assert second is not None and second != best and limit.cost(second) <= limit.limit
    assert worth(groups, values, second) == pytest.approx(others[0], abs=EASE)


@pytest.mark.parametrize("kind", ["networks", "parameters", "multiply_adds"])
@pytest.mark.parametrize("networks", [1, 2, 3, 4])
@pytest.mark.parametrize("tasks", [3, 6])
def test_best_partition_and_runner_up(kind: str, networks: int, tasks: int) -> None:
    rng = np.random.default_rng(networks)
    groups, limit = make_groups(tasks, tasks), budget(kind, tasks, networks)
    for ties in (False, True):
        values = random_values(rng, groups, ties)
        known = all_partitions(groups, values, limit)
        program = Program(groups, limit, cover=False)
        best = program.best(values)
        assert best is not None and worth(groups, values, best) == pytest.approx(known[0][0], abs=EASE)
        check_runner_up(program.next_best(values, best), best, known, groups, values, limit)


@pytest.mark.parametrize("kind", ["networks", "parameters", "multiply_adds"])
@pytest.mark.parametrize("networks", [1, 2, 3])
def test_best_cover_of_six_tasks(kind: str, networks: int) -> None:
    groups, limit = make_groups(6, 6), budget(kind, 6, networks)
    values = random_values(np.random.default_rng(networks), groups)
    best = Program(groups, limit, cover=True).best(values)
    assert best is not None and limit.cost(best) <= limit.limit
    assert worth(groups, values, best) == pytest.approx(best_cover(groups, values, limit), abs=EASE)


@pytest.mark.parametrize("kind", ["networks", "parameters", "multiply_adds"])
@pytest.mark.parametrize("networks", [1, 2, 4])
def test_runner_up_of_covers(kind: str, networks: int) -> None:
    rng = np.random.default_rng(10 + networks)
    for tasks, ties in ((3, False), (3, True), (4, False), (4, True)):
        groups, limit = make_groups(tasks, tasks), budget(kind, tasks, networks)
        values = random_values(rng, groups, ties)
        known = all_covers(groups, values, limit)
        program = Program(groups, limit, cover=True)
        best = program.best(values)
        assert best is not None and worth(groups, values, best) == pytest.approx(known[0][0], abs=EASE)
        check_runner_up(program.next_best(values, best), best, known, groups, values, limit)


@pytest.mark.parametrize("cover", [False, True])
def test_what_is_not_known_is_not_chosen(cover: bool) -> None:
    groups, limit = whole(4, 2)
    rng = np.random.default_rng(3)
    values = np.where(rng.random((len(groups.sets), 4)) < 0.3, np.nan, random_values(rng, groups))
    values[groups.sizes == 1] = np.where(groups.member[groups.sizes == 1], 0.0, np.nan)
    known = (all_covers if cover else all_partitions)(groups, values, limit)
    best = Program(groups, limit, cover).best(values)
    assert best is not None and worth(groups, values, best) == pytest.approx(known[0][0], abs=EASE)


def test_a_helper_by_hand() -> None:
    """0 helps 1 and 2, who harm each other and 0: 0 alone is used for itself, and helps in two further networks."""
    groups, limit = whole(3, 3)
    values = np.where(groups.member, -1.0, np.nan)
    row = {group: place for place, group in enumerate(groups.sets.tolist())}
    values[[row[1], row[2], row[4]], [0, 1, 2]] = 0.0
    values[row[3], 1] = values[row[5], 2] = 2.0
    assert Program(groups, limit, cover=True).best(values) == [(1, 1), (2, 3), (4, 5)]
    assert Program(groups, limit, cover=False).best(values) == [(3, 3), (4, 4)]


def test_of_equally_good_ones_the_cheapest() -> None:
    groups, limit = whole(4, 4)
    values = np.where(groups.member, 0.0, np.nan)
    for cover in (False, True):
        assert Program(groups, limit, cover).best(values) == [(15, 15)]


@pytest.mark.parametrize("cover", [False, True])
def test_a_budget_is_kept_to_one_parameter(cover: bool) -> None:
    heads = np.array([23_240_864.0, 23_089_164.0, 23_080_964.0])
    free = Budget(21_284_672.0, heads, 1e10)
    groups = make_groups(3, 3)
    values = random_values(np.random.default_rng(5), groups)
    values[3, 0] = values[4, 2] = 3.0  # {0, 1} is good for 0, and {0, 2} for 2
    best = Program(groups, free, cover).best(values)
    assert best is not None and len(best) > 1
    exactly = Budget(free.backbone, heads, free.cost(best))
    assert Program(groups, exactly, cover).best(values) == best
    less = Budget(free.backbone, heads, free.cost(best) - 1)
    cheaper = Program(groups, less, cover).best(values)
    known = (all_covers if cover else all_partitions)(groups, values, less)
    assert cheaper is not None and less.cost(cheaper) <= less.limit
    assert worth(groups, values, cheaper) == pytest.approx(known[0][0], abs=EASE)


@pytest.mark.parametrize("cover", [False, True])
def test_no_choice_within_the_budget(cover: bool) -> None:
    groups = make_groups(4, 2)
    values = random_values(np.random.default_rng(0), groups)
    assert Program(groups, Budget(1.0, np.zeros(4), 1), cover).best(values) is None
    values[groups.sizes == 1] = np.nan
    values[:, 0] = np.nan
    assert Program(groups, Budget(1.0, np.zeros(4), 4), cover).best(values) is None


def test_groups_and_budgets_by_hand() -> None:
    groups = make_groups(4, 2, extra=[0b0011, 0b1110])
    assert groups.sets.tolist() == [1, 2, 4, 8, 3, 5, 9, 6, 10, 12, 14]
    assert groups.member[-1].tolist() == [False, True, True, True] and groups.sizes[-1] == 3
    costs = (10.0, np.array([1.0, 2.0, 3.0]))
    assert make_budget(None, costs).limit == 36
    assert make_budget("1.5x", costs).limit == 24
    assert make_budget("40", costs).limit == 40
    limit = make_budget("40", costs)
    assert limit.cost([(1, 3), (2, 3), (4, 6)]) == 10 + 3 + 10 + 5
    assert (limit.together, limit.most_networks, make_budget("35.9", costs).most_networks) == (16, 3, 2)
    for text in ("x", "0", "-1", "nan", "inf", "many", "1.5y", ""):
        with pytest.raises(UserError, match="--budget"):
            make_budget(text, costs)


def test_too_many_groups_are_refused() -> None:
    with pytest.raises(UserError, match="--max_size: 40 tasks have 102,090 groups of up to 4"):
        make_groups(40, 4)
    with pytest.raises(UserError, match="61 tasks"):
        make_groups(61, 2)
    with pytest.raises(UserError, match="--cover: 32,767 groups"):
        Program(make_groups(15, 15), Budget(1.0, np.zeros(15), 3), cover=True)
