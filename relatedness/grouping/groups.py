"""Sets of tasks, and what networks for them cost.

A set of tasks is an integer whose bit i stands for task i.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from configs.errors import UserError

MOST_TASKS = 60
MOST_GROUPS = 50_000
"""More groups than this take minutes to choose from."""

Network = tuple[int, int]
"""(serves, trained): the tasks that a network is used for, among the tasks that it is trained on."""


Costs = tuple[float, np.ndarray]
"""Of a backbone, and of each task's head [T]; 1 and zeros where networks are counted."""


@dataclass(frozen=True)
class Groups:
    """Groups of tasks.

    Attributes:
        sets: [G], small groups first.
        member: [G, T], whether a group holds a task.
    """

    sets: np.ndarray
    member: np.ndarray

    @property
    def sizes(self) -> np.ndarray:
        """Tasks in each group, [G]."""
        return self.member.sum(1)


@dataclass(frozen=True)
class Budget:
    """What networks cost, and what they may cost together.

    Attributes:
        backbone, heads: ``Costs``.
        limit: the most that all networks together may cost.
    """

    backbone: float
    heads: np.ndarray
    limit: float

    def cost(self, networks: Sequence[Network]) -> float:
        """What these networks cost; one that is named twice, for different tasks, is trained once."""
        trained = np.array(sorted({trained for _, trained in networks}))
        return float(self.backbone * len(trained) + (members(trained, len(self.heads)) @ self.heads).sum())

    @property
    def together(self) -> float:
        """The cost of one network for all tasks."""
        return float(self.backbone + self.heads.sum())

    @property
    def most_networks(self) -> int:
        """How many networks there can be: whatever they are, every task needs its head once."""
        return min(len(self.heads), math.floor((self.limit - self.heads.sum()) / self.backbone))


def make_budget(text: str | None, costs: Costs) -> Budget:
    """The budget that ``--budget`` states.

    Args:
        text: a number, or a multiple of one network for all tasks, such as ``1.5x``; None: as much as every task alone.

    Raises:
        UserError: it is neither.
    """
    backbone, heads = costs
    if text is None:
        return Budget(backbone, heads, float(len(heads) * backbone + heads.sum()))
    multiple = text.strip().lower().endswith("x")
    try:
        number = float(text.strip().lower().removesuffix("x"))
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        raise UserError(f"--budget: '{text}' is neither a number above 0 nor a multiple of one network, such as 1.5x")
    return Budget(backbone, heads, number * float(backbone + heads.sum()) if multiple else number)


def make_groups(tasks: int, max_size: int, extra: Sequence[int] = ()) -> Groups:
    """All groups of up to ``max_size`` of so many tasks, and the extra ones.

    Raises:
        UserError: there are too many.
    """
    if tasks > MOST_TASKS:
        raise UserError(f"{tasks} tasks are more than the {MOST_TASKS} that can be grouped; name some with --tasks")
    max_size = min(max_size, tasks)
    count = sum(math.comb(tasks, size) for size in range(1, max_size + 1))
    if count > MOST_GROUPS:
        raise UserError(
            f"--max_size: {tasks} tasks have {count:,} groups of up to {max_size}, more than the {MOST_GROUPS:,} "
            f"that can be compared; give a smaller --max_size"
        )
    bits = [1 << task for task in range(tasks)]
    sets = [sum(chosen) for size in range(1, max_size + 1) for chosen in combinations(bits, size)]
    sets += sorted(set(extra) - set(sets), key=lambda group: (group.bit_count(), group))
    return Groups(np.array(sets), members(np.array(sets), tasks))


def members(sets: np.ndarray, tasks: int) -> np.ndarray:
    """Sets [G] as a table [G, T] of what they hold."""
    return (sets[:, None] >> np.arange(tasks) & 1).astype(bool)


def tasks_of(group: int) -> list[int]:
    """The indices of the tasks in a set."""
    return [task for task in range(group.bit_length()) if group >> task & 1]
