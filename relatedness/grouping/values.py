"""What training together is worth to each task: from an estimator of relatedness, or from measured gains.

Both say it of pairs, replicate by replicate (of gains: seed by seed). Training alone is worth 0 on either scale. What
was measured of a whole group is used as it is; any other group is worth to a member the mean of what its pairs with the
other members are worth to it. That is an assumption, from which measured groups of three and more are known to stray.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from configs.errors import UserError
from relatedness.grouping.groups import Groups, members, tasks_of
from reports.gains import GainsFile, relative_gains
from reports.relatedness.file import EstimatorResult, array
from reports.relatedness.summary import LEAST_SENSITIVITY, on_scale

NO_GROUPS = np.empty(0, dtype=np.int64)


@dataclass(frozen=True)
class Measurements:
    """What is known of T tasks in R replicates.

    Attributes:
        tasks: their names.
        pairs: [R, T, T], what the partner (column) is worth to the helped task (row); NaN where nothing is known.
        wholes: [L], groups of three or more that were measured as a whole, as sets in increasing order.
        larger: [R, L, T], what these are worth to their tasks; NaN for tasks outside them.
        unknown: what a pair of which nothing is known counts as; NaN: groups with such a pair are no choice.
        blind: tasks to which the estimator gives a twin no more than a task of other pictures' targets.
    """

    tasks: tuple[str, ...]
    pairs: np.ndarray
    wholes: np.ndarray
    larger: np.ndarray
    unknown: float
    blind: tuple[str, ...] = ()

    @property
    def replicates(self) -> int:
        return len(self.pairs)

    def group_values(self, groups: Groups, weights: np.ndarray | None = None) -> np.ndarray:
        """What each group is worth to each member, [G, T]: the mean over replicates; NaN for tasks outside the group.

        Args:
            weights: [R], how often each replicate counts; once where none are given. What was measured in none of
                those that count is taken from all of them.
        """
        return self._in_groups(groups, _mean(self.pairs, weights), _mean(self.larger, weights))

    def by_replicate(self, groups: Groups) -> np.ndarray:
        """The same of each replicate, [R, G, T]; NaN also where it was not measured in this one."""
        return np.stack([self._in_groups(groups, *one) for one in zip(self.pairs, self.larger, strict=True)])

    def knows(self, group: int, task: int) -> bool:
        """Whether anything is known of what the group is worth to the task."""
        partners = [other for other in tasks_of(group) if other != task]
        return group in self.wholes or bool(np.isfinite(self.pairs[:, task, partners]).any())

    def is_measured(self, group: int) -> bool:
        """Whether the group's values are its own, not made of those of its pairs."""
        return group.bit_count() <= 2 or group in self.wholes

    def _in_groups(self, groups: Groups, pairs: np.ndarray, larger: np.ndarray) -> np.ndarray:
        """[G, T]: the mean over the partners in the group, or what was measured of the group as a whole."""
        pairs = np.where(np.isnan(pairs), self.unknown, pairs)
        np.fill_diagonal(pairs, 0.0)
        missing = np.isnan(pairs)
        partners = np.maximum(groups.sizes - 1, 1)[:, None]
        values = groups.member @ np.where(missing, 0.0, pairs).T / partners
        values[(groups.member @ missing.T.astype(float) > 0) | ~groups.member] = np.nan
        if len(self.wholes):
            place = np.minimum(np.searchsorted(self.wholes, groups.sets), len(self.wholes) - 1)
            same = self.wholes[place] == groups.sets
            values[same] = larger[place[same]]
        return values


def estimated(result: EstimatorResult, tasks: Sequence[str], where: str) -> Measurements:
    """Values of an estimator on the scale that is 0 at the floor and 1 at the ceiling (``on_scale``).

    A partner at its floor, one whose targets might as well be of other pictures, is worth as much as none: 0, as
    training alone. Where the ceiling cannot be told from the floor, for all tasks together or for this pair, there is
    no scale, and the pair counts as 0 too.

    Args:
        where: file and estimator, for messages.

    Raises:
        UserError: the estimator ran without floor and ceiling.
    """
    if result.floor is None or result.ceiling is None:
        raise UserError(
            f"{where}: no floor and ceiling, without which its values mean nothing for a group; "
            f"run task_relatedness.py without --no_controls"
        )
    pairs = on_scale(array(result.values), array(result.floor), array(result.ceiling))
    if result.sensitivity is not None and result.sensitivity < LEAST_SENSITIVITY:
        pairs[:] = np.nan  # of many pairs some seem to have a scale by chance, even where the estimator sees nothing
    pairs[:, np.eye(len(tasks), dtype=bool)] = np.nan
    unseen = np.isnan(pairs).all((0, 2))
    blind = tuple(np.array(tasks)[unseen].tolist())
    return Measurements(tuple(tasks), pairs, NO_GROUPS, np.empty((len(pairs), 0, len(tasks))), 0.0, blind)


def measured(file: GainsFile) -> Measurements:
    """Relative improvement over training alone, seed by seed."""
    index = {task: place for place, task in enumerate(file.tasks)}
    seeds = len(file.seeds)
    pairs = np.full((seeds, len(index), len(index)), np.nan)
    larger: dict[int, np.ndarray] = {}
    for group, gains in relative_gains(file).items():
        if len(group) == 2:
            a, b = (index[task] for task in gains)
            pairs[:, a, b], pairs[:, b, a] = gains.values()
        else:
            values = larger.setdefault(sum(1 << index[task] for task in group), np.full((seeds, len(index)), np.nan))
            for task, gain in gains.items():
                values[:, index[task]] = gain
    wholes = np.array(sorted(larger), dtype=np.int64)
    rows = np.array([larger[group] for group in wholes.tolist()]).reshape(len(wholes), seeds, len(index))
    return Measurements(tuple(file.tasks), pairs, wholes, rows.swapaxes(0, 1), np.nan)


def select(data: Measurements, tasks: Sequence[str]) -> Measurements:
    """The same of some of the tasks, in this order.

    Raises:
        UserError: nothing is known of one of them, or they are not two at least.
    """
    unknown = [task for task in tasks if task not in data.tasks]
    if unknown:
        raise UserError(f"--tasks: nothing is known of '{unknown[0]}'; choose from {', '.join(data.tasks)}")
    if len(tasks) < 2 or len(set(tasks)) < len(tasks):
        raise UserError(f"--tasks: {', '.join(tasks)}; groups are of several tasks, name two or more, each once")
    old = [data.tasks.index(task) for task in tasks]
    here = members(data.wholes, len(data.tasks))
    inside = here.sum(1) == here[:, old].sum(1)
    wholes = here[inside][:, old] @ (1 << np.arange(len(old)))
    order = np.argsort(wholes)
    larger = data.larger[:, inside][:, order][:, :, old]
    blind = tuple(task for task in data.blind if task in tasks)
    return Measurements(tuple(tasks), data.pairs[:, old][:, :, old], wholes[order], larger, data.unknown, blind)


def _mean(values: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
    """The mean of what the replicates know; NaN where none does. What no weighted one knows is taken from all."""
    known = np.isfinite(values)
    counts = known.sum(0)
    mean = np.where(known, values, 0.0).sum(0) / np.where(counts, counts, np.nan)
    if weights is None:
        return mean
    counts = np.tensordot(weights, known, axes=1)
    return np.where(counts, np.tensordot(weights, np.where(known, values, 0.0), axes=1) / np.maximum(counts, 1), mean)
