"""reproduce_tables.py --launcher slurm with a Slurm of one node: submitted, looked at, cancelled, done again, collected."""

import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from conftest import REPOSITORY, Script, assert_user_error, tiny
from one_node_slurm import PATIENCE, NoSlurm, one_node_slurm, until

from reproduce.running.cluster import FOLDER
from reproduce.running.submission import RECORD

LONG = 3 * PATIENCE
"""Seconds that a job may take on a busy machine."""


@pytest.fixture
def slurm(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """In the environment, as at the login of a cluster."""
    pytest.importorskip("submitit")
    with ExitStack() as stack:
        try:
            variables = stack.enter_context(one_node_slurm())
        except NoSlurm as reason:
            pytest.skip(f"no Slurm to submit to, so that only submitit's local executor was tried; {reason}")
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        yield


def flags(rooms: Path, dest: Path) -> list[str]:
    return [*tiny(rooms), "--device", "cpu", "--dest", str(dest), "--tasks", "edge", "--max_iters", "2",
            "--table", "sparsity", "--methods", "baseline,random"]  # fmt: skip


def from_a_shell_that_closes(command: list[str], folder: Path) -> str:
    """What a command says, given in a login shell that is hung up as soon as it has said all."""
    shell = subprocess.Popen(
        ["bash"], cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        start_new_session=True,
    )  # fmt: skip
    assert shell.stdin is not None and shell.stdout is not None
    shell.stdin.write(f"{shlex.join(command)}\necho status $?\n")
    shell.stdin.flush()
    said = "".join(iter(lambda: said_line(shell), ""))
    os.killpg(shell.pid, signal.SIGHUP)
    assert shell.wait(PATIENCE) == -signal.SIGHUP
    return said


def said_line(shell: subprocess.Popen) -> str:
    line = shell.stdout.readline() if shell.stdout is not None else ""
    return "" if line == "status 0\n" else line


def queue() -> dict[str, str]:
    """What Slurm has: number -> state."""
    command = ["squeue", "--noheader", "--array", "--format=%i %T"]
    lines = subprocess.run(command, check=True, capture_output=True, text=True, timeout=PATIENCE).stdout.splitlines()
    return dict(line.split() for line in lines)  # type: ignore[misc]


def tell(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, timeout=PATIENCE)


def jobs_of(dest: Path) -> dict[str, str]:
    """run -> its job, as recorded."""
    return {run: job["job"] for job in json.loads((dest / RECORD).read_text())["jobs"] for run in job["runs"]}


def table(dest: Path) -> dict[str, Any]:
    return json.loads((dest / "tables.json").read_text())["tables"]["sparsity"]


@pytest.mark.slow
def test_runs_given_to_slurm_give_the_table_of_those_made_here(
    slurm: None, run_script: Script, rooms: Path, tmp_path: Path
) -> None:
    dest, node = tmp_path / "out", os.uname().nodename.partition(".")[0]
    words = [*flags(rooms, dest), "--launcher", "slurm"]
    dense, pruned = "sample_baseline_edge", "sample_random_90_edge"

    def call(*more: str) -> str:
        result = run_script("reproduce_tables.py", *words, *more)
        assert result.returncode == 0, result.stderr
        return result.stdout

    tell("scontrol", "update", f"NodeName={node}", "State=DRAIN", "Reason=test")
    said = from_a_shell_that_closes([sys.executable, str(REPOSITORY / "reproduce_tables.py"), *words], tmp_path)
    assert "Submitted 2 runs, slurm " in said, said
    first = jobs_of(dest)
    assert queue() == {first[dense]: "PENDING", first[pruned]: "PENDING"}
    said = call()
    assert "Submitted" not in said and jobs_of(dest) == first, said
    assert f"queued, slurm {first[dense]} " in said and f"queued, slurm {first[pruned]} " in said, said

    tell("scontrol", "update", f"NodeName={node}", "State=RESUME")
    until((dest / "logs" / f"{dense}.log").exists, "a job to begin", LONG)
    tell("scancel", first[dense])
    until(lambda: not queue(), "the other job to end", LONG)
    said = call()
    assert f"{dense}: its job {first[dense]} ended before it was finished; see {dest}" in said, said
    assert "Submitted 1 run, slurm " in said and table(dest)["finished"] == 1, said
    second = jobs_of(dest)
    assert list(second) == [dense] and second[dense] != first[dense]

    until(lambda: not queue(), "the second job to end", LONG)
    assert "Submitted" not in call()
    assert "0 of 5 commands to do. Everything is done." in call("--dry_run") and queue() == {}
    here = run_script("reproduce_tables.py", *flags(rooms, tmp_path / "here"))
    assert here.returncode == 0, here.stderr
    assert table(dest) == table(tmp_path / "here") and table(dest)["finished"] == 2
