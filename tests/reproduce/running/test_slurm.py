"""reproduce_tables.py --launcher slurm and a Slurm of one node: submitted, cancelled, submitted again, collected."""

import json
import os
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from conftest import REPOSITORY, Script, tiny
from one_node_slurm import PATIENCE, NoSlurm, one_node_slurm, until

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
            "--table", "sparsity", "--methods", "baseline", "--num_seeds", "2"]  # fmt: skip


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
    slurm: None, run_script: Script, in_this_process: list[str], rooms: Path, tmp_path: Path
) -> None:
    dest, node = tmp_path / "out", f"NodeName={socket.gethostname().partition('.')[0]}"
    words = [*flags(rooms, dest), "--launcher", "slurm"]
    runs = ["sample_baseline_edge", "seed_1/sample_baseline_edge"]

    def call(*more: str) -> str:
        result = run_script("reproduce_tables.py", *words, *more)
        assert result.returncode == 0, result.stderr
        return result.stdout

    tell("scontrol", "update", node, "State=DRAIN", "Reason=test")
    said = from_a_shell_that_closes([sys.executable, str(REPOSITORY / "reproduce_tables.py"), *words], tmp_path)
    assert "Submitted 2 runs, slurm " in said, said
    first = jobs_of(dest)
    assert list(first) == runs and queue() == dict.fromkeys(first.values(), "PENDING")
    said = call()
    assert "Submitted" not in said and jobs_of(dest) == first, said
    assert all(f"queued, slurm {job} " in said for job in first.values()), said

    tell("scontrol", "update", node, "State=RESUME")
    cancelled, log = first[runs[0]], dest / "logs" / f"{runs[0]}.log"
    until(log.exists, "a job to begin", LONG)
    tell("scancel", cancelled)
    until(lambda: cancelled not in queue(), "its end", LONG)
    said = call()
    assert f"sample_baseline_edge: its job {cancelled} ended before it was finished; see {log} and {dest}" in said, said
    assert "Submitted 1 run, slurm " in said and jobs_of(dest)[runs[0]] not in first.values(), said

    until(lambda: not queue(), "all jobs to end", LONG)
    assert "Submitted" not in call() and table(dest)["finished"] == 2
    assert "0 of 4 commands to do. Everything is done." in call("--dry_run")
    assert in_this_process == [] and queue() == {}
    here = run_script("reproduce_tables.py", *flags(rooms, tmp_path / "here"))
    assert here.returncode == 0 and len(in_this_process) == 4, here.stderr
    assert table(dest) == table(tmp_path / "here")
