"""One process at a time."""

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from configs import UserError
from configs.locks import held


def test_a_second_holder_is_told_who_holds_it(tmp_path: Path) -> None:
    lock = tmp_path / ".run.lock"
    with held(lock, "train 'run'"):
        words = rf"cannot train 'run': process {os.getpid()} on .*\.run\.lock.*wait"
        with pytest.raises(UserError, match=words), held(lock, "train 'run'"):
            pass
        assert lock.exists()
    assert not lock.exists()
    with held(lock, "train 'run'"):
        pass


def test_a_child_holds_on(tmp_path: Path) -> None:
    lock = tmp_path / ".tables.lock"
    with held(lock, "make tables", by_children=True) as descriptor:
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], pass_fds=[descriptor])
    try:
        with pytest.raises(UserError, match="cannot make tables"), held(lock, "make tables", by_children=True):
            pass
    finally:
        child.kill()
        child.wait()
    with held(lock, "make tables", by_children=True):
        pass


def test_a_killed_holder_holds_nothing(tmp_path: Path) -> None:
    code = f"from pathlib import Path; from configs.locks import held; lock = Path({str(tmp_path / 'l')!r})\n"
    code += "with held(lock, 'x'):\n    import os; os.kill(os.getpid(), 9)"
    assert subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2]).returncode == -9
    assert (tmp_path / "l").exists()
    with held(tmp_path / "l", "x"):
        pass


@pytest.mark.parametrize(
    ("owner", "free"), [("", True), ("{host} 4194303", True), ("{host} 1", False), ("far 5", False)]
)
def test_a_disk_without_locks(owner: str, free: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_: object) -> None:
        raise OSError(37, "No locks available")

    monkeypatch.setattr(fcntl, "flock", none)
    (tmp_path / "l").write_text(owner.format(host=os.uname().nodename))
    if free:
        with held(tmp_path / "l", "x"):
            assert f" {os.getpid()}" in (tmp_path / "l").read_text()
    else:
        with pytest.raises(UserError, match="cannot x: process"), held(tmp_path / "l", "x"):
            pass


def test_what_is_no_file_is_no_lock(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    for name in ("folder", "link"):
        with pytest.raises(UserError, match=f"{name}: cannot be a lock"), held(tmp_path / name, "x"):
            pass
    assert not (tmp_path / "elsewhere").exists()
