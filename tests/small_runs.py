"""Runs of a plan whose commands are small scripts that note when they begin and end."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from reproduce.planned import PlannedTraining
from reproduce.progress import Step
from reproduce.running.outcomes import Report
from reproduce.units import Unit

CHILD = """
import os, pathlib, sys, time
folder, name, status, until = pathlib.Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4]
def note(what):
    with (folder / "order").open("a") as file:
        file.write(f"{what} {name}\\n")
note("begin")
(folder / f"{name}.begun").write_text(os.environ.get("SLOT", ""))
try:
    while until and not (folder / f"{until}.begun").exists():
        time.sleep(0.01)
except KeyboardInterrupt:
    sys.exit(130)
note("end")
if status:
    print(f"error: {name} is broken")
sys.exit(status)
"""


class Runs:
    """Units of children that note when they begin and end, and with which status."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.done: list[str] = []
        (folder / "child.py").write_text(CHILD)

    def unit(self, name: str, until: str = "", status: int = 0, after: str | None = None, steps: int = 1) -> Unit:
        """A run of so many commands, whose children end when that of another name has begun."""
        run: Any = SimpleNamespace(setup=SimpleNamespace(dest=self.folder), name=name, log=self.folder / f"{name}.log")
        if after is not None:
            source = SimpleNamespace(setup=run.setup, name=after)
            run = _training(setup=run.setup, name=name, log=run.log, source=source)
        words = [str(self.folder / "child.py"), str(self.folder)]
        names = [f"{name}{number or ''}" for number in range(steps)]
        return Unit(run, tuple(Step("study", run, [*words, each, str(status), until], False) for each in names))

    def report(self, total: int) -> Report:
        return Report(total, lambda step: self.done.append(step.run.name))

    @property
    def order(self) -> list[str]:
        return (self.folder / "order").read_text().splitlines()


def _training(**values: Any) -> Any:
    """A planned training, of which only these values are asked."""

    class Training(PlannedTraining):
        setup = name = log = source = None  # type: ignore[assignment]

        def __init__(self) -> None:
            for key, value in values.items():
                object.__setattr__(self, key, value)

    return Training()
