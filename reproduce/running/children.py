"""Scripts of ours as children: what they print in a log, signals passed on once, one or several at a time."""

import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import Self

from configs import UserError
from configs.flags import ERRORS_IN_OUTPUT, EXIT_INTERRUPTED
from configs.paths import REPOSITORY

ENDINGS = (signal.SIGINT, signal.SIGTERM)
"""Signals that end a script; SIGHUP besides, unless nohup wants us to go on."""


class Children:
    """Inside ``with``, scripts may be started; each is told once of Ctrl-C, SIGTERM and SIGHUP, as of an interrupt.

    At the end none is left: those that still run, since an error has come, are told to end and waited for.

    Args:
        further: signals that mean the same, such as the one that a cluster sends before a time limit.

    Attributes:
        told: whether this process was told to end.
    """

    def __init__(self, further: Collection[int] = ()) -> None:
        self.told = False
        self._running: list[subprocess.Popen] = []
        self._numbers = [*ENDINGS, *further]

    def __enter__(self) -> Self:
        if signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:
            self._numbers.append(signal.SIGHUP)
        self._before = {number: signal.signal(number, self._pass_on) for number in self._numbers}
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.end()
            for process in self._running:
                process.wait()
        finally:
            for number, handler in self._before.items():
                signal.signal(number, handler)

    def start(
        self, words: Sequence[str], log: Path, keep: Collection[int] = (), environment: Mapping[str, str] | None = None,
        *, shown: bool = True,
    ) -> subprocess.Popen:
        """Start a script; its standard output goes to the log, after what is there already.

        Args:
            words: the script's name and its flags.
            keep: files that stay open in the child.
            environment: variables that are not as they are here.
            shown: its progress bars and errors, which go to standard error, are seen where this process's are, and the
                errors stand in the log as well; else all of it stands in the log alone, and no bars are drawn.

        Raises:
            UserError: the log cannot be written.
        """
        try:
            log.parent.mkdir(parents=True, exist_ok=True)
            with log.open("a", encoding="utf-8") as file:
                file.write(f"$ python {shlex.join(words)}\n")
                file.flush()
                command = [sys.executable, str(REPOSITORY / words[0]), *words[1:]]
                variables = {**os.environ, "PYTHONUNBUFFERED": "1", **(environment or {})}
                # In a group of its own, so that an interrupt from the terminal reaches it once, from here.
                process = subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, stdout=file, stderr=None if shown else file, process_group=0,
                    pass_fds=tuple(keep), env={**variables, ERRORS_IN_OUTPUT: "1"} if shown else variables,
                )  # fmt: skip
        except OSError as error:
            raise UserError(f"cannot write {log}: {error.strerror}; free some space or name another --dest") from error
        self._running.append(process)
        if self.told:  # while it was started
            process.send_signal(signal.SIGINT)
        return process

    def end(self) -> None:
        """Tell those that still run to end, unless they have been told."""
        if not self.told:
            self._interrupt()

    def _pass_on(self, number: int, frame: FrameType | None) -> None:
        self.told = True  # a second signal is passed on as well: those that save do not wait for long then
        self._interrupt()

    def _interrupt(self) -> None:
        for process in self._running:
            process.send_signal(signal.SIGINT)


def run_child(
    words: Sequence[str], log: Path, keep: Collection[int] = (), environment: Mapping[str, str] | None = None,
    *, shown: bool = True, further: Collection[int] = (),
) -> int:
    """Run a script of ours to its end.

    Args:
        words, log, keep, environment, shown: as for ``Children.start``.
        further: as for ``Children``.

    Returns:
        its exit status, negative: the signal that ended it; ``EXIT_INTERRUPTED`` if this process was told to end, and
        the child has.

    Raises:
        UserError: the log cannot be written.
    """
    with Children(further) as children:
        status = children.start(words, log, keep, environment, shown=shown).wait()
    return EXIT_INTERRUPTED if children.told else status
