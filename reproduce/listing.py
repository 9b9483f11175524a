"""The commands of a plan, with what is done and how long the others will take."""

from collections.abc import Iterator, Sequence

from reports.costs import duration
from reproduce.estimate import Estimate
from reproduce.execution import REMEDY, to_train
from reproduce.progress import Step
from runtime.setup import Setup


def listing(setup: Setup, steps: Sequence[Step], start: float) -> Iterator[str]:
    """A line for each command, in order; then what is left in all.

    Args:
        start: seconds of processor time that this process needed to start, as each of the commands will.
    """
    left = sum(not step.done for step in steps)
    estimate = Estimate(setup, start) if left else None
    seconds = [0.0 if estimate is None else estimate.seconds(step) for step in steps]
    for step, amount in zip(steps, seconds, strict=True):
        yield f"{_state(step):<22} {'' if step.done else duration(amount):>11}  {step.shown}"
        if step.problem:
            yield f"{'':<22} {'':>11}  {step.problem}; {REMEDY}"
    total = "Everything is done."
    if estimate is not None:
        total = (
            f"In all about {duration(sum(seconds))}, {estimate.disk(to_train(steps)) / 2**30:.1f} GiB of checkpoints; "
            f"from {estimate.step:.3g} s for a training step and {estimate.image:.3g} s for an evaluated image of the "
            f"network with the tasks {', '.join(setup.tasks)}, measured on {setup.runtime.device}."
        )
    yield f"{left} of {len(steps)} commands to do. {total}"


def _state(step: Step) -> str:
    if step.done:
        return "done"
    if step.problem:
        return "other settings"
    return f"from iteration {step.going_on}" if step.going_on else "to do"
