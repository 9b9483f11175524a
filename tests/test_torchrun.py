"""Two processes under torchrun: a mistake is told once, and none goes on when torchrun is killed."""

import os
import subprocess
import sys
import time
from pathlib import Path

from conftest import REPOSITORY, tiny

from runtime import launched

TRAIN = ["launch_training.py", "--device", "cpu", "--tasks", "edge", "--max_iters", "100000"]
LONGEST = 30
"""Seconds that a process may go on without torchrun."""
BUSY = 4
"""How many times longer that may take where many other processes run."""


def start(folder: Path, rooms: Path, *more: str) -> subprocess.Popen:
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
    command = [*launcher, str(REPOSITORY / TRAIN[0]), *TRAIN[1:], *tiny(rooms), "--dest", str(folder), *more]
    return subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def test_a_mistake_is_told_once(rooms: Path, tmp_path: Path) -> None:
    said = start(tmp_path, rooms, "--set", "data.batch_size=3").communicate(timeout=240)[0]
    assert [line for line in said.splitlines() if "a batch of 3 cannot be shared evenly by 2 processes" in line] == [
        "error: a batch of 3 cannot be shared evenly by 2 processes; make data.batch_size a multiple of 2"
    ]
    assert said.count("error: ") == 1, said


def test_no_process_goes_on_when_torchrun_was_killed(rooms: Path, tmp_path: Path) -> None:
    process = start(tmp_path, rooms, "--set", "train.save_interval=1")
    until = time.monotonic() + 240
    while not (tmp_path / "last_sample_baseline_edge.pth").exists():
        assert process.poll() is None and time.monotonic() < until
        time.sleep(0.05)
    text = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
    children = [int(word) for word in text.split()]
    process.kill()
    process.communicate(timeout=BUSY * LONGEST)  # their end of the pipe is closed when they are gone
    assert launched.LOOK_EVERY + launched.TIME_TO_SAVE < LONGEST
    assert len(children) == 2 and not any(map(lives, children))


def lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
