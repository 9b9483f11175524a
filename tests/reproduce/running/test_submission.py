"""Runs given to processes that outlive the terminal, by submitit's local executor; what is known of them later."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from conftest import REPOSITORY
from small_tables import finish, plans, rooms_at

from configs import UserError
from reproduce.plan import TablePlan
from reproduce.running import submission
from reproduce.running.cluster import FOLDER, Cluster, parameter, states_of
from reproduce.running.submission import RECORD, runs_under_way, see_that_none_is_under_way, submit
from reproduce.units import Unit

SUBMIT = """
import sys
sys.path[:0] = {paths!r}
from pathlib import Path
from types import SimpleNamespace
from reproduce.running.cluster import Cluster
from small_runs import Runs
runs = Runs(Path({folder!r}))
setup = SimpleNamespace(
    config=SimpleNamespace(name="small"), dest=runs.folder, num_workers=0, flags=SimpleNamespace(device="cpu")
)
units = [runs.unit("a", until="go", steps=2), runs.unit("b", after="a"), runs.unit("c", status=2)]
cluster = Cluster("local", threads=3)
given = cluster.give(cluster.executor(setup), setup, units)
assert [[unit.run.name for unit in some] for _, some in given] == [["a", "b", "c"]]
print(given[0][0], flush=True)
sys.stdin.read()
"""


def until(there: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not there() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert there()


def test_a_job_goes_on_when_the_terminal_that_gave_it_closes(tmp_path: Path) -> None:
    pytest.importorskip("submitit")
    code = SUBMIT.format(paths=[str(REPOSITORY), str(REPOSITORY / "tests")], folder=str(tmp_path))
    shell = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert shell.stdin is not None and shell.stdout is not None
    job = shell.stdout.readline().strip()
    until((tmp_path / "a.begun").exists)
    os.killpg(shell.pid, signal.SIGHUP)
    assert shell.wait(30) == -signal.SIGHUP
    assert states_of({job: "local"}, tmp_path) == {job: "running"}
    (tmp_path / "go.begun").touch()
    until((tmp_path / FOLDER / f"{job}_0_result.pkl").exists)
    assert states_of({job: "local"}, tmp_path) == {}
    order = (tmp_path / "order").read_text().splitlines()
    assert order[:6] == ["begin a", "end a", "begin a1", "end a1", "begin b", "end b"] and "begin c" in order
    assert "error: c is broken" in (tmp_path / "c.log").read_text(), "what a run prints is in its log"


class Queue:
    """A cluster that keeps what it is given, and says of it what a test wants."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.given: list[list[str]] = []
        self.states: dict[str, str] = {}
        monkeypatch.setattr(Cluster, "executor", lambda *_: None)
        monkeypatch.setattr(Cluster, "give", lambda cluster, executor, setup, units: self.give(units))
        known = self.states
        monkeypatch.setattr(submission, "states_of", lambda jobs, _: {job: known[job] for job in jobs if job in known})

    def give(self, units: list[Unit]) -> list[tuple[str, list[Unit]]]:
        self.given.append([unit.run.name for unit in units])
        number = f"{len(self.given)}00"
        self.states.update({f"{number}_{place}": "queued" for place in range(len(units))})
        return [(f"{number}_{place}", [unit]) for place, unit in enumerate(units)]


@pytest.fixture
def queue(monkeypatch: pytest.MonkeyPatch) -> Queue:
    return Queue(monkeypatch)


@pytest.fixture
def plan(rooms: Path, tmp_path: Path) -> TablePlan:
    flags = ["--tasks", "edge", "--dest", tmp_path / "out", *rooms_at(rooms)]
    small = ["model.backbone=small_networks:few_layers", "model.rates=[1]", "data.crop=32", "data.batch_size=2"]
    flags += [word for text in small for word in ("--set", text)]
    found = plans("sample", *flags, tables=["sparsity"], methods=("baseline", "random"), max_iters=4)["sparsity"]
    (tmp_path / "out").mkdir()
    return found


def call(plan: TablePlan) -> Any:
    return submit(plan.setup, [plan], False, Cluster("slurm"), 0.0)


