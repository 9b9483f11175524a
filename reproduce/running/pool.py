"""Runs of a plan on this machine, one after another or side by side, with a line of progress for each."""

import csv
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from tqdm import tqdm

from configs import flags
from reproduce.planned import PlannedTraining
from reproduce.progress import Step
from reproduce.running import children
from reproduce.running.outcomes import Report
from reproduce.units import Schedule, Unit

LOOK_EVERY = 0.05
"""Seconds between two looks at whether a child has ended."""
DRAW_EVERY = 1.0
"""Seconds between two looks at how far a child is."""
def one_after_another(units: Sequence[Unit], report: Report, lock: int) -> None:
    """Run units with their bars and errors seen; a failed one ends none of the others.

    Raises:
        KeyboardInterrupt: after Ctrl-C or SIGTERM; what is finished is kept.
    """
    schedule = Schedule(units)
    while (unit := schedule.next()) is not None:
        well = True
        for step in unit.steps:
            place, begun = report.begin(step), time.monotonic()
            status = children.run_child(step.command, step.log, keep=(lock,))
            if status == flags.EXIT_INTERRUPTED:
                raise KeyboardInterrupt("what is finished is kept; the same command goes on")
            well = report.end(step, place, status, time.monotonic() - begun)
            if not well:
                break
        report.lost(schedule.end(unit, well))


@dataclass
class _Running:
    """A unit under way: its command, place in the list, and line of progress."""

    unit: Unit
    slot: int
    number: int
    place: str
    begun: float
    process: subprocess.Popen
    bar: tqdm | None

    @property
    def step(self) -> Step:
        return self.unit.steps[self.number]


class Pool:
    """Runs units side by side.

    Args:
        environments: of each slot, what is not as it is here; as many run at a time.
        lock: a file that stays open in every child.
    """

    def __init__(self, environments: Sequence[Mapping[str, str]], report: Report, lock: int) -> None:
        self._environments, self._report, self._lock = environments, report, lock
        self._running: list[_Running] = []
        self._drawn = 0.0

    def run(self, units: Sequence[Unit]) -> None:
        """Run all; a failed one ends none of the others.

        Raises:
            KeyboardInterrupt: after Ctrl-C or SIGTERM; what is finished is kept.
            UserError: a log cannot be written; the others have been ended.
        """
        schedule = Schedule(units)
        with children.Children() as crew:
            try:
                while not crew.told:
                    for slot in self._free():
                        if (unit := schedule.next()) is not None:
                            self._begin(crew, unit, slot, 0)
                    if not self._running:
                        return
                    time.sleep(LOOK_EVERY)
                    self._look(crew, schedule)
            finally:
                for running in self._running:
                    _close(running.bar)
        raise KeyboardInterrupt("what is finished is kept; the same command goes on")

    def _free(self) -> list[int]:
        taken = {running.slot for running in self._running}
        return [slot for slot in range(len(self._environments)) if slot not in taken]

    def _begin(self, crew: children.Children, unit: Unit, slot: int, number: int) -> None:
        step = unit.steps[number]
        place = self._report.begin(step)
        process = crew.start(step.command, step.log, (self._lock,), self._environments[slot], shown=False)
        bar = _bar(step, place, slot)
        self._running.append(_Running(unit, slot, number, place, time.monotonic(), process, bar))

    def _look(self, crew: children.Children, schedule: Schedule) -> None:
        draw = time.monotonic() > self._drawn + DRAW_EVERY
        for running in list(self._running):
            status = running.process.poll()
            if status is not None and not crew.told:
                self._end(crew, schedule, running, status)
            elif draw and running.bar is not None:
                running.bar.n = _reached(running.step)
                running.bar.refresh()
        if draw:
            self._drawn = time.monotonic()

    def _end(self, crew: children.Children, schedule: Schedule, running: _Running, status: int) -> None:
        self._running.remove(running)
        _close(running.bar)
        if status == flags.EXIT_INTERRUPTED:  # told by somebody else, who wants an end
            crew.end()
            crew.told = True
            return
        well = self._report.end(running.step, running.place, status, time.monotonic() - running.begun)
        if well and running.number + 1 < len(running.unit.steps):
            self._begin(crew, running.unit, running.slot, running.number + 1)
        else:
            self._report.lost(schedule.end(running.unit, well))


def _bar(step: Step, place: str, slot: int) -> tqdm | None:
    """A line of its own at the bottom of a terminal; None elsewhere."""
    if not sys.stderr.isatty():
        return None
    if step.kind != "train" or not isinstance(step.run, PlannedTraining):
        text = "{desc} {elapsed}"
        return tqdm(desc=f"{place} {step.title}", bar_format=text, position=slot, leave=False)
    total = step.run.job.schedule.max_iters
    return tqdm(
        desc=f"{place} {step.title}", initial=step.going_on, total=total, unit="it", position=slot, leave=False
    )


def _close(bar: tqdm | None) -> None:
    if bar is not None:
        bar.close()


def _reached(step: Step) -> int:
    """How far a training is, by the last line of its log, which is written every so often."""
    if not isinstance(step.run, PlannedTraining):
        return 0
    with suppress(OSError, ValueError):
        with step.run.job.log.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - 4096))
            lines = file.read().decode().splitlines()
        return int(next(csv.reader(lines[-1:]))[0])
    return step.going_on
