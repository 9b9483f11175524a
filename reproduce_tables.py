"""Make the published tables of a data set: plan every run that they need, skip what is done, run the rest.

Writes tables.md and tables.json, ours beside the published numbers; the output of each run goes to logs/<run>.log.
Cut off at any moment, the same command goes on.
"""

import argparse
import dataclasses
import json
import os
import shlex
import shutil
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tqdm import tqdm

from configs import UserError, flags
from configs.paths import write_text
from reproduce.children import Ended, alone_in, run_child
from reproduce.estimate import Work, duration, measure
from reproduce.matching import read_json
from reproduce.page import page
from reproduce.plan import PUBLISHED_METHODS, TablePlan, Wanted, all_runs, plan_tables
from reproduce.progress import Step, steps_of
from reproduce.published import TABLES
from reproduce.runs import TrainingRun
from reproduce.sections import make_section
from runtime import device
from runtime.provenance import provenance
from runtime.setup import Setup, prepare

SCHEMA = 1
RESULTS = ("similarity", "evaluate")
"""Kinds of steps that end with numbers for the tables."""


def main() -> None:
    started = time.process_time()
    arguments = parse_arguments()
    if int(os.environ.get("WORLD_SIZE", 1)) > 1:
        raise UserError("reproduce_tables.py starts its runs itself, one after another; call it without torchrun")
    if arguments.dry_run:
        setup = look(arguments)
        plans, steps = plan(arguments, setup)
        print_plan(setup, steps, started)
    else:
        setup = prepare(flags.SharedFlags.of(arguments))
        with alone_in(setup.dest) as lock:
            plans, steps = plan(arguments, setup)
            check_space(setup, steps)
            run_all(setup, plans, steps, lock)
        report(setup, plans)
    device.stop()


def parse_arguments() -> argparse.Namespace:
    parser = flags.script_parser(__doc__ or "")
    add = parser.add_argument_group("tables").add_argument
    add("--table", choices=TABLES, help="default: those that are published for the data set, or else all")
    add("--ratio", type=flags.percentages, default=[90], help="sparsities of the table, in percent, comma-separated")
    add("--methods", type=flags.names_list, default=PUBLISHED_METHODS, help="methods of the table of sparse networks")
    add("--max_iters", type=flags.positive, help="iterations of every training run; default: as published")
    add("--dry_run", action="store_true", help="list the commands and how long they will take; write nothing")
    add("--force", action="store_true", help="train anew the runs that were made with other settings")
    return parser.parse_args()


def look(arguments: argparse.Namespace) -> Setup:
    """The setup, without making the folder for results."""
    with TemporaryDirectory() as folder:
        shared = flags.SharedFlags.of(arguments)
        setup = prepare(dataclasses.replace(shared, dest=Path(folder)))
    return dataclasses.replace(setup, dest=shared.destination(setup.config), flags=shared)


def plan(arguments: argparse.Namespace, setup: Setup) -> tuple[list[TablePlan], list[Step]]:
    """What each table needs, and all commands in order."""
    tables = () if arguments.table is None else (arguments.table,)
    wanted = Wanted(tables, arguments.ratio, arguments.methods, arguments.max_iters)
    plans = plan_tables(wanted, setup)
    return plans, steps_of(all_runs(plans), arguments.force)


def print_plan(setup: Setup, steps: list[Step], started: float) -> None:
    """The commands in order, each with what is done and the estimated time."""
    times = ["" for _ in steps]
    total = "Everything is done."
    if not all(step.done for step in steps):
        net = setup.network()
        work = Work(setup, net)
        rates = measure(setup, net, started)
        seconds = [work.seconds(step, rates) for step in steps]
        times = ["" if step.done else duration(amount) for step, amount in zip(steps, seconds, strict=True)]
        left = [step for step in steps if not step.done]
        total = (
            f"In all about {duration(sum(seconds))}, {work.disk(to_train(left)) / 2**30:.1f} GiB of checkpoints; from "
            f"{rates.step:.3g} s for a training step and {rates.image:.3g} s for an evaluated image of the network "
            f"with the tasks {', '.join(setup.tasks)}, measured on {setup.runtime.device}."
        )
    for step, amount in zip(steps, times, strict=True):
        print(f"{state_text(step):<22} {amount:>11}  {shown(step)}")
    print(f"{sum(not step.done for step in steps)} of {len(steps)} commands to do. {total}")


