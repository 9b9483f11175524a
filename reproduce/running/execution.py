"""Running what is left of a plan, and writing the tables anew whenever there are more numbers."""

import dataclasses
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch

from configs import UserError
from configs.locks import held
from configs.paths import write_text
from reports.tables_file import Section, TablesFile
from reproduce.estimate import Estimate
from reproduce.listing import outline
from reproduce.page import page
from reproduce.plan import TablePlan, all_runs
from reproduce.progress import REMEDY, Step, key_of, results_of, steps_of, to_train
from reproduce.running.outcomes import Report, say
from reproduce.running.pool import Pool, one_after_another
from reproduce.running.slots import slots
from reproduce.tables import find_table
from reproduce.units import units_of
from runtime import device
from runtime.provenance import provenance
from runtime.setup import Setup

RESULTS = ("study", "evaluate")
"""Kinds of steps that end with numbers for the tables."""
LOCK = ".reproducing.lock"
"""In the folder of the tables, held by the process that makes them and by its children."""


@dataclass(frozen=True)
class Means:
    """With what a plan is carried out on this machine.

    Attributes:
        jobs: runs at a time.
        threads: of each run; None: what torch takes by itself for one at a time, else its share of that.
    """

    jobs: int = 1
    threads: int | None = None

    @property
    def threads_of_each(self) -> int:
        return self.threads or max(1, torch.get_num_threads() // self.jobs)


def carry_out(
    setup: Setup, plans: Sequence[TablePlan], force: bool, means: Means | None = None, start: float = 0.0
) -> TablesFile:
    """Say what there is to do, and do it; what fails is told at the end.

    Args:
        force: train anew the runs that were made with other settings.
        start: seconds of processor time that a script needs to start, for the estimate.

    Returns:
        the tables as they are in the end.

    Raises:
        UserError: another process is at work in the folder; runs were made with other settings; the disk is too small;
            commands failed by users' mistakes.
        KeyboardInterrupt: after Ctrl-C or SIGTERM; what is finished is kept.
    """
    means = means or Means()
    with held(setup.dest / LOCK, f"make tables in {setup.dest}", by_children=True) as lock:
        steps = steps_of(all_runs(plans), force)
        check_steps(setup, steps)
        units = units_of(steps)
        for line in outline(setup, steps, units, means.jobs, means.threads_of_each, start):
            say(line)
        file = None if all(not step.done for step in steps) else write_tables(setup, plans)

        def after_step(step: Step) -> None:
            nonlocal file
            if step.kind in RESULTS:
                file = write_tables(setup, plans)

        report = Report(sum(len(unit.steps) for unit in units), after_step)
        if means == Means():  # with all threads, bars and errors on the terminal
            one_after_another(units, report, lock)
        else:
            Pool(slots(means.jobs, means.threads_of_each, setup.flags.device), report, lock).run(units)
        report.close()
        return file or write_tables(setup, plans)


def check_steps(setup: Setup, steps: Sequence[Step]) -> None:
    """See that all steps can be done, before the first begins.

    Raises:
        UserError: a run was made with other settings, or the disk is too small.
    """
    problem = next((step.problem for step in steps if step.problem), "")
    if problem:
        raise UserError(f"{problem}; {REMEDY}")
    check_space(setup, steps)


def check_space(setup: Setup, steps: Sequence[Step]) -> None:
    """See that the checkpoints of all runs fit on the disk, before the first begins.

    Raises:
        UserError: they do not.
    """
    runs = to_train(steps)
    if not runs:
        return
    here = dataclasses.replace(setup, runtime=device.start("cpu", "fp32"))  # a GPU's memory is for the runs
    needed, free = Estimate(here).disk(runs), shutil.disk_usage(setup.dest).free
    if free < needed:
        raise UserError(
            f"--dest: {setup.dest} has {free / 2**30:.1f} GiB free, the checkpoints of {len(runs)} runs need "
            f"about {needed / 2**30:.1f} GiB; free some space or name another folder"
        )


def write_tables(setup: Setup, plans: Sequence[TablePlan]) -> TablesFile:
    """Bring the sections of these tables up to date; those of other tables stay."""
    path = setup.dest / "tables.json"
    before = TablesFile.read_if_usable(path)
    sections: dict[str, Section] = {}
    made_of: dict[str, str] = {}
    if before is not None and before.dataset == setup.config.name:
        sections, made_of = dict(before.tables), (before.identity or {}).get("made_of", {})
    for plan in plans:
        section = find_table(plan.table).fill(plan, sections.get(plan.table))
        if section is not None:
            sections[plan.table] = section
            find_table(plan.table).draw(section, setup.dest)
    file = TablesFile(
        dataset=setup.config.name,
        tables=sections,
        provenance=provenance(setup.runtime, {}),
        identity={"made_of": {**made_of, **_results(setup, plans)}},
    )
    file.write(path)
    write_text(setup.dest / "tables.md", page(setup.config.name, sections))
    return file


def _results(setup: Setup, plans: Sequence[TablePlan]) -> dict[str, str]:
    """The file of each finished run, and the key of its identity."""
    found = {run.path: results_of(run) for run in all_runs(plans)}
    return {
        str(path.relative_to(setup.dest)): key_of(file)
        for path, file in found.items()
        if file is not None
    }


def verdicts(file: TablesFile, plans: Iterable[TablePlan]) -> list[str]:
    """What the tables of these plans say, in a line or two each."""
    texts = []
    for plan in plans:
        table = find_table(plan.table)
        section = file.tables[plan.table].as_kind(table.kind) if plan.table in file.tables else None
        texts.append(table.verdict(section) if section is not None else "")
    return [text for text in texts if text]
