"""Losses of the latest steps: gathered without waiting for the accelerator, shared among processes, checked."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from runtime.device import Runtime

SETTLE_EVERY = 20
"""Steps between two looks at the losses on an accelerator, where a look waits for all work under way."""


class NonFiniteLoss(Exception):
    """A loss became infinite or NaN.

    Attributes:
        task: whose loss.
        iteration: number of the step, from 1.
        value: the loss.
    """

    def __init__(self, task: str, iteration: int, value: float) -> None:
        super().__init__(f"the loss of task '{task}' is {value} in iteration {iteration}")
        self.task, self.iteration, self.value = task, iteration, value


@dataclass(frozen=True)
class Entry:
    """One step: its number from 1, its learning rate, and each task's loss, the mean over the processes."""

    iteration: int
    lr: float
    losses: tuple[float, ...]


class Ledger:
    """Collects losses until they are due to be looked at.

    On the CPU that is at once, before the step is made; on an accelerator it is every ``SETTLE_EVERY`` steps, at the
    same steps on all processes.

    Attributes:
        stop: whether a process wanted to stop when the ledger was last settled.
        save: whether one wanted the state to be saved.
    """

    def __init__(self, tasks: Sequence[str], runtime: Runtime) -> None:
        self.stop = self.save = False
        self._tasks = list(tasks)
        self._runtime = runtime
        self._open: list[tuple[int, float, Tensor]] = []

    def add(self, iteration: int, lr: float, losses: Sequence[Tensor]) -> None:
        """Note the losses of a step, in the order of the tasks, without waiting for them."""
        # Detached, or the graph of every step would be kept; stacked, so that they are fetched as one tensor.
        self._open.append((iteration, lr, torch.stack([loss.detach().float() for loss in losses])))

    @property
    def due(self) -> bool:
        """Whether it is time to settle."""
        return self._runtime.device.type == "cpu" or len(self._open) >= SETTLE_EVERY

    def settle(self, stop: bool, save: bool = False) -> list[Entry]:
        """Look at the losses noted since the last time; every process must take part.

        Args:
            stop: whether this process wants to stop.
            save: whether this process wants the state to be saved.

        Raises:
            NonFiniteLoss: on all processes alike.
        """
        if not self._open:
            return []
        iterations, rates, losses = zip(*self._open, strict=True)
        self._open = []
        table = torch.stack(losses)
        # Wishes travel with the losses: no message of their own, and all processes learn of them at one step.
        wishes = table.new_tensor([float(stop), float(save)]).expand(len(table), 2)
        shared = torch.cat([table, wishes], dim=1)
        self._runtime.sum_over_processes([shared])
        rows = (shared / self._runtime.world).tolist()  # the only wait: one copy for all steps
        self.stop, self.save = (wish > 0 for wish in rows[-1][len(self._tasks) :])
        entries = []
        for iteration, lr, row in zip(iterations, rates, rows, strict=True):
            values = tuple(row[: len(self._tasks)])
            # NaN and infinity survive a sum, so what one process saw all of them raise, and none waits for another.
            for task, value in zip(self._tasks, values, strict=True):
                if not math.isfinite(value):
                    raise NonFiniteLoss(task, iteration, value)
            entries.append(Entry(iteration, lr, values))
        return entries
