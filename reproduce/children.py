"""Running a script of ours as a child: on the same terminal, what it prints in a log, signals passed on once."""

import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from configs import UserError
from configs.flags import ERRORS_IN_OUTPUT, EXIT_INTERRUPTED
from configs.paths import REPOSITORY


def run_child(words: Sequence[str], log: Path, keep: Collection[int] = ()) -> int:
    """Run a script of ours to its end, and pass Ctrl-C, SIGTERM and SIGHUP on to it as one interrupt each.

    Its standard output goes to the log, after what is there already; its progress bars and errors, which go to standard
    error, are seen where this process's are, and the errors stand in the log as well.

    Args:
        words: the script's name and its flags.
        keep: files that stay open in the child.

    Returns:
        its exit status, negative: the signal that ended it; ``EXIT_INTERRUPTED`` if this process was told to end, and
        the child has.

    Raises:
        UserError: the log cannot be written.
    """
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("a", encoding="utf-8") as file:
            file.write(f"$ python {shlex.join(words)}\n")
            file.flush()
            return _run([sys.executable, str(REPOSITORY / words[0]), *words[1:]], file.fileno(), keep)
    except OSError as error:
        raise UserError(f"cannot write {log}: {error.strerror}; free some space or name another --dest") from error


def _run(command: list[str], output: int, keep: Collection[int]) -> int:
    told: list[int] = []
    process: subprocess.Popen | None = None

    def pass_on(number: int, frame: Any) -> None:
        told.append(number)
        if process is not None:
            process.send_signal(signal.SIGINT)

    numbers = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:  # else nohup wants us to go on
        numbers.append(signal.SIGHUP)
    before = {number: signal.signal(number, pass_on) for number in numbers}
    try:
        # In a group of its own, so that an interrupt from the terminal reaches it once, from here.
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            process_group=0,
            pass_fds=tuple(keep),
            env={**os.environ, "PYTHONUNBUFFERED": "1", ERRORS_IN_OUTPUT: "1"},
        )
        if told:  # while it was started
            process.send_signal(signal.SIGINT)
        status = process.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return EXIT_INTERRUPTED if told else status
