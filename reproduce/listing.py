"""The commands of a plan, with what is done and how long the others will take."""

from collections.abc import Iterator, Sequence

from reproduce.estimate import Rates, Work, duration, measure
from reproduce.execution import REMEDY, to_train
from reproduce.progress import Step
from runtime.setup import Setup


def listing(setup: Setup, steps: Sequence[Step], start: float) -> Iterator[str]:
    """A line for each command, in order; then what is left in all.

    Args:
        start: seconds of processor time that this process needed to start, as each of the commands will.
    """
    left = [step for step in steps if not step.done]
    times, total = {}, "Everything is done."
    if left:
        net = setup.network()
        work, rates = Work(setup, net), measure(setup, net, start)
        times = {id(step): work.seconds(step, rates) for step in left}
        total = _total(setup, work, rates, left, sum(times.values()))
    for step in steps:
        amount = duration(times[id(step)]) if id(step) in times else ""
        yield f"{_state(step):<22} {amount:>11}  {step.shown}"
        if step.problem:
            yield f"{'':<22} {'':>11}  {step.problem}; {REMEDY}"
    yield f"{len(left)} of {len(steps)} commands to do. {total}"


def _state(step: Step) -> str:
    if step.done:
        return "done"
    if step.problem:
        return "other settings"
    return f"from iteration {step.going_on}" if step.going_on else "to do"


def _total(setup: Setup, work: Work, rates: Rates, left: Sequence[Step], seconds: float) -> str:
    return (
        f"In all about {duration(seconds)}, {work.disk(to_train(left)) / 2**30:.1f} GiB of checkpoints; from "
        f"{rates.step:.3g} s for a training step and {rates.image:.3g} s for an evaluated image of the network "
        f"with the tasks {', '.join(setup.tasks)}, measured on {setup.runtime.device}."
    )
