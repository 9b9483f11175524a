"""Floor and ceiling: each task stands beside two stand-ins, and an estimator cannot tell which is which.

A task's *shuffled* stand-in has its head and its loss, but the targets of other pictures: nothing of what a partner
gives can come from the targets. Its *twin* has its targets under another name, and a head of another initialisation:
no partner can be closer. What an estimator says of them is what its values can be measured by.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from dataloaders.batches.fetching import seeded_generator
from tasks import Task

Kind = Literal["real", "shuffled", "twin"]
MARK = "~"
"""Between a task's name and the kind of stand-in; no task's name has it."""
SHUFFLE = 2
"""What a seeded generator is for."""


@dataclass(frozen=True)
class Role:
    """A task of a study, or a stand-in for one.

    Attributes:
        name: "depth", "depth~shuffled" or "depth~twin".
        task: the task, or the one that it stands in for.
        kind: which of the three it is.
    """

    name: str
    task: Task
    kind: Kind

    @property
    def weight(self) -> float:
        """The factor of the task's loss in the sum of the losses."""
        return self.task.weight

    def view(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        """The batch as this role sees it: the task's keys hold its own targets, or those of other pictures."""
        if self.kind != "shuffled":
            return batch
        return {**batch, **{key: batch[shuffled_key(key)] for key in self.task.targets}}

    def loss(self, prediction: Tensor, batch: Mapping[str, Any]) -> Tensor:
        """The task's loss, not multiplied by its weight, on a batch of ``Study.batches``."""
        return self.task.loss(prediction, self.view(batch))


def make_roles(tasks: Iterable[Task], controls: bool) -> tuple[Role, ...]:
    """The T tasks and, with controls, their T shuffled stand-ins and then their T twins."""
    kinds: tuple[Kind, ...] = ("real", "shuffled", "twin") if controls else ("real",)
    suffixes = {kind: "" if kind == "real" else f"{MARK}{kind}" for kind in kinds}
    named = list(tasks)
    return tuple(Role(f"{task.name}{suffixes[kind]}", task, kind) for kind in kinds for task in named)


def wanted_pairs(roles: Sequence[Role]) -> np.ndarray:
    """Bool [R, R]: which entries are looked at. An estimator that is dear for each pair may leave out the others."""
    found = np.zeros((len(roles), len(roles)), dtype=bool)
    for i, helped in enumerate(roles):
        for j, partner in enumerate(roles):
            same = helped.task.name == partner.task.name
            found[i, j] = helped.kind == "real" and (same if partner.kind == "twin" else not same)
    return found


def split_controls(matrix: np.ndarray, tasks: int) -> tuple[np.ndarray, np.ndarray | None, np.ndarray | None]:
    """Values, floor and ceiling from what an estimator says of all roles.

    Args:
        matrix: [..., R, R], R = ``tasks``, or 3 x ``tasks`` in the order of ``make_roles``.

    Returns:
        values [..., T, T], floor [..., T, T] (partner with the targets of other pictures), both NaN on the diagonal,
        and ceiling [..., T] (a task with its twin); no floor and ceiling without controls.
    """
    own = np.eye(tasks, dtype=bool)
    values = np.where(own, np.nan, matrix[..., :tasks, :tasks])
    if matrix.shape[-1] == tasks:
        return values, None, None
    floor = np.where(own, np.nan, matrix[..., :tasks, tasks : 2 * tasks])
    ceiling = np.diagonal(matrix[..., :tasks, 2 * tasks :], axis1=-2, axis2=-1)
    return values, floor, ceiling.copy()


def shuffled_key(key: str) -> str:
    """Where a batch holds the targets that other pictures have for a key."""
    return f"{key}{MARK}shuffled"


def with_shuffled(batch: Mapping[str, Any], other: Mapping[str, Any], keys: Collection[str], order: Tensor) -> dict:
    """The batch with further targets for shuffled roles: sample i gets those of sample order[i] of ``other``."""
    return {**batch, **{shuffled_key(key): other[key][order.to(other[key].device)] for key in keys}}


def shuffled_within(batch: Mapping[str, Any], keys: Collection[str], seed: int, number: int) -> dict:
    """The batch with further targets, those of its other pictures, in an order that its number and the seed decide."""
    return with_shuffled(batch, batch, keys, derangement(batch["name"], seeded_generator(seed, SHUFFLE, number)))


def derangement(names: Sequence[str], generator: torch.Generator) -> Tensor:
    """A random order [N] in which no sample keeps its place or, where that can be, meets a sample of its own name.

    A picture may be in a batch twice where a data set is smaller than a batch. So the samples are put in a random order
    in which those of one picture stand together, and each meets the one as many steps on as the largest group is long.

    Args:
        names: of the N pictures, N >= 2.
    """
    drawn = torch.randperm(len(names), generator=generator).tolist()
    first = {names[place]: rank for rank, place in reversed(list(enumerate(drawn)))}
    grouped = sorted(drawn, key=lambda place: first[names[place]])
    largest = max(names.count(name) for name in first)
    step = max(1, min(largest, len(names) // 2))
    order = torch.empty(len(names), dtype=torch.long)
    for rank, place in enumerate(grouped):
        order[place] = grouped[(rank + step) % len(names)]
    return order
