"""Groupings found by trying all of them, to hold against the integer program."""

from collections.abc import Iterator, Sequence
from itertools import combinations, product

import numpy as np

from relatedness.grouping.groups import Budget, Groups, Network, make_groups

EASE = 1e-9


def random_values(rng: np.random.Generator, groups: Groups, whole: bool = False) -> np.ndarray:
    """Values for members, 0 for tasks alone, NaN for others; whole numbers have ties."""
    shape = groups.member.shape
    values = rng.integers(-2, 3, shape).astype(float) if whole else rng.normal(size=shape)
    values[groups.sizes == 1] = 0.0
    return np.where(groups.member, values, np.nan)


def worth(groups: Groups, values: np.ndarray, networks: Sequence[Network]) -> float:
    """Sum of the values that networks have for the tasks that they serve."""
    row = {group: place for place, group in enumerate(groups.sets.tolist())}
    tasks = range(values.shape[1])
    return sum(values[row[trained], task] for serves, trained in networks for task in tasks if serves >> task & 1)


def partitions(tasks: int) -> Iterator[list[int]]:
    """All partitions of so many tasks, as sets."""
    if not tasks:
        yield []
        return
    last = 1 << tasks - 1
    for smaller in partitions(tasks - 1):
        yield [*smaller, last]
        for place, group in enumerate(smaller):
            yield [*smaller[:place], group | last, *smaller[place + 1 :]]


def all_partitions(groups: Groups, values: np.ndarray, budget: Budget) -> list[tuple[float, list[Network]]]:
    """Every partition within the budget with its sum of values, the best first."""
    known = set(groups.sets.tolist())
    found = []
    for sets in partitions(values.shape[1]):
        networks = sorted((group, group) for group in sets)
        if known.issuperset(sets) and budget.cost(networks) <= budget.limit:
            total = worth(groups, values, networks)
            if not np.isnan(total):
                found.append((total, networks))
    return sorted(found, key=lambda one: -one[0])


def all_covers(groups: Groups, values: np.ndarray, budget: Budget) -> list[tuple[float, list[Network]]]:
    """Every way to choose for each task a group that serves it, within the budget, the best first."""
    sets, found = groups.sets.tolist(), []
    choices = [[row for row in range(len(sets)) if not np.isnan(column[row])] for column in values.T]
    for rows in product(*choices):
        serves: dict[int, int] = {}
        for task, row in enumerate(rows):
            serves[sets[row]] = serves.get(sets[row], 0) | 1 << task
        networks = sorted((served, trained) for trained, served in serves.items())
        if budget.cost(networks) <= budget.limit:
            found.append((worth(groups, values, networks), networks))
    return sorted(found, key=lambda one: -one[0])


def best_cover(groups: Groups, values: np.ndarray, budget: Budget) -> float:
    """The highest sum of values of a cover within the budget: every task has the best of the networks chosen."""
    cost = budget.backbone + groups.member @ budget.heads
    order = np.where(np.isnan(values), -np.inf, values)
    best = -np.inf
    for count in range(1, min(values.shape[1], int(budget.limit // cost.min())) + 1):
        chosen = np.array(list(combinations(range(len(cost)), count)))
        chosen = chosen[cost[chosen].sum(1) <= budget.limit]
        if len(chosen):
            best = max(best, sum(column[chosen].max(1) for column in order.T).max())
    return best


def whole(tasks: int, limit: float) -> tuple[Groups, Budget]:
    """All groups of so many tasks, and a budget of so many networks."""
    return make_groups(tasks, tasks), Budget(1.0, np.zeros(tasks), limit)
