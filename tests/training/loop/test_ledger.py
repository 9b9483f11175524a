"""Losses of the latest steps: when they are looked at, and what is said of one that is not finite."""

import pytest
import torch

from runtime.device import Runtime
from training.loop.ledger import SETTLE_EVERY, Entry, Ledger, NonFiniteLoss

CPU, GPU = (Runtime(torch.device(name), "fp32") for name in ("cpu", "cuda"))


def add(ledger: Ledger, iteration: int, *losses: float) -> None:
    ledger.add(iteration, 0.1, [torch.tensor(loss) for loss in losses])


def test_on_the_cpu_a_loss_is_looked_at_before_the_step_is_made() -> None:
    ledger = Ledger(["a", "b"], CPU)
    assert ledger.settle(False) == []
    add(ledger, 1, 0.5, 0.25)
    assert ledger.due
    assert ledger.settle(False) == [Entry(1, 0.1, (0.5, 0.25))]
    assert ledger.settle(False) == []


def test_an_accelerator_is_waited_for_only_now_and_then() -> None:
    ledger = Ledger(["a"], GPU)
    due = []
    for iteration in range(1, SETTLE_EVERY + 1):
        add(ledger, iteration, float(iteration))
        due.append(ledger.due)
    assert due == [False] * (SETTLE_EVERY - 1) + [True]
    assert [entry.losses for entry in ledger.settle(False)] == [(float(i),) for i in range(1, SETTLE_EVERY + 1)]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_the_first_loss_that_is_not_finite_is_named(value: float) -> None:
    ledger = Ledger(["a", "b"], GPU)
    add(ledger, 11, 1.0, 1.0)
    add(ledger, 12, 1.0, value)
    add(ledger, 13, float("nan"), float("nan"))
    with pytest.raises(NonFiniteLoss, match=f"task 'b' is {value} in iteration 12") as caught:
        ledger.settle(False)
    assert (caught.value.task, caught.value.iteration) == ("b", 12)


def test_a_wish_to_stop_is_passed_on() -> None:
    ledger = Ledger(["a"], CPU)
    add(ledger, 1, 1.0)
    ledger.settle(False)
    assert not ledger.stop
    add(ledger, 2, 1.0)
    ledger.settle(True)
    assert ledger.stop
