"""What begins and ends while a plan is carried out, and what has failed, in words."""

import sys
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tqdm import tqdm

from configs import UserError, flags
from reports.costs import duration
from reproduce.progress import Step
from reproduce.units import Unit

MOST_TOLD = 5
"""Failures that a message names."""


@dataclass(frozen=True)
class Failure:
    """A command that did not end well.

    Attributes:
        status: of its end; negative: the signal that ended it.
    """

    step: Step
    status: int

    def __str__(self) -> str:
        how = f"was ended by signal {-self.status}" if self.status < 0 else f"ended with status {self.status}"
        return f"`{self.step.shown}` {how}; its output: {self.step.log}"


@dataclass
class Report:
    """Says what begins and ends, and keeps what has failed.

    Attributes:
        total: commands to do.
        after_step: called after each one that ended well.
    """

    total: int
    after_step: Callable[[Step], object]
    failures: list[Failure] = field(default_factory=list)
    begun: int = 0

    def begin(self, step: Step) -> str:
        """Say that a command begins; returns its place among all."""
        self.begun += 1
        place = f"[{self.begun}/{self.total}]"
        say(f"{place} {step.title}")
        return place

    def end(self, step: Step, place: str, status: int, seconds: float) -> bool:
        """Say that a command has ended; whether it has done so well."""
        if status == 0:
            say(f"{place} {step.title}: {duration(seconds)}")
            self.after_step(step)
            return True
        self.failures.append(Failure(step, status))
        say(f"{place} {step.title}: failed after {duration(seconds)}{_last_error(step.log)}")
        return False

    def lost(self, units: Collection[Unit]) -> None:
        """Say which runs will not begin."""
        for unit in units:
            say(f"{unit.run.name}: not begun, since it starts from a network that is missing now")

    def close(self) -> None:
        """Tell the failures, if there are any.

        Raises:
            UserError: all of them are users' mistakes. Others end the script with status 1.
        """
        if not self.failures:
            return
        told = [str(failure) for failure in self.failures[:MOST_TOLD]]
        message, count = "; ".join(told), len(self.failures)
        if count > 1:
            more = f"; and {count - MOST_TOLD} more" if count > MOST_TOLD else ""
            remedy = "the others are finished; the same command tries these again"
            message = f"{count} runs failed: {message}{more}; {remedy}"
        if all(failure.status == flags.EXIT_USER_ERROR for failure in self.failures):
            raise UserError(message)
        sys.stderr.write(f"error: {message}\n")
        sys.exit(1)


def _last_error(log: Path) -> str:
    """What a command said in the end, if it was a line of an error."""
    with suppress(OSError, UnicodeDecodeError):
        lines = [line for line in log.read_text(encoding="utf-8").splitlines() if line.strip()]
        if lines and lines[-1].startswith("error: "):
            return f": {lines[-1].removeprefix('error: ')}"
    return ""


def say(text: str) -> None:
    """Print a line above any progress bars."""
    with suppress(BrokenPipeError):  # a reader that went away, as after `| head`, is no reason to stop
        tqdm.write(text, file=sys.stdout)
        sys.stdout.flush()
