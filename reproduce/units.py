"""What is left of a plan as units that may run side by side: the commands of one run, in order."""

import heapq
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import count, groupby
from pathlib import Path

from reproduce.planned import AnyRun, PlannedTraining
from reproduce.progress import Step

Key = tuple[Path, str]
"""Folder and name of a run: no two have the same."""


@dataclass(frozen=True)
class Unit:
    """What is left of one run.

    Attributes:
        steps: its commands, each after the one before has succeeded.
    """

    run: AnyRun
    steps: tuple[Step, ...]

    @property
    def key(self) -> Key:
        return key_of(self.run)

    @property
    def after(self) -> Key | None:
        """The run whose network this one begins with; None: it begins by itself."""
        source = self.run.source if isinstance(self.run, PlannedTraining) else None
        return None if source is None else key_of(source)


class Schedule:
    """Which unit begins next: in the order of the plan, each once what it needs has ended well."""

    def __init__(self, units: Iterable[Unit]) -> None:
        self._waiting = list(units)
        self._open = {unit.key for unit in self._waiting}

    def next(self) -> Unit | None:
        """The unit to begin now, which is then not given again; None if none is ready."""
        ready = next((unit for unit in self._waiting if unit.after not in self._open), None)
        if ready is not None:
            self._waiting.remove(ready)
        return ready

    def end(self, unit: Unit, well: bool) -> list[Unit]:
        """Note that a unit has ended; returns those that will never begin, since they need one that has failed."""
        if well:
            self._open.discard(unit.key)
            return []
        lost = [waiting for waiting in self._waiting if waiting.after == unit.key]
        self._waiting = [waiting for waiting in self._waiting if waiting not in lost]
        return [*lost, *(further for other in lost for further in self.end(other, well=False))]


def key_of(run: AnyRun) -> Key:
    return run.setup.dest, run.name


def units_of(steps: Iterable[Step]) -> list[Unit]:
    """The runs of which something is left to do, in the order of the plan."""
    groups = [(list(group)) for _, group in groupby(steps, key=lambda step: key_of(step.run))]
    return [
        Unit(group[0].run, tuple(step for step in group if not step.done))
        for group in groups
        if not all(step.done for step in group)
    ]


def chains_of(units: Sequence[Unit]) -> list[list[Unit]]:
    """Units that need one another put together, in an order in which each comes after what it needs."""
    chains: dict[Key, list[Unit]] = {}
    for unit in units:
        chain = next((chain for chain in chains.values() if unit.after in [other.key for other in chain]), None)
        if chain is None:
            chains[unit.key] = [unit]
        else:
            chain.append(unit)
    return list(chains.values())


def makespan(units: Sequence[Unit], jobs: int, seconds: Callable[[Step], float]) -> float:
    """Seconds until all units have ended, so many at a time.

    Args:
        seconds: that a step takes, whatever runs beside it.
    """
    schedule, number, now = Schedule(units), count(), 0.0
    running: list[tuple[float, int, Unit]] = []
    while True:
        while len(running) < jobs and (unit := schedule.next()) is not None:
            heapq.heappush(running, (now + sum(map(seconds, unit.steps)), next(number), unit))
        if not running:
            return now
        now, _, ended = heapq.heappop(running)
        schedule.end(ended, well=True)
