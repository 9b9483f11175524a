"""Measured gains from the runs of a plan, and the file that keeps them: each run is trained once."""

import hashlib
from collections.abc import Collection, Mapping
from pathlib import Path

from configs import UserError
from reports.gains import GainRun, GainsFile
from reproduce.plan import TablePlan
from reproduce.planned import PlannedTraining
from reproduce.progress import evaluation_of
from runtime.provenance import provenance
from tasks import Task

FILE = "gains.json"
Known = Mapping[tuple[int, frozenset[str]], GainRun]
"""Finished runs by seed and tasks."""


def given_gains(path: Path, tasks: Collection[str]) -> GainsFile:
    """A file of gains that were measured elsewhere, its tasks in this order.

    Raises:
        UserError: it cannot be used, or is of other tasks.
    """
    file = GainsFile.read(path)
    if set(file.tasks) != set(tasks):
        here, there = ", ".join(tasks), ", ".join(file.tasks)
        raise UserError(f"--gains: {path} is of the tasks {there}, the table of {here}; name the same with --tasks")
    return file.model_copy(update={"tasks": list(tasks)})


def content_hash(path: Path) -> str:
    """By which a file is known again."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]


def kept_runs(plan: TablePlan) -> Known:
    """Runs that ``gains.json`` in the plan's folder holds: those of the plan, and those of further seeds.

    Raises:
        UserError: a run there is of other settings, data or tasks, or was not written by this command.
    """
    path = plan.setup.dest / FILE
    if not path.exists():
        return {}
    file = GainsFile.read(path)
    planned = {_place(run.setup.seed, run.tasks): run for row in plan.rows for run in row}
    found = {_place(run.seed, run.tasks): run for run in file.runs}
    for place, run in found.items():
        wanted = planned[place].result.request if place in planned else run.identity
        if file.tasks != list(plan.setup.tasks) or run.identity is None or run.identity != wanted:
            raise UserError(
                f"{path}: its run of {'+'.join(run.tasks)}, seed {run.seed}, is of other settings or data, or was "
                f"written by hand, and would be written over; give the file with --gains, or name another --dest"
            )
    return found


def measured_runs(plan: TablePlan) -> Known:
    """All that is known of the plan's runs: what is kept, and what was evaluated since, which then is kept as well.

    The file is written once every task was trained alone; until then the evaluations keep what there is.

    Raises:
        UserError: as ``kept_runs``, or the file cannot be written.
    """
    known = dict(kept_runs(plan))
    before = dict(known)
    for run in (run for row in plan.rows for run in row):
        place = _place(run.setup.seed, run.tasks)
        measured = _measured(run) if place not in known else None
        if measured is not None:
            known[place] = measured
    alone = {task for _, tasks in known if len(tasks) == 1 for task in tasks}
    if known != before and alone == set(plan.setup.tasks):
        gains_file(plan, known).write(plan.setup.dest / FILE)
    return known


def gains_file(plan: TablePlan, known: Known) -> GainsFile:
    """What ``gains.json`` holds."""
    setup, mains = plan.setup, {name: main_metric(task) for name, task in plan.setup.tasks.items()}
    return GainsFile(
        dataset=setup.config.name,
        tasks=list(setup.tasks),
        metric=mains,
        higher_is_better={name: setup.tasks[name].higher_is_better[metric] for name, metric in mains.items()},
        runs=[known[place] for place in sorted(known, key=lambda place: (place[0], len(place[1]), sorted(place[1])))],
        config=setup.config.model_dump(mode="json"),
        provenance=provenance(setup.runtime, {}),
    )


def main_metric(task: Task) -> str:
    """The metric by which a task's gains are measured: its first."""
    return next(iter(task.higher_is_better))


def _measured(run: PlannedTraining) -> GainRun | None:
    """A finished run; None if it is not finished, or a metric is undefined."""
    file = evaluation_of(run)
    if file is None:
        return None
    values = {name: file.metrics[name][main_metric(task)] for name, task in run.setup.tasks.items()}
    return GainRun(
        tasks=list(run.tasks),
        seed=run.setup.seed,
        value={name: value for name, value in values.items() if value is not None},
        iterations=run.job.schedule.max_iters,
        identity=run.result.request,
    ) if None not in values.values() else None


def _place(seed: int, tasks: Collection[str]) -> tuple[int, frozenset[str]]:
    return seed, frozenset(tasks)
