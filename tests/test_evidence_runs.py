"""reproduce_tables.py --table evidence as a user runs it: measured once, killed, and given gains."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
from conftest import REPOSITORY, Reproduce, tables, usual

EVIDENCE = ["--table", "evidence", "--tasks", "sn,edge", "--max_iters", "1", "--estimators", "snip,labels",
            "--replicates", "2", "--set", "scoring.relatedness_batches=2"]  # fmt: skip


def test_evidence_ends_with_a_verdict_and_the_second_call_does_nothing(
    reproduce: Reproduce, in_this_process: list[str], tmp_path: Path
) -> None:
    result = reproduce(*EVIDENCE, "--num_seeds", "2")
    assert result.returncode == 0, result.stderr
    train, evaluate = "launch_training.py", "eval_pruned_net.py"
    assert in_this_process == ["task_relatedness.py", *[train, evaluate] * 6]
    dest = tmp_path / "out"
    scores = tables(dest)["evidence"]["judgement"]["scores"]
    assert [score["label"] for score in scores] == ["snip", "labels", "partner's mean", "target's mean"]
    assert scores[0]["passes"] == 2 * (2 + 2 * 3 * 2), "in each replicate 2 batches, of 2 tasks and their stand-ins"
    assert scores[0]["cost"] == pytest.approx(28 / (2 * 6)) and scores[1]["cost"] == 0
    assert (dest / "evidence.png").exists() and "| snip " in (dest / "tables.md").read_text()
    assert "Evidence on sample: split halves of the gains agree by" in result.stdout
    gains, runs = (dest / "gains.json").read_bytes(), json.loads((dest / "gains.json").read_text())["runs"]
    assert len(runs) == 6 and {run["iterations"] for run in runs} == {1}
    in_this_process.clear()
    assert reproduce(*EVIDENCE, "--num_seeds", "2").returncode == 0
    assert in_this_process == [] and (dest / "gains.json").read_bytes() == gains
    given = reproduce(*EVIDENCE, "--gains", dest / "gains.json", "--dest", tmp_path / "given")
    assert given.returncode == 0 and in_this_process == ["task_relatedness.py"]
    here, there = (tables(folder)["evidence"]["judgement"]["gains"] for folder in (dest, tmp_path / "given"))
    assert here == there


MEASURED = [*EVIDENCE, "--max_iters", "12", "--estimators", "labels", "--set", "train.save_interval=1"]


def test_evidence_that_was_killed_makes_only_what_was_missing(
    reproduce: Reproduce, in_this_process: list[str], rooms: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train, evaluate = "launch_training.py", "eval_pruned_net.py"
    whole, dest = tmp_path / "whole", tmp_path / "out"
    assert reproduce(*MEASURED, "--dest", whole).returncode == 0
    child = sys.modules["reproduce.running.children"].run_child
    with monkeypatch.context() as patch:  # the estimates and one of three runs are done, when ...
        patch.setattr("reproduce.running.children.run_child", lambda words, *rest, **further: (
            130 if "edge" in words else child(words, *rest, **further)))  # fmt: skip
        assert reproduce(*MEASURED).returncode == 130
    finished = {path: path.stat().st_mtime_ns for path in [*dest.glob("*_sn.*"), *dest.rglob("*.npz")]}
    assert len(finished) > 4

    last = dest / "last_sample_baseline_edge.pth"
    kill_all([str(REPOSITORY / "reproduce_tables.py"), *usual(rooms, dest), *MEASURED], tmp_path, once_there=last)
    assert last.exists() and not (dest / "final_sample_baseline_edge.pth").exists()

    in_this_process.clear()
    again = reproduce(*MEASURED)
    assert again.returncode == 0, again.stderr
    assert in_this_process == [train, evaluate] * 2
    assert finished == {path: path.stat().st_mtime_ns for path in finished}, "what was finished is not made again"
    one, other = (json.loads((folder / "gains.json").read_text()) for folder in (whole, dest))
    assert len(one["runs"]) == 3 and one["runs"] == other["runs"]
    mine, theirs = (tables(folder)["evidence"]["judgement"] for folder in (whole, dest))
    assert [score["within"] for score in mine["scores"]] == [score["within"] for score in theirs["scores"]]


def kill_all(command: list[str], folder: Path, once_there: Path) -> None:
    """Start a script, and kill it and all that it has started as soon as a file is there; none can tidy up."""
    process = subprocess.Popen([sys.executable, *command], cwd=folder, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL, start_new_session=True)  # fmt: skip
    deadline = time.monotonic() + 120
    while not once_there.exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
    numbers = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdecimal()]
    members = [number for number in numbers if session(number) == process.pid]
    assert len(members) > 1, "the script itself, and the training that it has started in a group of its own"
    for number in members:
        with suppress(ProcessLookupError):
            os.kill(number, signal.SIGKILL)
    assert process.wait(timeout=60) == -signal.SIGKILL
    while any(map(lives, members)) and time.monotonic() < deadline:
        time.sleep(0.01)


def session(number: int) -> int | None:
    """Of a process, by its number; None if it has ended."""
    with suppress(ProcessLookupError, PermissionError):
        return os.getsid(number)
    return None


def lives(number: int) -> bool:
    """Whether a process has not ended yet; one that has may stay listed, as a zombie that nobody has asked for."""
    with suppress(OSError):
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False
