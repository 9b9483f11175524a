"""What a study has made, each thing once, and what each thing cost."""

import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, TypeVar

Made = TypeVar("Made")


@dataclass
class Cost:
    """What something cost, less what it was made of.

    Attributes:
        seconds: of this process.
        forward_passes: batches that went forwards through a backbone, over all processes.
        backward_passes: the same, backwards.
    """

    seconds: float = 0.0
    forward_passes: int = 0
    backward_passes: int = 0

    def add(self, other: "Cost") -> None:
        self.seconds += other.seconds
        self.forward_passes += other.forward_passes
        self.backward_passes += other.backward_passes


@dataclass
class _Frame:
    """Something that is being made."""

    cost: Cost = field(default_factory=Cost)
    used: set[Hashable] = field(default_factory=set)


class Products:
    """Keeps what was made under a key. A thing's cost leaves out the things that it was made of, so sums count once."""

    def __init__(self) -> None:
        self._made: dict[Hashable, Any] = {}
        self._frames: dict[Hashable, _Frame] = {}
        self._open: list[_Frame] = []

    def get(self, key: Hashable, make: Callable[[], Made]) -> Made:
        """What is kept under the key; made now if it is asked for the first time."""
        if key not in self._made:
            self._made[key], self._frames[key] = self._timed(make)
        if self._open:
            self._open[-1].used |= self._frames[key].used | {key}
        return self._made[key]

    def replace(self, key: Hashable, change: Callable[[Any], Any]) -> None:
        """Keep something else under the key from now on, made of what is there; its cost stays. Nothing if none is."""
        if key in self._made:
            self._made[key] = change(self._made[key])

    def count_passes(self, forward: int, backward: int) -> None:
        """Note passes through a backbone for what is being made."""
        if self._open:
            self._open[-1].cost.add(Cost(0.0, forward, backward))

    def measured(self, work: Callable[[], Made]) -> tuple[Made, Cost]:
        """What some work gives, and its cost with all that it used, as if nothing had been made before."""
        made, frame = self._timed(work)
        total = Cost()
        for cost in (frame.cost, *(self._frames[key].cost for key in frame.used)):
            total.add(cost)
        return made, total

    def _timed(self, work: Callable[[], Made]) -> tuple[Made, _Frame]:
        frame = _Frame()
        self._open.append(frame)
        start = time.perf_counter()
        try:
            made = work()
        finally:
            self._open.pop()
            elapsed = time.perf_counter() - start
            frame.cost.seconds += elapsed
            if self._open:  # what is made inside does not count twice
                self._open[-1].cost.seconds -= elapsed
        return made, frame
