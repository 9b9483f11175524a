"""Running what is left of a plan, and writing the tables anew whenever there are more numbers."""

import dataclasses
import shutil
import sys
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress

from configs import UserError, flags
from configs.locks import held
from configs.paths import write_text
from reports.costs import duration
from reports.tables_file import Section, TablesFile
from reproduce import children
from reproduce.estimate import Estimate
from reproduce.page import page
from reproduce.plan import TablePlan, all_runs
from reproduce.planned import PlannedTraining
from reproduce.progress import Step, key_of, results_of, steps_of
from reproduce.tables import find_table
from runtime import device
from runtime.provenance import provenance
from runtime.setup import Setup

RESULTS = ("study", "evaluate")
"""Kinds of steps that end with numbers for the tables."""
LOCK = ".reproducing.lock"
"""In the folder of the tables, held by the process that makes them and by its children."""
REMEDY = "--force trains it anew, another --dest keeps it"


def carry_out(setup: Setup, plans: Sequence[TablePlan], force: bool) -> TablesFile:
    """Run what is not done.

    Args:
        force: train anew the runs that were made with other settings.

    Returns:
        the tables as they are in the end.

    Raises:
        UserError: another process is at work in the folder; runs were made with other settings; the disk is too small;
            a command failed by a user's mistake.
        KeyboardInterrupt: after Ctrl-C or SIGTERM; what is finished is kept.
    """
    with held(setup.dest / LOCK, f"make tables in {setup.dest}", by_children=True) as lock:
        steps = steps_of(all_runs(plans), force)
        problem = next((step.problem for step in steps if step.problem), "")
        if problem:
            raise UserError(f"{problem}; {REMEDY}")
        check_space(setup, steps)
        left = [step for step in steps if not step.done]
        file = write_tables(setup, plans) if len(left) < len(steps) else None
        for number, step in enumerate(left, start=1):
            _run(step, f"[{number}/{len(left)}]", lock)
            if step.kind in RESULTS:
                file = write_tables(setup, plans)
        return file or write_tables(setup, plans)


def to_train(steps: Iterable[Step]) -> list[PlannedTraining]:
    """The runs of which something is left to train."""
    return [step.run for step in steps if isinstance(step.run, PlannedTraining) and step.iterations]


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


def _run(step: Step, place: str, lock: int) -> None:
    """Run one command, and go on only after success."""
    _say(f"{place} {step.title}")
    begun = time.monotonic()
    status = children.run_child(step.command, step.log, keep=(lock,))
    if status == flags.EXIT_INTERRUPTED:
        raise KeyboardInterrupt("what is finished is kept; the same command goes on")
    if status != 0:
        how = f"was ended by signal {-status}" if status < 0 else f"ended with status {status}"
        message = f"`{step.shown}` {how}; its output: {step.log}"
        if status == flags.EXIT_USER_ERROR:
            raise UserError(message)
        sys.stderr.write(f"error: {message}\n")
        sys.exit(1)
    _say(f"{place} {step.title}: {duration(time.monotonic() - begun)}")


def _say(text: str) -> None:
    with suppress(BrokenPipeError):  # a reader that went away, as after `| head`, is no reason to stop
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()
