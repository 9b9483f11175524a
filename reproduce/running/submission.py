"""A plan given to a cluster, which carries it out whatever becomes of this process.

``submitted.json`` says what was given. The next call collects what is finished by then, leaves alone what is queued or
running, and submits the rest again; a run goes on from where it was stopped.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from configs import UserError
from configs.locks import held
from reports.submitted import SubmittedFile, SubmittedJob
from reports.tables_file import TablesFile
from reports.wording import counted
from reproduce.listing import outline
from reproduce.plan import TablePlan, all_runs
from reproduce.progress import steps_of
from reproduce.running.cluster import FOLDER, LAUNCHERS, Cluster, states_of
from reproduce.running.execution import LOCK, check_steps, write_tables
from reproduce.running.outcomes import say
from reproduce.units import Key, Unit, key_of, units_of
from runtime.setup import Setup

RECORD = "submitted.json"


def submit(setup: Setup, plans: Sequence[TablePlan], force: bool, cluster: Cluster, start: float) -> TablesFile:
    """Collect what is finished, and give the rest to the cluster unless it has it already.

    Args:
        force, start: as for ``carry_out``.

    Returns:
        the tables as they are now.

    Raises:
        UserError: as ``carry_out``; submitit or Slurm is not there, or refuses the jobs.
    """
    with held(setup.dest / LOCK, f"make tables in {setup.dest}", by_children=True):
        steps = steps_of(all_runs(plans), force)
        check_steps(setup, steps)
        before, under_way = _record(setup.dest), runs_under_way(setup.dest)
        units = units_of(steps)
        executor = cluster.executor(setup) if units else None
        at_a_time = cluster.at_a_time(units)
        for line in outline(setup, steps, units, at_a_time, cluster.threads, start, under_way):
            say(line)
        left = [unit for unit in units if unit.key not in under_way]
        for unit in left:
            if unit.key in before:
                say(_ended(setup.dest, unit, before[unit.key].job))
        if left:
            given = cluster.give(executor, setup, left)
            jobs = [job for key, job in before.items() if key in under_way]
            new = [
                SubmittedJob(launcher=cluster.launcher, job=job, runs=[_label(setup.dest, unit.key) for unit in some])
                for job, some in given
            ]
            unique = {(job.launcher, job.job): job for job in (*jobs, *new)}
            SubmittedFile(jobs=list(unique.values())).write(setup.dest / RECORD)
            numbers = f"{given[0][0]} to {given[-1][0]}" if given[1:] else given[0][0]
            say(f"Submitted {counted(len(left), 'run')}, {cluster.launcher} {numbers}. They go on when you log out.")
        if units:
            say("The same command collects what is finished, --dry_run says how far they are.")
        return write_tables(setup, plans)


def runs_under_way(dest: Path) -> dict[Key, str]:
    """Runs that a cluster has, with the state in which it has them.

    Raises:
        UserError: the cluster does not answer.
    """
    before = _record(dest)
    launchers = {job.job: name for job in before.values() for name in LAUNCHERS if name == job.launcher}
    states = states_of(launchers, dest) if launchers else {}
    return {key: f"{states[job.job]}, {job.launcher} {job.job}" for key, job in before.items() if job.job in states}


def see_that_none_is_under_way(setup: Setup, plans: Sequence[TablePlan]) -> None:
    """Before runs of these plans are made here.

    Raises:
        UserError: a cluster has one of them.
    """
    under_way = runs_under_way(setup.dest)
    taken = [(run, state) for run in all_runs(plans) if (state := under_way.get(key_of(run)))]
    if taken:
        run, state = taken[0]
        more = f" and {len(taken) - 1} more" if taken[1:] else ""
        raise UserError(
            f"'{run.name}'{more}: submitted already ({state}); wait, cancel its job, or give the same --launcher"
        )


def _ended(dest: Path, unit: Unit, job: str) -> str:
    """The line on a job that ended early: its run may say why or, of a time limit or a lack of memory, Slurm alone."""
    logs = (unit.run.log, dest / FOLDER / f"{job}_0_log.err")
    told = [str(path) for path in logs if path.exists() and path.stat().st_size]
    where = f"see {' and '.join(told)}" if told else "it had not begun"
    return f"{unit.run.name}: its job {job} ended before it was finished; {where}"


def _record(dest: Path) -> Mapping[Key, SubmittedJob]:
    """The job of each run that was submitted."""
    file = SubmittedFile.read_if_usable(dest / RECORD)
    return {_key(dest, run): job for job in file.jobs for run in job.runs} if file is not None else {}


def _label(dest: Path, key: Key) -> str:
    return str((key[0] / key[1]).relative_to(dest))


def _key(dest: Path, label: str) -> Key:
    path = dest / label
    return path.parent, path.name
