"""``gains.json``: what training together gained, measured by training; ``group_tasks.py`` takes hand-written ones too.

    {"schema": 1, "dataset": "rooms", "tasks": ["seg", "depth"],
     "metric": {"seg": "mIoU", "depth": "AbsErr"}, "higher_is_better": {"seg": true, "depth": false},
     "runs": [{"tasks": ["seg"], "seed": 0, "value": {"seg": 0.41}},
              {"tasks": ["depth"], "seed": 0, "value": {"depth": 0.60}},
              {"tasks": ["seg", "depth"], "seed": 0, "value": {"seg": 0.42, "depth": 0.54}}]}
"""

from collections import Counter
from typing import Annotated, Any, ClassVar, Self

import numpy as np
from pydantic import Field

from configs.errors import UserError
from reports.files import JsonFile, Part

Number = Annotated[float, Field(allow_inf_nan=False)]
Name = Annotated[str, Field(min_length=1, max_length=200)]

MOST_TASKS = 60
MOST_RUNS = 200_000


class GainRun(Part):
    """One training run: the tasks trained together, the seed, and each task's metric on the test split.

    Attributes:
        iterations: of its training; None where that is not known.
        identity: a hash of what its numbers depend on, by which a finished run is known; None if written by hand.
    """

    tasks: list[Name] = Field(min_length=1, max_length=MOST_TASKS)
    seed: int = Field(0, ge=0)
    value: dict[Name, Number]
    iterations: int | None = Field(None, gt=0)
    identity: str | None = None


class GainsFile(JsonFile):
    """What ``gains.json`` holds."""

    what: ClassVar[str] = "a file of measured gains"
    writer: ClassVar[str] = "reproduce_tables.py --table evidence"

    dataset: Name
    tasks: list[Name] = Field(min_length=1, max_length=MOST_TASKS)
    metric: dict[Name, str]
    higher_is_better: dict[Name, bool]
    runs: list[GainRun] = Field(min_length=1, max_length=MOST_RUNS)
    config: dict[str, Any] | None = None
    provenance: dict[str, Any] | None = None

    @classmethod
    def parse(cls, contents: Any, source: str) -> Self:
        """Check what such a file holds; ``source`` names it in messages.

        Raises:
            UserError: a key is missing or of the wrong kind, or the runs do not fit the tasks or one another.
        """
        file = super().parse(contents, source)
        problem = file._problem()
        if problem is not None:
            raise UserError(f"{source}: {problem}")
        return file

    @property
    def seeds(self) -> list[int]:
        """The seeds of all runs, in order."""
        return sorted({run.seed for run in self.runs})

    @property
    def passes(self) -> int | None:
        """Batches through a backbone that all runs took, forwards and backwards; None where that is not known."""
        iterations = [run.iterations for run in self.runs]
        return None if None in iterations else 2 * sum(count for count in iterations if count is not None)

    def _problem(self) -> str | None:
        twice = [task for task, times in Counter(self.tasks).items() if times > 1]
        if twice:
            return f"tasks: '{twice[0]}' is named twice; name each task once"
        if any(character in self.dataset for character in "/\\\0") or self.dataset in (".", ".."):
            return f"dataset: '{self.dataset}' is no name for a folder of results; give it a plain one"
        for key in ("metric", "higher_is_better"):
            missing = [task for task in self.tasks if task not in getattr(self, key)]
            if missing:
                return f"{key}: nothing for '{missing[0]}'; add it"
        seen: dict[tuple[frozenset[str], int], int] = {}
        for index, run in enumerate(self.runs):
            problem = self._problem_of(run)
            if problem is not None:
                return f"runs[{index}].{problem}"
            before = seen.setdefault((frozenset(run.tasks), run.seed), index)
            if before < index:
                return f"runs[{index}]: the tasks and the seed of runs[{before}]; leave one out, or give its own seed"
        for task in self.tasks:
            alone = [run.value[task] for run in self.runs if run.tasks == [task]]
            if not alone:
                return f"runs: '{task}' is nowhere trained alone, which its gains are measured from; add such a run"
            if sum(alone) == 0:
                return f"runs: '{task}' alone has {self.metric[task]} 0; gains are relative to it, give another metric"
        return None

    def _problem_of(self, run: GainRun) -> str | None:
        unknown = [task for task in run.tasks if task not in self.tasks]
        if unknown:
            return f"tasks: '{unknown[0]}' is not among tasks ({', '.join(self.tasks)}); correct one of them"
        if len(set(run.tasks)) < len(run.tasks):
            return f"tasks: a task is named twice in {', '.join(run.tasks)}; name each once"
        if set(run.value) != set(run.tasks):
            given, wanted = ", ".join(run.value) or "nothing", ", ".join(run.tasks)
            return f"value: it has {given}, and the run trained {wanted}; give each of these, and no other"
        return None


def relative_gains(file: GainsFile) -> dict[frozenset[str], dict[str, np.ndarray]]:
    """What each task gained in every group that was trained, relative to training alone; positive is better.

    The gain at a seed is (value in the group - value alone) / |mean value alone|, its sign turned where lower is
    better; both values are of that seed, since runs of one seed share batches and initialisation. Where no seed trained
    both, there is one gain, of the means, and no interval can be known.

    Returns:
        group of two or more tasks -> task, in the file's order -> [seeds], NaN at seeds that do not have both runs.
    """
    place = {seed: index for index, seed in enumerate(file.seeds)}
    runs: dict[frozenset[str], dict[str, np.ndarray]] = {}
    for run in file.runs:
        of_group = runs.setdefault(frozenset(run.tasks), {task: np.full(len(place), np.nan) for task in run.tasks})
        for task, value in run.value.items():
            of_group[task][place[run.seed]] = value
    alone = {task: runs[frozenset([task])][task] for task in file.tasks}
    means = {task: float(np.nanmean(values)) for task, values in alone.items()}
    gains: dict[frozenset[str], dict[str, np.ndarray]] = {}
    for group, found in ((group, found) for group, found in runs.items() if len(group) > 1):
        gains[group] = {}
        for task in sorted(group, key=file.tasks.index):
            sign = 1 if file.higher_is_better[task] else -1
            values = found[task]
            paired = values - alone[task]
            if np.isnan(paired).all():
                paired[np.flatnonzero(~np.isnan(values))[0]] = np.nanmean(values) - means[task]
            gains[group][task] = sign * paired / abs(means[task])
    return gains