def test_called_again_it_collects_what_is_finished_and_submits_only_what_nobody_has(
    plan: TablePlan, queue: Queue, capsys: pytest.CaptureFixture
) -> None:
    dense, pruned = plan.runs
    assert call(plan).tables["sparsity"].finished == 0
    assert queue.given == [[dense.name, pruned.name]]
    assert "Submitted 2 runs, slurm 100_0 to 100_1" in capsys.readouterr().out
    record = json.loads((plan.setup.dest / RECORD).read_text())["jobs"]
    assert [(job["job"], job["runs"]) for job in record] == [("100_0", [dense.name]), ("100_1", [pruned.name])]
    queue.states["100_0"] = "running"
    call(plan)
    assert len(queue.given) == 1, "what is queued or running is left alone"
    said = capsys.readouterr().out
    assert "running, slurm 100_0" in said and "queued, slurm 100_1" in said
    with pytest.raises(UserError, match=f"'{dense.name}' and 1 more: submitted already .*give the same --launcher"):
        see_that_none_is_under_way(plan.setup, [plan])
    finish(dense)
    queue.states.clear()  # the other one's time was over
    file = call(plan)
    assert file.tables["sparsity"].finished == 1 and (plan.setup.dest / "tables.md").exists()
    assert queue.given[1:] == [[pruned.name]]
    ended = f"{pruned.name}: its job 100_1 ended before it was finished; "
    assert f"{ended}it had not begun\n" in capsys.readouterr().out
    finish(pruned)
    queue.states.clear()
    assert call(plan).tables["sparsity"].finished == 2 and len(queue.given) == 2
    assert runs_under_way(plan.setup.dest) == {}
    see_that_none_is_under_way(plan.setup, [plan])


def test_a_job_that_ended_early_names_what_says_why(
    plan: TablePlan, queue: Queue, capsys: pytest.CaptureFixture
) -> None:
    call(plan)
    queue.states.clear()
    dense, pruned = plan.runs
    errors = plan.setup.dest / FOLDER / "100_1_0_log.err"
    for path in (dense.log, pruned.log, errors, errors.with_name("100_0_0_log.err")):
        path.parent.mkdir(exist_ok=True)
        path.touch()
    dense.log.write_text("error: no data")
    errors.write_text("slurmstepd: error: *** JOB 100 CANCELLED DUE TO TIME LIMIT ***")
    call(plan)
    said = capsys.readouterr().out
    assert f"its job 100_0 ended before it was finished; see {dense.log}\n" in said
    assert f"its job 100_1 ended before it was finished; see {errors}\n" in said


def test_what_the_queue_says_of_jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = {"stdout": "7_0 RUNNING\n7_1 PENDING\n7_2 COMPLETING\n8 REQUEUED\n", "stderr": "", "returncode": 0}
    monkeypatch.setattr(subprocess, "run", lambda command, **_: SimpleNamespace(**answers))
    jobs: Any = dict.fromkeys(("7_0", "7_1", "7_3"), "slurm")
    assert states_of(jobs, tmp_path) == {"7_0": "running", "7_1": "queued"}
    answers |= {"stdout": "", "stderr": "slurm_load_jobs error: Invalid job id specified", "returncode": 1}
    assert states_of(jobs, tmp_path) == {}, "it says so of a job long over"
    answers["stderr"] = "slurm_load_jobs error: Unable to contact slurm controller"
    with pytest.raises(UserError, match="Unable to contact slurm controller; try again later"):
        states_of(jobs, tmp_path)


def test_parameters_of_submitit() -> None:
    assert parameter("timeout_min=90") == ("timeout_min", 90)
    assert parameter("slurm_partition=gpu") == ("slurm_partition", "gpu")
    for wrong in ("timeout_min", "=3", "a b=3"):
        with pytest.raises(UserError, match="is not key=value, for instance"):
            parameter(wrong)


def test_a_launcher_that_is_not_there_is_one_line(
    plan: TablePlan, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))  # no sbatch
    with pytest.raises(UserError, match="--launcher slurm: .*; --submit sets its parameters"):
        Cluster("slurm").executor(plan.setup)
    with pytest.raises(UserError, match="--launcher local: .*nonsense"):
        Cluster("local", parameters={"nonsense": 1}).executor(plan.setup)
    monkeypatch.setitem(sys.modules, "submitit", None)
    with pytest.raises(UserError, match="submitit is not installed; pip install submitit"):
        Cluster("local").executor(plan.setup)
