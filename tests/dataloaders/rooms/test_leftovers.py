"""What a rendering that was killed leaves is removed by the next; what one that lives makes is not."""

import fcntl
import os
import stat
import threading
import time
from contextlib import suppress
from multiprocessing import get_context
from pathlib import Path

import pytest

import dataloaders.datasets.sample as sample
import dataloaders.rooms.folder as rooms_folder
from configs import UserError
from dataloaders.datasets.sample import SampleRooms
from dataloaders.rendering import Rendering
from dataloaders.rooms.folder import render_folder

FEW = Rendering("nyuv2", 1, 1, (16, 16))
SMALL = {"size": 16, "num_train": 1, "num_test": 1}


def render_for_ever(path: Path) -> None:
    rooms_folder._render_one = lambda *_: time.sleep(60)
    render_folder(path, FEW, workers=1)


def temporary_folder(place: Path) -> Path:
    limit = time.monotonic() + 20
    while time.monotonic() < limit:
        for folder in place.glob(".rooms.*.tmp"):
            return folder
        time.sleep(0.02)
    raise AssertionError("nothing is rendered")


def test_only_what_a_dead_process_left_is_removed(tmp_path: Path) -> None:
    alive, killed = (get_context("fork").Process(target=render_for_ever, args=(tmp_path / "rooms",)) for _ in range(2))
    try:
        killed.start()
        leftover = temporary_folder(tmp_path)
        time.sleep(0.2)  # to lock it
        (leftover / "img").mkdir()
        killed.kill()
        killed.join()
        assert leftover.is_dir()
        alive.start()
        limit = time.monotonic() + 20
        while leftover.is_dir() and time.monotonic() < limit:
            time.sleep(0.02)
        theirs = temporary_folder(tmp_path)
        assert theirs != leftover and not leftover.exists()
        time.sleep(0.2)
        for other in (".rooms.notes.tmp", ".rooms2.00000000.tmp"):
            (tmp_path / other).mkdir()
        render_folder(tmp_path / "rooms", FEW, workers=1)
        left = {path.name for path in tmp_path.iterdir()}
        assert left == {"rooms", theirs.name, ".rooms.notes.tmp", ".rooms2.00000000.tmp"}
    finally:
        for process in (alive, killed):
            if process.pid is not None:
                process.kill()
                process.join()


def test_a_name_with_signs_of_a_pattern_and_a_link(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "file").touch()
    (tmp_path / ".[a]*.00000000.tmp").mkdir()
    (tmp_path / ".a.00000000.tmp").mkdir()
    (tmp_path / ".[a]*.00000001.tmp").symlink_to(tmp_path / "mine")
    render_folder(tmp_path / "[a]*", FEW, workers=1)
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"mine", "[a]*", ".a.00000000.tmp", ".[a]*.00000001.tmp"} and (tmp_path / "mine" / "file").exists()


def test_on_a_disk_without_locks_nothing_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_locks(*_: object) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(fcntl, "flock", no_locks)
    (tmp_path / ".rooms.00000000.tmp").mkdir()
    render_folder(tmp_path / "rooms", FEW, workers=1)
    assert {path.name for path in tmp_path.iterdir()} == {"rooms", ".rooms.00000000.tmp"}


def test_a_folder_taken_before_it_was_locked_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock, taken = fcntl.flock, []

    def take_first(descriptor: int, operation: int) -> None:
        lock(descriptor, operation)
        if not taken:
            taken.append(temporary_folder(tmp_path))
            taken[0].rmdir()

    monkeypatch.setattr(fcntl, "flock", take_first)
    render_folder(tmp_path / "rooms", FEW, workers=1)
    assert [path.name for path in tmp_path.iterdir()] == ["rooms"] and len(taken) == 1


@pytest.fixture
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample, "usual_workers", lambda: 1)


@pytest.mark.parametrize("kind", ["folder", "fifo", "link", "device"])
def test_something_else_where_the_lock_belongs(tmp_path: Path, in_this_process: None, kind: str) -> None:
    lock, target = tmp_path / ".rooms.lock", tmp_path / "target"
    target.write_text("mine")
    if kind == "folder":
        lock.mkdir()
    elif kind == "fifo":
        os.mkfifo(lock)
    else:
        lock.symlink_to("/dev/null" if kind == "device" else target)
    before = lock.lstat()

    def release() -> None:
        with suppress(OSError):
            os.close(os.open(lock, os.O_RDONLY | os.O_NONBLOCK))

    waited_too_long = threading.Timer(2, release)
    waited_too_long.start()
    with pytest.raises(UserError, match=rf"--data_root: cannot lock {lock}: .*; remove what is there, or name another"):
        SampleRooms(tmp_path / "rooms", "train", ("seg",), **SMALL)
    waited_too_long.cancel()
    assert stat.S_IFMT(lock.lstat().st_mode) == stat.S_IFMT(before.st_mode) and target.read_text() == "mine"


def test_a_name_too_long_for_a_lock(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--data_root: cannot lock .*File name too long"):
        SampleRooms(tmp_path / ("r" * 252), "train", ("seg",), **SMALL)


def test_a_lock_that_its_owner_removed_is_no_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock, removed = fcntl.flock, []

    def remove_first(descriptor: int, operation: int) -> None:
        lock(descriptor, operation)
        if not removed:
            removed.append(True)
            (tmp_path / ".rooms.lock").unlink()

    monkeypatch.setattr(fcntl, "flock", remove_first)
    with sample._one_at_a_time(tmp_path / "rooms"):
        assert (tmp_path / ".rooms.lock").is_file()
    assert not list(tmp_path.iterdir())
