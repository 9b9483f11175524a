"""Children: their output in a log, the latest line shown, interrupts passed on, one at a time in a folder."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from configs import UserError
from reproduce.children import Ended, alone_in, run_child

BARS = r"""
import sys, time
print("first", flush=True)
for n in range(5):
    sys.stderr.write(f"\r{n * 25}%|###   | {n}/4 [00:00<00:00, 9.0it/s]"); sys.stderr.flush()
time.sleep(0.1)
sys.stderr.write("\r          \rsaved \u00e9\n")
print("terminal" if sys.stderr.isatty() else "pipe")
"""
PATIENT = """
import pathlib, signal, sys, time
def stop(*_):
    print("told")
    sys.exit(130)
signal.signal(signal.SIGINT, stop)
pathlib.Path(sys.argv[1]).touch()
time.sleep(60)
"""


def script(folder: Path, text: str) -> str:
    path = folder / "child.py"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_the_log_has_the_command_and_the_lines_without_bars(tmp_path: Path) -> None:
    log = tmp_path / "logs" / "run.log"
    words = [script(tmp_path, BARS), "--flag", "a b"]
    assert run_child(words, log, show=None) == Ended(0, False, "pipe")
    assert log.read_text().splitlines() == [f"$ python {words[0]} --flag 'a b'", "first", "saved \u00e9", "pipe"]
    run_child(words, log, show=None)
    assert log.read_text().count("$ python") == 2, "a second command goes below the first"


def test_on_a_terminal_bars_are_shown_and_still_not_logged(tmp_path: Path) -> None:
    log, shown = tmp_path / "run.log", []
    assert run_child([script(tmp_path, BARS)], log, shown.append).last_line == "terminal"
    assert any("4/4" in line for line in shown)
    assert shown[-1] == "terminal"
    assert log.read_text().splitlines()[1:] == ["first", "saved \u00e9", "terminal"]


def test_a_failing_child_tells_its_status_and_its_last_line(tmp_path: Path) -> None:
    child = script(tmp_path, "import sys\nprint('working')\nsys.exit('error: no such thing')")
    assert run_child([child], tmp_path / "log", None) == Ended(1, False, "error: no such thing")
    text = "error: ValueError in mine.py:2\\n  File mine.py, line 2\\n    1 / 0"
    users_code = script(tmp_path, f"import sys\nsys.exit('{text}')")
    assert run_child([users_code], tmp_path / "log", None).last_line == "error: ValueError in mine.py:2"
    killed = script(tmp_path, "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)")
    assert run_child([killed], tmp_path / "log", None).status == -signal.SIGKILL


def test_a_child_ends_though_what_it_started_goes_on(tmp_path: Path) -> None:
    child = script(tmp_path, "import subprocess\nsubprocess.Popen(['sleep', '5'])\nprint('done')")
    begun = time.monotonic()
    assert run_child([child], tmp_path / "log", None) == Ended(0, False, "done")
    assert time.monotonic() - begun < 4


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_reaches_the_child_once(tmp_path: Path, number: int) -> None:
    begun = tmp_path / "begun"

    def interrupt() -> None:
        deadline = time.monotonic() + 30
        while not begun.exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        os.kill(os.getpid(), number)

    before = signal.getsignal(number)
    thread = threading.Thread(target=interrupt)
    thread.start()
    ended = run_child([script(tmp_path, PATIENT), str(begun)], tmp_path / "log", None)
    thread.join()
    assert ended == Ended(130, True, "told")
    assert (tmp_path / "log").read_text().count("told") == 1
    assert signal.getsignal(number) is before


def test_a_log_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("a file")
    with pytest.raises(UserError, match="logs/run.log"):
        run_child([script(tmp_path, BARS)], tmp_path / "logs" / "run.log", None)


def test_a_full_disk_ends_the_child(tmp_path: Path) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("there is no /dev/full here")
    child = script(tmp_path, "import time\nprint('x' * 9000, flush=True)\ntime.sleep(60)")
    (tmp_path / "log").symlink_to(full)
    begun = time.monotonic()
    with pytest.raises(UserError, match="No space left"):
        run_child([child], tmp_path / "log", None)
    assert time.monotonic() - begun < 20


def test_a_folder_is_for_one_at_a_time_and_a_child_holds_it(tmp_path: Path) -> None:
    with alone_in(tmp_path) as lock:
        with pytest.raises(UserError, match="--dest.*at work"), alone_in(tmp_path):
            pass
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], pass_fds=[lock])
    try:
        with pytest.raises(UserError, match="--dest.*at work"), alone_in(tmp_path):
            pass
    finally:
        child.kill()
        child.wait()
    with alone_in(tmp_path):
        pass