def state_text(step: Step) -> str:
    """done, to do, or where a training goes on."""
    if step.done:
        return "done"
    return f"from iteration {step.going_on}" if step.going_on else "to do"


def shown(step: Step) -> str:
    """The command as a user would type it."""
    return shlex.join(["python", *step.command])


def to_train(steps: Iterable[Step]) -> list[TrainingRun]:
    """The runs of which something is left to train."""
    return [step.run for step in steps if step.kind == "train" and isinstance(step.run, TrainingRun) and not step.done]


def check_space(setup: Setup, steps: list[Step]) -> None:
    """See that the checkpoints of all runs fit on the disk, before the first begins."""
    runs = to_train(steps)
    if not runs:
        return
    here = dataclasses.replace(setup, runtime=device.start("cpu", "fp32"))  # a GPU's memory is for the runs
    needed, free = Work(here, here.network()).disk(runs), shutil.disk_usage(setup.dest).free
    if free < needed:
        raise UserError(
            f"--dest: {setup.dest} has {free / 2**30:.1f} GiB free, the checkpoints of {len(runs)} runs need "
            f"about {needed / 2**30:.1f} GiB; free some space or name another folder"
        )


def run_all(setup: Setup, plans: list[TablePlan], steps: list[Step], lock: int) -> None:
    """Run what is not done, and write the tables anew whenever there are more numbers."""
    left = [step for step in steps if not step.done]
    if len(left) < len(steps):
        write_tables(setup, plans)
    with (
        tqdm(total=len(left), unit="command", disable=None) as bar,
        tqdm(bar_format="{desc}", position=1, leave=False, disable=bar.disable) as line,
    ):
        show = None if bar.disable else lambda text: line.set_description_str(text[: line.ncols or 100])
        for step in left:
            bar.set_description(step.title)
            begun = time.monotonic()
            check(step, run_child(step.command, step.log, show, keep=(lock,)))
            bar.update()
            bar.write(f"{step.title}: {duration(time.monotonic() - begun)}", file=sys.stdout)
            if step.kind in RESULTS:
                write_tables(setup, plans)


def check(step: Step, ended: Ended) -> None:
    """Go on only after success."""
    if ended.told or ended.status == flags.EXIT_INTERRUPTED:
        raise KeyboardInterrupt("what is finished is kept; the same command goes on")
    if ended.status == 0:
        return
    how = f"was ended by signal {-ended.status}" if ended.status < 0 else f"ended with status {ended.status}"
    last = ended.last_line.removeprefix("error: ")
    message = f"`{shown(step)}` {how}: {last}; all of its output: {step.log}"
    if ended.status == flags.EXIT_USER_ERROR:
        raise UserError(message)
    sys.stderr.write(f"error: {message}\n")
    sys.exit(1)


def write_tables(setup: Setup, plans: list[TablePlan]) -> None:
    """Bring the sections of these tables up to date; those of other tables stay."""
    path = setup.dest / "tables.json"
    sections = kept_sections(path, setup.config.name)
    for table in plans:
        if table.table != "similarity" or (table.similarity is not None and table.similarity.path.exists()):
            sections[table.table] = make_section(table, sections.get(table.table))
    contents = {
        "schema": SCHEMA,
        "dataset": setup.config.name,
        "tables": sections,
        "provenance": provenance(setup.runtime, {}),
    }
    text = page(setup.config.name, sections)
    write_text(path, json.dumps(contents, indent=1))
    write_text(setup.dest / "tables.md", text)


def kept_sections(path: Path, dataset: str) -> dict[str, Any]:
    """The sections written before; none if the file is of another data set or version, or was damaged."""
    before = read_json(path) or {}
    usable = (before.get("schema"), before.get("dataset")) == (SCHEMA, dataset)
    tables = before.get("tables") if usable else None
    return dict(tables) if isinstance(tables, dict) else {}


def report(setup: Setup, plans: list[TablePlan]) -> None:
    """Where everything is."""
    write_tables(setup, plans)
    print(f"Tables: {setup.dest / 'tables.md'} and {setup.dest / 'tables.json'}")


if __name__ == "__main__":
    flags.run_script(main)
