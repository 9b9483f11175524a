"""Signals wait until the state is whole."""

import os
import signal

import pytest

from training.loop import interrupts
from training.loop.interrupts import DeferredInterrupts, Stop


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_noted_and_handlers_are_put_back(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with DeferredInterrupts() as deferred:
        deferred.check()
        os.kill(os.getpid(), number)
        os.kill(os.getpid(), number)  # at once, as from a terminal and from torchrun
        assert deferred.asked
        with pytest.raises(Stop):
            deferred.check()
    assert signal.getsignal(number) is before


def test_who_asks_again_after_a_while_need_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interrupts, "PATIENCE", -1.0)
    with DeferredInterrupts(), pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
