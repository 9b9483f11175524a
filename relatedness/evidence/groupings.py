"""What a grouping is worth that a score leads to: all partitions into a few networks, valued by measured gains."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

NETWORKS = 2
"""The budget: with fewer there is nothing to choose, and with as many as tasks, all alone is among the choices."""
MOST_TASKS = 12
"""More tasks have too many partitions to try all of them."""
EASE = 1e-12
"""Values that differ by no more than this are equal."""


@dataclass(frozen=True)
class Partitions:
    """All ways to deal T tasks out to ``NETWORKS`` networks at most, all together first.

    Attributes:
        first: [P, T], whether a task is in the first network, where the first task always is.
    """

    first: np.ndarray

    @classmethod
    def of(cls, tasks: int) -> "Partitions":
        """Of so many tasks, at most ``MOST_TASKS``."""
        sets = np.arange((1 << tasks) - 1, 0, -2)
        return cls((sets[:, None] >> np.arange(tasks) & 1).astype(bool))

    def values(self, pairs: np.ndarray) -> np.ndarray:
        """The mean over the tasks of what each partition is worth, [..., T, T] -> [..., P]; NaN if a pair is not known.

        A network is worth to a task the mean of what its pairs with the others there are, as for ``group_tasks.py``; a
        task alone has 0.

        Args:
            pairs: row = the task that is helped, column = its partner.
        """
        tasks = self.first.shape[1]
        together = (self.first[:, :, None] == self.first[:, None]) & ~np.eye(tasks, dtype=bool)  # [P, T, T]
        shares = together / np.maximum(together.sum(-1, keepdims=True), 1) / tasks
        missing = np.isnan(pairs) & ~np.eye(tasks, dtype=bool)
        found = np.einsum("...ab,pab->...p", np.nan_to_num(pairs), shares)
        unknown = np.einsum("...ab,pab->...p", missing.astype(float), together.astype(float)) > 0
        return np.where(unknown, np.nan, found)

    def names(self, chosen: int, tasks: Sequence[str]) -> list[list[str]]:
        """The networks of one partition."""
        first = self.first[chosen]
        sides = [[task for task, here in zip(tasks, side, strict=True) if here] for side in (first, ~first)]
        return [side for side in sides if side]


def best(values: np.ndarray) -> np.ndarray:
    """The partition of the highest value, [..., P] -> [...]; of equal ones the first: all together."""
    known = np.where(np.isnan(values), -np.inf, values)
    return np.argmax(known >= known.max(-1, keepdims=True) - EASE, axis=-1)


def short_of_best(values: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """By how much the chosen partition falls short of the best, [..., P] and [...] -> [...]; NaN if it is not known."""
    highest, found = (np.take_along_axis(values, place[..., None], -1)[..., 0] for place in (best(values), chosen))
    return highest - found
