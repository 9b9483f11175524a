"""How processes that help the main one begin and end: they leave interrupts to it, and follow it."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

INTERRUPTS = {signal.SIGINT, signal.SIGTERM}
GLANCE = 1.0  # seconds between two looks at whether the main process is still there


@contextmanager
def interrupts_held() -> Iterator[None]:
    """Interrupts wait while processes start, so that none of them meets one before it calls ``follow``."""
    held = signal.pthread_sigmask(signal.SIG_BLOCK, INTERRUPTS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, held)


def follow(main: int) -> None:
    """In a process of the main one's: end when that says so with SIGTERM, or is gone, even if it was killed.

    Ctrl-C and SIGTERM from others, which often reach all processes, are left to the main one.

    Args:
        main: the process that started this one.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, INTERRUPTS)  # threads of this one's thread inherit it
    threading.Thread(target=_watch, args=(main,), daemon=True).start()


def _watch(main: int) -> None:
    while os.getppid() == main:
        if not hasattr(signal, "sigtimedwait"):  # on macOS
            time.sleep(GLANCE)
            continue
        told = signal.sigtimedwait(INTERRUPTS, GLANCE)
        if told is not None and told.si_signo == signal.SIGTERM and told.si_pid == main:
            break
    os._exit(0)
