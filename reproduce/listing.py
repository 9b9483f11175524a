"""The commands of a plan, with what is done and how long the others will take."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import groupby

import torch

from reports.costs import duration
from reproduce.estimate import Estimate
from reproduce.progress import REMEDY, Step, to_train
from reproduce.units import Key, Unit, key_of, makespan
from runtime.setup import Setup

NOWHERE: Mapping[Key, str] = {}


def listing(
    setup: Setup, steps: Sequence[Step], start: float, under_way: Mapping[Key, str] = NOWHERE
) -> Iterator[str]:
    """A line for each command, in order; then what is left in all.

    Args:
        start: seconds of processor time that this process needed to start, as each of the commands will.
        under_way: what a cluster has of some runs, in words.
    """
    left = sum(not step.done for step in steps)
    estimate = Estimate(setup, start) if left else None
    seconds = [0.0 if estimate is None else estimate.seconds(step) for step in steps]
    for step, amount in zip(steps, seconds, strict=True):
        yield f"{_state(step, under_way):<22} {'' if step.done else duration(amount):>11}  {step.shown}"
        if step.problem:
            yield f"{'':<22} {'':>11}  {step.problem}; {REMEDY}"
    total = "Everything is done." if estimate is None else _total(estimate, steps, sum(seconds))
    yield f"{left} of {len(steps)} commands to do. {total}"


def outline(
    setup: Setup, steps: Sequence[Step], units: Sequence[Unit], jobs: int, threads: int, start: float,
    under_way: Mapping[Key, str] = NOWHERE,
) -> Iterator[str]:
    """A line for each run, with what is done and how long the rest will take; then all that is left.

    Args:
        units: what is left.
        jobs, threads: runs at a time, and the threads of each.
        start, under_way: as for ``listing``.
    """
    if not units:
        return
    with _threads(threads):
        estimate = Estimate(setup, start)
        for (folder, name), group in groupby(steps, key=lambda step: key_of(step.run)):
            of_run = list(group)
            amount = sum(map(estimate.seconds, of_run))
            state = next((_state(step, under_way) for step in of_run if not step.done), "done")
            where = "" if folder == setup.dest else f" in {folder}"
            yield f"{state:<22} {duration(amount) if amount else '':>11}  {name}{where}"
        yield _total(estimate, steps, makespan(units, jobs, estimate.seconds))
        each = "thread" if threads == 1 else "threads"
        yield (
            f"{jobs} at a time, {threads} {each} each; last digits depend on the number of threads, "
            f"not on how many runs there are at a time."
        )
    if setup.runtime.device.type == "cuda":
        del estimate
        torch.cuda.empty_cache()  # a GPU's memory is for the runs


def _total(estimate: Estimate, steps: Sequence[Step], seconds: float) -> str:
    setup = estimate.setup
    return (
        f"In all about {duration(seconds)}, {estimate.disk(to_train(steps)) / 2**30:.1f} GiB of checkpoints; "
        f"from {estimate.step:.3g} s for a training step and {estimate.image:.3g} s for an evaluated image of the "
        f"network with the tasks {', '.join(setup.tasks)}, measured on {setup.runtime.device}."
    )


@contextmanager
def _threads(number: int) -> Iterator[None]:
    """Measure with as many threads as a run will have."""
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _state(step: Step, under_way: Mapping[Key, str]) -> str:
    if step.done:
        return "done"
    if key_of(step.run) in under_way:
        return under_way[key_of(step.run)]
    if step.problem:
        return "other settings"
    return f"from iteration {step.going_on}" if step.going_on else "to do"
