"""Children: what they print in a log, their bars where ours are, interrupts passed on, one at a time in a folder."""

import os
import signal
import threading
import time
from pathlib import Path

import pytest
from conftest import REPOSITORY

from configs import UserError
from reproduce.running.children import run_child

CHILD = r"""
import sys
sys.path.insert(0, {repository!r})
from configs import UserError, flags
def main():
    print("first \u00e9")
    sys.stderr.write("\r 50%|###   | 2/4 [00:00<00:00, 9.0it/s]")
    {body}
flags.run_script(main)
"""
PATIENT = """
    import pathlib, time
    pathlib.Path(sys.argv[1]).touch()
    time.sleep(60)
"""


def script(folder: Path, body: str) -> str:
    """A script as ours are, that prints a line, draws a bar and does this."""
    path = folder / "child.py"
    path.write_text(CHILD.format(repository=str(REPOSITORY), body=body.strip()), encoding="utf-8")
    return str(path)


def test_the_log_has_the_command_and_what_was_printed_and_bars_go_to_stderr(
    tmp_path: Path, capfd: pytest.CaptureFixture
) -> None:
    log = tmp_path / "logs" / "run.log"
    words = [script(tmp_path, "print('last')"), "--flag", "a b"]
    assert run_child(words, log) == 0
    assert log.read_text().splitlines() == [f"$ python {words[0]} --flag 'a b'", "first \u00e9", "last"]
    out, err = capfd.readouterr()
    assert out == "" and "2/4 [00:00" in err
    run_child(words, log)
    assert log.read_text().count("$ python") == 2, "a second command goes below the first"


def test_errors_are_seen_and_logged(tmp_path: Path, capfd: pytest.CaptureFixture) -> None:
    log = tmp_path / "log"
    assert run_child([script(tmp_path, "raise UserError('no such colour')")], log) == 2
    assert log.read_text().splitlines()[-1] == "error: no such colour" and "no such colour" in capfd.readouterr().err
    assert run_child([script(tmp_path, "{}['colour']")], log) == 1
    assert log.read_text().splitlines()[-1] == "KeyError: 'colour'"


def test_a_killed_child_tells_its_signal(tmp_path: Path) -> None:
    killed = script(tmp_path, "import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    assert run_child([killed], tmp_path / "log") == -signal.SIGKILL


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
    assert run_child([script(tmp_path, PATIENT), str(begun)], tmp_path / "log") == 130
    thread.join()
    assert (tmp_path / "log").read_text().count("interrupted") == 1
    assert signal.getsignal(number) is before


def test_a_log_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("a file")
    with pytest.raises(UserError, match="logs/run.log"):
        run_child([script(tmp_path, "pass")], tmp_path / "logs" / "run.log")
