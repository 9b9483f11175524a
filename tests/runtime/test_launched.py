"""What torchrun tells its processes, and that they do not outlive it."""

import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from configs import UserError
from configs.paths import REPOSITORY
from runtime import device, launched

WHOLE = {"WORLD_SIZE": "2", "RANK": "1", "LOCAL_RANK": "1", "MASTER_ADDR": "localhost", "MASTER_PORT": "1"}


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in WHOLE:
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(("changes", "words"), [
    ({"RANK": ""}, "WORLD_SIZE=2 is in the environment without RANK"),
    ({"WORLD_SIZE": "two"}, "WORLD_SIZE='two'"),
    ({"WORLD_SIZE": "-2"}, "WORLD_SIZE='-2'"),
    ({"RANK": "2"}, "RANK=2 is not below WORLD_SIZE=2"),
    ({"LOCAL_RANK": "x"}, "LOCAL_RANK='x'"),
])  # fmt: skip
def test_half_an_environment_is_one_line(changes: dict, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (WHOLE | changes).items():
        monkeypatch.setenv(name, value)
    with pytest.raises(UserError, match=words):
        launched.processes_from_environment()


def test_a_whole_environment_and_none(monkeypatch: pytest.MonkeyPatch) -> None:
    assert launched.processes_from_environment() == (1, 0)
    for name, value in WHOLE.items():
        monkeypatch.setenv(name, value)
    assert launched.processes_from_environment() == (2, 1)


@pytest.mark.parametrize(("changes", "words"), [
    ({}, r"cannot be reached \(MASTER_ADDR=localhost, MASTER_PORT=1, waited 0 s: .*refused.*unset WORLD_SIZE"),
    ({"MASTER_PORT": "99999999"}, "MASTER_PORT=99999999"),
    ({"MASTER_PORT": "x"}, "MASTER_PORT='x' in the environment"),
    ({"MASTER_ADDR": "a" * 70}, "cannot be reached"),
])  # fmt: skip
def test_a_first_process_that_is_not_there(changes: dict, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (WHOLE | changes).items():
        monkeypatch.setenv(name, value)
    with pytest.raises(UserError, match=words):
        launched.wait_for_first(0.2)


def test_a_first_process_that_comes_late(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as first:
        first.bind(("localhost", 0))
        for name, value in (WHOLE | {"MASTER_PORT": str(first.getsockname()[1])}).items():
            monkeypatch.setenv(name, value)
        late = threading.Timer(0.3, first.listen)
        late.start()
        launched.wait_for_first(20)
        late.join()


def test_others_that_do_not_come_are_waited_for_so_long_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "end_with_parent", lambda: None)
    monkeypatch.setattr(device, "MEET_WITHIN", 0.5)
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    for name, value in (WHOLE | {"RANK": "0", "LOCAL_RANK": "0", "MASTER_PORT": str(port)}).items():
        monkeypatch.setenv(name, value)
    begin = time.monotonic()
    with pytest.raises(UserError, match=r"do not find one another \(WORLD_SIZE=2, .*unset WORLD_SIZE"):
        device.start("cpu", "fp32")
    assert time.monotonic() - begin < 15


def test_a_process_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    child = "import signal, time; from runtime import launched; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
    child += "launched.TIME_TO_SAVE = 0.5; launched.end_with_parent(); print('watching', flush=True); time.sleep(60)"
    parent = f"import subprocess, sys, time; p = subprocess.Popen([sys.executable, '-c', {child!r}]); "
    parent += "print(p.pid, flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", parent], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        pid = int(process.stdout.readline())
        assert process.stdout.readline() == "watching\n"
        process.kill()
    until = time.monotonic() + 20
    while time.monotonic() < until and _lives(pid):
        time.sleep(0.2)
    assert not _lives(pid)


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
