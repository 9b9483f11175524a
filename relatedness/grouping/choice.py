"""The best grouping of the tasks, and what it takes to judge it: the runner-up, its stability, other groupings."""

from collections.abc import Callable, Sequence

import numpy as np

from configs.errors import UserError
from relatedness.grouping.groups import Budget, Groups, Network, make_groups, members, tasks_of
from relatedness.grouping.program import Program
from relatedness.grouping.values import Measurements
from reports.groups.file import Grouping, TrainedGroup
from reports.intervals import Interval, interval, paired_difference

ALL_GROUPS = 12
"""Up to so many tasks all groups are compared, beyond those of up to USUAL_SIZE tasks unless told otherwise."""
USUAL_SIZE = 3
RANDOM = 1000
RESAMPLES, LEAST_RESAMPLES, COLUMNS_RESAMPLED = 200, 20, 200_000
"""Programs with many columns are solved for fewer resamplings of the replicates."""


class Choice:
    """The best choice of networks under a budget, and its alternatives.

    Args:
        max_size: the most tasks in a group, but for groups that were measured; None: all or USUAL_SIZE.

    Raises:
        UserError: no grouping fits the budget, or there are too many groups.
    """

    def __init__(self, data: Measurements, budget: Budget, cover: bool, max_size: int | None, seed: int) -> None:
        self.data, self.budget, self.seed = data, budget, seed
        self.tasks = len(data.tasks)
        usual = self.tasks if self.tasks <= ALL_GROUPS else USUAL_SIZE
        self.max_size = min(self.tasks, usual if max_size is None else max_size)
        self.groups = make_groups(self.tasks, self.max_size, data.wholes.tolist() if max_size is None else [])
        self.program = Program(self.groups, budget, cover)
        self.values = data.group_values(self.groups)
        found = self.program.best(self.values)
        if found is None:
            raise self._impossible()
        self.best = found
        self.runner_up = self.program.next_best(self.values, found)

    @property
    def resamples(self) -> int:
        """How often the replicates are resampled; 0 where there is only one, or nothing known of any task."""
        affordable = max(LEAST_RESAMPLES, min(RESAMPLES, COLUMNS_RESAMPLED // self.program.size))
        return affordable if self.data.replicates > 1 and len(self.data.blind) < self.tasks else 0

    def value(self, networks: Sequence[Network]) -> float | None:
        """The mean over the tasks of what the networks that serve them are worth; None where that is not known."""
        served, values = self._served(networks)
        total = values[served].sum() / self.tasks
        return None if np.isnan(total) else float(total)

    def grouping(self, networks: Sequence[Network]) -> Grouping:
        """The networks as they stand in ``groups.json``, those that serve the first tasks first."""
        ordered = sorted(networks, key=lambda network: tasks_of(network[0]))
        values, replicates = self._served(ordered)[1], self.data.by_replicate(self._trained(ordered))
        found = []
        for row, (serves, trained) in enumerate(ordered):
            served = {self.data.tasks[task]: task for task in tasks_of(serves)}
            found.append(
                TrainedGroup(
                    tasks=self._names(trained),
                    serves=list(served),
                    values={name: float(values[row, task]) for name, task in served.items()},
                    intervals={
                        name: _ends(interval(replicates[:, row, task])) if self.data.knows(trained, task) else None
                        for name, task in served.items()
                    },
                    cost=self.budget.cost([(serves, trained)]),
                    predicted=not self.data.is_measured(trained),
                )
            )
        return Grouping(groups=found, value=self.value(networks), cost=self.budget.cost(networks))

    def gap_interval(self) -> tuple[float, float] | None:
        """The interval, paired over replicates, for how much more the best choice is worth than the runner-up."""
        if self.runner_up is None:
            return None
        means = []
        for networks in (self.best, self.runner_up):
            served = members(np.array([serves for serves, _ in networks]), self.tasks)
            means.append(self.data.by_replicate(self._trained(networks))[:, served].mean(1))
        return _ends(paired_difference(*means))

    def stability(self, after_each: Callable[[int], object]) -> float | None:
        """The share of resamplings of the replicates (bootstrap) whose best choice is the same one.

        Args:
            after_each: is told how many resamplings have been looked at.
        """
        if not self.resamples:
            return None
        size = self.data.replicates
        drawn = np.random.default_rng(self.seed).integers(size, size=(self.resamples, size))
        weights = np.stack([np.bincount(row, minlength=size) for row in drawn])
        same = 0
        # The same replicates are often drawn again, if in another order; few replicates have few combinations.
        for row, times in zip(*np.unique(weights, axis=0, return_counts=True), strict=True):
            if self.program.best(self.data.group_values(self.groups, row)) == self.best:
                same += int(times)
            after_each(int(times))
        return same / self.resamples

    def random_mean(self) -> float | None:
        """The mean value of random partitions within the budget; None if none of them has a known value.

        Each has a number of networks drawn from those that fit, and deals the tasks at random to networks that are not
        full; partitions of which something is not known are left out.
        """
        rng, found = np.random.default_rng(self.seed), []
        totals = np.where(self.groups.member, self.values, 0.0).sum(1)
        total_of = dict(zip(self.groups.sets.tolist(), totals.tolist(), strict=True))
        most = self.budget.most_networks
        least = min(most, -(-self.tasks // self.max_size))
        for _ in range(RANDOM):
            seats = np.repeat(np.arange(rng.integers(least, most + 1)), self.max_size)
            dealt = rng.permutation(seats)[: self.tasks]
            sets = [int((1 << np.flatnonzero(dealt == network)).sum()) for network in np.unique(dealt)]
            if len(dealt) == self.tasks:
                found.append(sum(total_of.get(group, np.nan) for group in sets))
        known = [total for total in found if not np.isnan(total)]
        return float(np.mean(known)) / self.tasks if known else None

    def _served(self, networks: Sequence[Network]) -> tuple[np.ndarray, np.ndarray]:
        """Which tasks each network serves, and what it is worth to those trained in it; [N, T] each."""
        served = members(np.array([serves for serves, _ in networks]), self.tasks)
        return served, self.data.group_values(self._trained(networks))

    def _trained(self, networks: Sequence[Network]) -> Groups:
        sets = np.array([trained for _, trained in networks])
        return Groups(sets, members(sets, self.tasks))

    def _impossible(self) -> UserError:
        """Why no grouping fits, and what to change."""
        limit, together = self.budget.limit, self.budget.together
        if limit < together:
            return UserError(
                f"--budget: one network for all tasks costs {together:,.12g} already, more than {limit:,.12g}; "
                f"give a larger one, such as --budget 1x"
            )
        least = -(-self.tasks // self.max_size)
        if least > self.budget.most_networks:
            needed = least * self.budget.backbone + self.budget.heads.sum()
            return UserError(
                f"--max_size: {self.tasks} tasks in groups of up to {self.max_size} are {least} networks, which cost "
                f"{needed:,.12g}, more than --budget {limit:,.12g}; raise one of the two"
            )
        return UserError(
            "no grouping within --budget and --max_size has a known value; measure every pair of tasks, or the groups "
            "in question, or raise --budget"
        )

    def _names(self, group: int) -> list[str]:
        return [self.data.tasks[task] for task in tasks_of(group)]


def _ends(found: Interval) -> tuple[float, float] | None:
    return (found.low, found.high) if found.known else None
