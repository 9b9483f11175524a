"""Files are written through nothing that someone has placed, over nothing but files, and leave nothing behind."""

import fcntl
import os
import secrets
import signal
import socket
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from configs import UserError
from configs.paths import check_file, prepare_folder, read_regular, remove_leftovers, replacing, write_text

DEAD = 4194303  # the largest number that Linux gives to a process


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_link_that_waits_under_the_temporary_name_is_not_written_through(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (tmp_path / f".a.txt.{os.getpid()}.tmp").symlink_to(victim)  # the name of earlier versions
    write_text(tmp_path / "a.txt", "mine")
    monkeypatch.setattr(secrets, "token_hex", lambda size: "0" * 2 * size)  # and if the name could be foretold
    placed = tmp_path / f".a.txt.{os.getpid()}.{'0' * 12}.tmp"
    for make in (lambda: placed.symlink_to(victim), lambda: placed.write_text("placed")):
        make()
        with pytest.raises(UserError, match="cannot write .*a.txt: File exists"):
            write_text(tmp_path / "a.txt", "again")
        assert placed.read_text() in ("precious", "placed")
        placed.unlink()
    assert victim.read_text() == "precious"
    assert (tmp_path / "a.txt").read_text() == "mine"


def test_the_temporary_file_is_new_each_time_and_as_open_as_any(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        with replacing(tmp_path / "a.txt") as first, replacing(tmp_path / "a.txt") as second:
            assert first != second
            assert all(f".a.txt.{os.getpid()}." in path.name and path.is_file() for path in (first, second))
        assert stat.S_IMODE((tmp_path / "a.txt").stat().st_mode) == 0o640
    finally:
        os.umask(before)
    assert names(tmp_path) == ["a.txt"]


def make_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path.name)


def make_device(path: Path) -> None:
    try:
        os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 3))
    except PermissionError:
        pytest.skip("only root makes devices")


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (Path.mkdir, "a folder"),
        (os.mkfifo, "a FIFO"),
        (make_socket, "a socket"),
        (make_device, "a device"),
        (lambda path: path.symlink_to("victim"), "a link"),
        (lambda path: path.symlink_to("nowhere"), "a link"),
    ],
)
def test_only_regular_files_are_replaced(
    make: Callable[[Path], object], kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("victim").write_text("precious")
    path = Path("out.tsv")
    make(path)
    before = path.lstat()
    with pytest.raises(UserError, match=f"cannot write out.tsv: it is {kind}; name a regular file"):
        write_text(path, "mine")
    with pytest.raises(UserError, match=f"--out: out.tsv is {kind}; name a regular file"):
        check_file(path, "--out")
    assert os.path.samestat(before, path.lstat())
    assert Path("victim").read_text() == "precious"
    assert names(tmp_path) == ["out.tsv", "victim"]


def test_a_file_or_nothing_may_be_there(tmp_path: Path) -> None:
    check_file(tmp_path / "a.txt", "--out")
    (tmp_path / "a.txt").write_text("")
    check_file(tmp_path / "a.txt", "--out")
    assert names(tmp_path) == ["a.txt"]


@pytest.mark.parametrize("name", ["n" * 300, "n" * 250, "n" * 5000, "a\0b", "a\ud800", "a\udcff", "/".join("a" * 1500)])
def test_names_that_no_file_can_have_are_one_line(name: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="^cannot write "):
        write_text(tmp_path / name, "x")
    if len(name) != 250:  # which leaves no room for a temporary name
        with pytest.raises(UserError, match="^--dest: cannot write to "):
            prepare_folder(tmp_path / name / "b" / ("n" * 300))
    if len(name) not in (250, 2999):
        with pytest.raises(UserError, match="^--out: "):
            check_file(tmp_path / name, "--out")
    for path in tmp_path.iterdir():
        assert path.is_dir()


def test_text_that_utf8_does_not_have_is_one_line(tmp_path: Path) -> None:
    write_text(tmp_path / "a.txt", "first")
    with pytest.raises(UserError, match=r"cannot write .*a.txt: .*\\ud800"):
        write_text(tmp_path / "a.txt", "task \ud800")
    assert (tmp_path / "a.txt").read_text() == "first"
    assert names(tmp_path) == ["a.txt"]


def test_file_and_folder_are_brought_to_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced = []
    monkeypatch.setattr(os, "fsync", lambda number: synced.append(os.fstat(number)))
    write_text(tmp_path / "a.txt", "x")
    assert os.path.samestat(synced[0], (tmp_path / "a.txt").stat())
    assert os.path.samestat(synced[1], tmp_path.stat())


def test_what_a_killed_writer_left_is_removed_by_the_next(tmp_path: Path) -> None:
    path = tmp_path / "a[1].txt"
    child = os.fork()
    if child == 0:
        with replacing(path) as temporary:
            temporary.write_text("half")
            os.kill(os.getpid(), signal.SIGKILL)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL
    assert len(names(tmp_path)) == 1
    write_text(path, "whole")
    assert names(tmp_path) == [path.name]


def test_only_what_dead_processes_left_is_removed(tmp_path: Path) -> None:
    own = f".a.txt.{os.getpid()}.0f.tmp"
    dead = [f".a.txt.{DEAD}.0f.tmp", f".a.txt.{DEAD}.tmp"]
    kept = ["a.txt", own, f".b.txt.{DEAD}.tmp", f".a.txt.{'9' * 30}.tmp", ".a.txt.x.tmp", f".a.txt.{DEAD}.0f.tmp2"]
    locked = tmp_path / f".a.txt.{DEAD}.1f.tmp"
    folder = tmp_path / f".a.txt.{DEAD}.2f.tmp"
    for name in (*dead, *kept):
        (tmp_path / name).write_text("x")
    folder.mkdir()
    with locked.open("w") as writer:  # by a process of another container, say, which has its own numbers
        fcntl.flock(writer, fcntl.LOCK_EX)
        remove_leftovers(tmp_path / "a.txt")
        assert names(tmp_path) == sorted([*kept, locked.name, folder.name])
    remove_leftovers(tmp_path / "a.txt")
    assert names(tmp_path) == sorted([*kept, folder.name])
    remove_leftovers(tmp_path / "no folder" / "a.txt")


def test_a_writer_holds_a_lock_on_its_file(tmp_path: Path) -> None:
    with replacing(tmp_path / "a.txt") as temporary, temporary.open("rb") as file, pytest.raises(BlockingIOError):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_only_regular_files_of_some_size_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file").write_bytes(b"12345")
    Path("link").symlink_to("file")
    assert read_regular(Path("file"), 5) == read_regular(Path("link"), 9) == b"12345"
    os.mkfifo("pipe")
    for path, reason in {
        "file": "more than 4 bytes", "pipe": "a FIFO", "/dev/zero": "a device", ".": "a folder",
        "absent": "No such file", "file/x": "Not a directory", "a\0b": "null byte", "n" * 300: "too long",
    }.items():  # fmt: skip
        with pytest.raises(UserError, match=f"cannot be read: .*{reason}"):
            read_regular(Path(path), 4)
