"""Running a script of ours as a child: its output in a log, its latest line shown, signals passed on."""

import codecs
import fcntl
import os
import pty
import re
import select
import shlex
import shutil
import signal
import subprocess
import sys
import termios
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from configs import UserError
from configs.paths import REPOSITORY

PATIENCE = 0.2
"""Seconds between two looks at whether a silent child still runs."""
CHUNK = 65536
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
PROGRESS = re.compile(r"\d+%\|.*\| *\S+/\S+ \[|\d+\w* \[\d\d:\d\d, ")
"""A state of a progress bar, with or without a known end."""


@dataclass(frozen=True)
class Ended:
    """How a child ended.

    Attributes:
        status: its exit status; negative: the signal that ended it.
        told: whether it was passed an interrupt.
        last_line: of its output, progress bars left out.
    """

    status: int
    told: bool
    last_line: str


def run_child(words: Sequence[str], log: Path, show: Callable[[str], None] | None, keep: Collection[int] = ()) -> Ended:
    """Run a script of ours to its end, and pass Ctrl-C, SIGTERM and SIGHUP on to it as one interrupt each.

    Args:
        words: the script's name and its flags.
        log: gets all output but the states of progress bars, after what is in it already.
        show: is given every new line or state of a bar; the child is led to believe that it has a terminal. None:
            nothing is shown, and the child draws no bars.
        keep: files that stay open in the child.

    Raises:
        UserError: the log cannot be written.
    """
    command = [sys.executable, str(REPOSITORY / words[0]), *words[1:]]
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("a", encoding="utf-8") as file:
            file.write(f"$ python {shlex.join(words)}\n")
            return _run(command, _Output(file, show), terminal=show is not None, keep=keep)
    except OSError as error:
        raise UserError(f"cannot write {log}: {error.strerror}; free some space or name another --dest") from error


@contextmanager
def alone_in(folder: Path) -> Iterator[int]:
    """Let one process at a time plan and run in a folder; yields a file that its children keep open.

    A child that outlives its parent goes on holding the folder. On a disk without locks nothing is checked.

    Raises:
        UserError: another one is at work there.
    """
    with (folder / ".reproducing.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UserError(
                f"--dest: another reproduce_tables.py, or a run that it began, is at work in {folder}; "
                f"wait for its end, or name another folder"
            ) from error
        except OSError:
            pass
        yield lock.fileno()


class _Output:
    """Takes a child's output in pieces, writes its lines to a log and shows the latest."""

    def __init__(self, log: IO[str], show: Callable[[str], None] | None) -> None:
        self.last_line = ""
        self._log, self._show = log, show
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._open = ""

    def add(self, piece: bytes) -> None:
        *lines, self._open = (self._open + self._decoder.decode(piece)).split("\n")
        for line in lines:
            if line.strip("\r"):
                self._note(_visible(line))
            else:
                self._log.write("\n")
        # Of a bar that is drawn over itself again and again, the end is enough.
        self._open = "\r".join(self._open.split("\r")[-3:])
        latest = _visible(self._open) or (_visible(lines[-1]) if lines else "")
        if latest and self._show is not None:
            self._show(latest)

    def close(self) -> None:
        self._note(_visible(self._open))

    def _note(self, line: str) -> None:
        if not line or PROGRESS.search(line):
            return
        if not self.last_line.startswith("error: "):  # what is below it tells only where in a user's code that was
            self.last_line = line
        self._log.write(line + "\n")
        self._log.flush()


def _visible(line: str) -> str:
    """What a terminal would show of a line that was drawn over itself."""
    pieces = [piece.strip() for piece in ESCAPES.sub("", line).split("\r")]
    return next((piece for piece in reversed(pieces) if piece), "")


def _run(command: list[str], output: _Output, terminal: bool, keep: Collection[int]) -> Ended:
    ours, theirs = pty.openpty() if terminal else os.pipe()
    if terminal:
        size = shutil.get_terminal_size()
        termios.tcsetwinsize(theirs, (size.lines, size.columns))
    with _Interrupts() as interrupts:
        try:
            # In a group of its own, so that an interrupt from the terminal reaches it once, from here.
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=theirs,
                stderr=theirs,
                process_group=0,
                pass_fds=tuple(keep),
                env={**os.environ, "PYTHONUNBUFFERED": "1"},  # lest what it prints comes after its last error
            )
            interrupts.to(process)
            os.close(theirs)
            try:
                for piece in _pieces(ours, process):
                    output.add(piece)
            except OSError:  # the log cannot be written
                process.send_signal(signal.SIGINT)
                for _ in _pieces(ours, process):  # lest it waits for a reader
                    pass
                raise
            finally:
                status = process.wait()
        finally:
            os.close(ours)
    output.close()
    return Ended(status, interrupts.told, output.last_line)


def _pieces(source: int, process: subprocess.Popen) -> Iterator[bytes]:
    """What the child writes, until it ends; what it has begun itself may hold the file open for longer."""
    while True:
        ended = process.poll() is not None
        if not select.select([source], [], [], 0 if ended else PATIENCE)[0]:
            if ended:
                return
            continue
        try:
            piece = os.read(source, CHUNK)
        except OSError:  # a terminal that nobody has open any more
            return
        if not piece:
            return
        yield piece


class _Interrupts:
    """Inside, signals that ask us to end are passed on to the child as interrupts.

    Attributes:
        told: whether there was one.
    """

    def __init__(self) -> None:
        self.told = False
        self._process: subprocess.Popen | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> "_Interrupts":
        numbers = [signal.SIGINT, signal.SIGTERM]
        if signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:  # else nohup wants us to go on
            numbers.append(signal.SIGHUP)
        self._before = {number: signal.signal(number, self._tell) for number in numbers}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def to(self, process: subprocess.Popen) -> None:
        """Pass interrupts on to this child, also one that has come already."""
        self._process = process
        if self.told:
            process.send_signal(signal.SIGINT)

    def _tell(self, number: int, frame: Any) -> None:
        self.told = True
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
