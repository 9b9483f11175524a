"""One case of an attack: whether it ends as it must, in time, and leaves what was there before."""

import contextlib
import io
import os
import random
import runpy
import shutil
import signal
import subprocess
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from types import FrameType

from configs import UserError
from configs.paths import REPOSITORY
from tests.attacking.base import Broken, Door, Material
from tests.attacking.whole import contents_of, left_fault

LONGEST = 60
"""Seconds for a case; each takes a fraction of one, but the machine may be busy."""


class Hung(BaseException):
    """A case took too long. Not an Exception, lest what is attacked catches it."""


def fault_of(case: Callable[[], object]) -> str | None:
    """What is wrong with how a case ends; None: nothing, it returned or raised a UserError of one line."""
    try:
        with _bounded(LONGEST), warnings.catch_warnings(record=True) as warned:
            case()
        return f"warned: {warned[0].message}" if warned else None
    except UserError as error:
        return None if str(error) and "\n" not in str(error) else f"not one line: {error}"
    except Hung:
        return f"no end after {LONGEST} s"
    except Broken as error:
        return str(error)
    except Exception as error:
        trace = error.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        place = f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}" if trace else "?"
        return f"{type(error).__name__}: {str(error)[:200]} ({place})"


def attack(door: Door, seeds: Iterable[str], material: Material) -> Counter[str]:
    """How often each fault was found in a door's cases, one for each seed; the folder is emptied before each."""
    faults: Counter[str] = Counter()
    for seed in seeds:
        clear(material.folder)
        rng = random.Random(seed)
        fault = fault_of(door(rng, material))
        if fault is not None:
            faults[f"{fault}  [seed {seed}]"] += 1
    clear(material.folder)
    return faults


def clear(folder: Path) -> None:
    """Make the folder an empty one."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)


def script_fault(
    script: str, words: Sequence[str], folder: Path, statuses: Sequence[int] = (0, 2), scripts: Path = REPOSITORY
) -> str | None:
    """What is wrong with how a script ends, and with what it leaves in a folder; None: nothing.

    Args:
        folder: where it runs, and where it may only leave what ``left_fault`` has nothing against.
        scripts: where it lies; ours run in this process, which takes seconds less.
    """
    before = contents_of(folder)
    run = _in_this_process if scripts == REPOSITORY else _in_its_own
    ended = run(scripts / script, list(map(str, words)), folder)
    if ended is None:
        return f"{script}: no end after {3 * LONGEST} s"
    return ending_fault(script, *ended, statuses) or left_fault(script, folder, before)


def _in_its_own(script: Path, words: list[str], folder: Path) -> tuple[object, str] | None:
    """Status and standard error; None: it did not end in time."""
    command, environment = [sys.executable, str(script), *words], {**os.environ, "OMP_NUM_THREADS": "1"}
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=3 * LONGEST, env=environment)
    except subprocess.TimeoutExpired:
        return None
    return done.returncode, done.stderr


def _in_this_process(script: Path, words: list[str], folder: Path) -> tuple[object, str] | None:
    out, err = io.StringIO(), io.StringIO()
    try:
        with (
            _bounded(3 * LONGEST),
            _as_a_script(script, words, folder),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            runpy.run_path(str(script), run_name="__main__")
        status: object = 0
    except SystemExit as end:
        status = end.code
    except Hung:
        return None
    return status, err.getvalue()


def ending_fault(script: str, status: object, stderr: str, statuses: Sequence[int] = (0, 2)) -> str | None:
    """What is wrong with an exit status and what was printed to stderr: one line, progress bars aside."""
    lines = [line for line in stderr.replace("\r", "\n").splitlines() if line.strip() and "%|" not in line]
    if "Traceback" in stderr or status not in statuses:
        return f"{script}: status {status}: {lines[-1][:300] if lines else 'nothing said'}"
    if status == 2 and (len(lines) != 1 or not lines[0].startswith("error: ")):
        return f"{script}: status 2 and {len(lines)} lines: {' / '.join(lines)[:300]}"
    return None


@contextlib.contextmanager
def _bounded(seconds: int) -> Iterator[None]:
    def ring(number: int, frame: FrameType | None) -> None:
        raise Hung

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@contextlib.contextmanager
def _as_a_script(script: Path, words: Sequence[str], folder: Path) -> Iterator[None]:
    argv, path, here, environment = sys.argv, list(sys.path), Path.cwd(), dict(os.environ)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD)}
    sys.argv = [str(script), *words]
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(here)
        sys.argv, sys.path[:] = argv, path
        os.environ.clear()
        os.environ.update(environment)
        for number, handler in handlers.items():
            signal.signal(number, handler)
