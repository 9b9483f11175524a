"""Ctrl-C and SIGTERM end a script with one line, also while libraries are being imported."""

import os
import signal
import sys
from collections.abc import Callable
from types import CodeType, FrameType, TracebackType
from typing import Any

EXIT_INTERRUPTED = 130
IMPORTING = "<frozen importlib"
"""What the frames of the import system give as their file begins with this."""


def interrupt_by_signals(main: Callable[[], None]) -> None:
    """Let SIGTERM and Ctrl-C raise KeyboardInterrupt in ``main``, also in shells that ignore Ctrl-C.

    A terminated run ends as an interrupted one does, its state saved.
    """
    code = main.__code__

    def interrupt(number: int, frame: FrameType | None) -> None:
        if is_importing(frame, code):
            # An exception inside of an import is swallowed, or wrapped, or printed by what is being imported. Nothing
            # has begun that would have to be put in order.
            end_at_once()
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, interrupt)


def is_importing(frame: FrameType | None, main: CodeType) -> bool:
    """Whether this is an import that ``main`` itself has asked for, and not some function that it has called.

    Args:
        frame: the innermost one.
        main: the code of the function.
    """
    inner = None
    while frame is not None and frame.f_code is not main:
        inner, frame = frame, frame.f_back
    return frame is not None and inner is not None and inner.f_code.co_filename.startswith(IMPORTING)


def end_at_once() -> None:
    """Say that the script was interrupted, and end it without unwinding anything."""
    if is_first_process():
        os.write(2, b"\ninterrupted; nothing had begun\n")
    os._exit(EXIT_INTERRUPTED)


def was_interrupted(error: BaseException | None) -> bool:
    """Whether an error came of Ctrl-C: while a library is being imported, it may wrap that in an error of its own."""
    seen: set[int] = set()  # an error may be its own cause
    while error is not None and id(error) not in seen:
        if isinstance(error, KeyboardInterrupt):
            return True
        seen.add(id(error))
        error = error.__cause__ or error.__context__
    return False


def is_first_process() -> bool:
    """Whether this is the only process, or the first of those that torchrun started."""
    return os.environ.get("RANK", "0") == "0"


def quiet_while_starting() -> None:
    """Until ``run_script`` takes over, Ctrl-C in a module's imports prints one line instead of a traceback."""
    usual = sys.excepthook

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> Any:
        if was_interrupted(error):
            end_at_once()
        return usual(kind, error, trace)

    sys.excepthook = hook
