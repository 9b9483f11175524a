"""Ctrl-C and SIGTERM wait for a moment at which the state is whole."""

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from configs import UserError

PATIENCE = 2.0
"""Seconds after the first signal in which further ones are taken for the same: torchrun passes Ctrl-C on to
processes that the terminal has told already."""


class Stop(Exception):
    """Raised at a moment at which the state is whole, after a signal was noted."""


class DeferredInterrupts:
    """Inside, Ctrl-C and SIGTERM are only noted; asked for again after a while, they interrupt at once.

    Attributes:
        asked: whether a signal has come.
    """

    def __init__(self) -> None:
        self.asked = False
        self._since = 0.0
        self._before: dict[int, Any] = {}

    def __enter__(self) -> "DeferredInterrupts":
        if threading.current_thread() is threading.main_thread():  # others cannot have handlers
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        # What was there before, and not the defaults: `run_script` has a handler of its own.
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before.clear()

    def check(self) -> None:
        """Raise ``Stop`` if a signal has come."""
        if self.asked:
            raise Stop

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Inside, an error of the processes that read is none if a signal has come: it may have ended them as well."""
        try:
            yield
        except (UserError, RuntimeError):
            self.check()
            raise

    def _note(self, number: int, frame: FrameType | None) -> None:
        # A handler runs between any two instructions, perhaps with half of the weights updated. So the first signal
        # raises nothing. Whoever asks again gives up what was done since the last checkpoint; that one stays whole.
        if self.asked and time.monotonic() - self._since > PATIENCE:
            raise KeyboardInterrupt
        if not self.asked:
            self.asked, self._since = True, time.monotonic()
