"""reproduce_tables.py as a user runs it: plans, runs, pages, going on, mistakes."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest
from conftest import REPOSITORY, Script, assert_user_error, tiny

from training.checkpoints.checkpoint import read_checkpoint

Reproduce = Callable[..., CompletedProcess]
TWO = ["--tasks", "sn,edge", "--max_iters", "2"]


def usual(rooms: Path, dest: Path) -> list[str]:
    return [*tiny(rooms), "--set", "scoring.num_batches=2", "--device", "cpu", "--dest", str(dest)]


@pytest.fixture
def reproduce(run_script: Script, rooms: Path, tmp_path: Path) -> Reproduce:
    """Run the script on small pictures, with results in ``tmp_path / "out"``."""
    return lambda *flags, **options: run_script(
        "reproduce_tables.py", *usual(rooms, tmp_path / "out"), *flags, **options
    )


def tables(dest: Path) -> dict[str, Any]:
    return json.loads((dest / "tables.json").read_text())["tables"]


def listing(result: CompletedProcess) -> list[tuple[str, str]]:
    """What a dry run says of each command: its state and the command's first words."""
    pattern = re.compile(r"(done|to do|other settings|from iteration \d+) .*?python (\w+\.py.*?) --")
    lines = [pattern.match(line) for line in result.stdout.splitlines()]
    return [(line[1], line[2]) for line in lines if line]


def test_every_table_of_two_tasks_and_the_second_call_does_nothing(
    reproduce: Reproduce, in_this_process: list[str], tmp_path: Path
) -> None:
    result = reproduce(*TWO)
    assert result.returncode == 0, result.stderr
    train, evaluate, prune = "launch_training.py", "eval_pruned_net.py", "create_pruned_net.py"
    assert in_this_process == [
        "static_similarity.py", *[train, evaluate] * 3, prune, train, evaluate, train, evaluate, prune, train, evaluate,
    ]  # fmt: skip
    dest = tmp_path / "out"
    text = (dest / "tables.md").read_text()
    for words in ("# Tables of sample", "sn/edge", "| alone ", "| with sn ", "| disparse_pt ", "| 90.00 % "):
        assert words in text, words
    found = tables(dest)
    assert [row["method"] for row in found["sparsity"]["rows"]] == [
        "baseline", "disparse_static", "disparse_dynamic", "disparse_pt",
    ]  # fmt: skip
    evaluated = json.loads((dest / "eval_sample_disparse_pt_90_sn_edge.json").read_text())["metrics"]["edge"]["err"]
    assert found["sparsity"]["rows"][3]["values"]["edge"]["err"]["ours"] == pytest.approx(evaluated)
    assert str(dest / "tables.md") in result.stdout
    before = {path: path.read_bytes() for path in dest.glob("tables.*")}
    in_this_process.clear()
    assert reproduce(*TWO).returncode == 0
    assert in_this_process == []
    assert (dest / "tables.md").read_bytes() == before[dest / "tables.md"]
    again = reproduce(*TWO, "--dry_run")
    assert [state for state, _ in listing(again)] == ["done"] * 15
    assert "0 of 15 commands to do. Everything is done." in again.stdout


def test_another_call_extends_the_page(reproduce: Reproduce, in_this_process: list[str], tmp_path: Path) -> None:
    one = ["--tasks", "edge", "--max_iters", "2", "--table", "sparsity", "--methods"]
    assert reproduce(*one, "random", "--ratio", "90").returncode == 0
    assert reproduce(*one, "baseline,random", "--ratio", "30").returncode == 0
    rows = [(row["method"], row["ratio"]) for row in tables(tmp_path / "out")["sparsity"]["rows"]]
    assert rows == [("baseline", None), ("random", 30), ("random", 90)]
    assert len(in_this_process) == 3 + 5
    in_this_process.clear()
    result = reproduce("--tasks", "sn,edge", "--max_iters", "2", "--table", "similarity")
    assert result.returncode == 0 and in_this_process == ["static_similarity.py"]
    assert list(tables(tmp_path / "out")) == ["sparsity", "similarity"]
    text = (tmp_path / "out" / "tables.md").read_text()
    assert text.index("sn/edge") < text.index("| random ")


def test_a_dry_run_lists_the_commands_with_their_time_and_writes_nothing(
    reproduce: Reproduce, in_this_process: list[str], tmp_path: Path
) -> None:
    result = reproduce(*TWO, "--table", "sparsity", "--dry_run")
    assert result.returncode == 0, result.stderr
    assert [state for state, _ in listing(result)] == ["to do"] * 10
    commands = [line.split("python ")[1] for line in result.stdout.splitlines()[:-1]]
    assert commands[0].startswith("launch_training.py --method baseline --max_iters 2 --resume")
    assert "create_pruned_net.py --method disparse_pt --ratio 90" in commands[7]
    assert all("--tasks sn,edge" in command and "--set data.crop=40" in command for command in commands)
    assert re.search(r"10 of 10 commands to do\. In all about \d+ \w+, .* GiB of checkpoints", result.stdout)
    assert re.search(r"[\d.e-]+ s for a training step and [\d.e-]+ s for an evaluated image", result.stdout)
    assert not (tmp_path / "out").exists() and in_this_process == []


def test_ctrl_c_keeps_what_is_done_and_the_same_command_goes_on(
    reproduce: Reproduce, in_this_process: list[str], rooms: Path, tmp_path: Path
) -> None:
    """Interrupted as users do it, with the child in a process of its own."""
    dest = tmp_path / "out"
    flags = ["--tasks", "edge", "--max_iters", "60", "--table", "sparsity", "--methods", "baseline"]
    command = [sys.executable, str(REPOSITORY / "reproduce_tables.py"), *usual(rooms, dest), *flags]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    log, deadline = dest / "logs" / "sample_baseline_edge.log", time.monotonic() + 120
    while "Starting" not in (log.read_text() if log.exists() else "") and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "interrupted; what is finished is kept; the same command goes on" in err and "Traceback" not in err
    last = dest / "last_sample_baseline_edge.pth"
    was_saved = last.exists()
    reached = read_checkpoint(last, ["edge"]).training["iteration"] if was_saved else 0  # type: ignore[index]
    assert reached < 60
    result = reproduce(*flags)
    assert result.returncode == 0, result.stderr
    begin = f"iteration {reached}" if was_saved else "the beginning"
    assert f"Starting from {begin}" in log.read_text().split("$")[2]
    assert tables(dest)["sparsity"]["finished"] == 1
    assert "| baseline " in (dest / "tables.md").read_text()


@pytest.mark.parametrize(
    ("ended", "status", "words"),
    [(2, 2, "ended with status 2"), (1, 1, "ended with status 1"), (-9, 1, "was ended by signal 9")],
)
def test_a_failing_child_ends_the_whole_with_its_command_and_its_log(
    reproduce: Reproduce, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, ended: int, status: int, words: str
) -> None:
    monkeypatch.setattr("reproduce.running.children.run_child", lambda *_, **__: ended)
    result = reproduce("--table", "sparsity", "--methods", "snip")
    assert result.returncode == status
    line = result.stderr.strip()
    assert line.startswith("error: `python create_pruned_net.py --method snip --ratio 90 ") and "\n" not in line
    assert line.endswith(f"{words}; its output: {tmp_path / 'out' / 'logs' / 'sample_snip_90.log'}")
    assert not (tmp_path / "out" / "tables.md").exists()


def test_an_interrupted_child_ends_the_whole_with_130(
    reproduce: Reproduce, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reproduce.running.children.run_child", lambda *_, **__: 130)
    result = reproduce("--table", "sparsity")
    assert result.returncode == 130 and "the same command goes on" in result.stderr


def test_runs_of_other_settings_are_refused_and_a_dry_run_lists_them(
    reproduce: Reproduce, in_this_process: list[str]
) -> None:
    flags = ["--tasks", "edge", "--max_iters", "1", "--table", "sparsity", "--methods", "baseline"]
    assert reproduce(*flags).returncode == 0
    in_this_process.clear()
    changed = [*flags, "--set", "data.crop=33"]
    dry = reproduce(*changed, "--dry_run")
    assert dry.returncode == 0, dry.stderr
    assert [state for state, _ in listing(dry)] == ["other settings", "to do"]
    words = "data.crop was [40, 40] and is [33, 33]; --force trains it anew"
    assert words in dry.stdout
    assert_user_error(reproduce(*changed), words, "last_sample_baseline_edge.pth")
    assert in_this_process == []
    assert [state for state, _ in listing(reproduce(*changed, "--dry_run", "--force"))] == ["to do", "to do"]
    assert reproduce(*changed, "--force").returncode == 0
    assert in_this_process == ["launch_training.py", "eval_pruned_net.py"]


def test_further_seeds_are_added_to_the_first(
    reproduce: Reproduce, in_this_process: list[str], tmp_path: Path
) -> None:
    flags = ["--tasks", "sn,edge", "--max_iters", "1", "--table", "cotraining"]
    assert reproduce(*flags).returncode == 0
    before = len(in_this_process)
    assert reproduce(*flags, "--num_seeds", "2").returncode == 0
    assert len(in_this_process) - before == 3 * 2, "the first seed is there already"
    file = json.loads((tmp_path / "out" / "tables.json").read_text())
    section = file["tables"]["cotraining"]
    assert section["settings"]["seeds"] == [0, 1] and section["finished"] == section["planned"] == 6
    cell = section["rows"][0]["values"]["sn"]["Angle Mean"]
    second = json.loads((tmp_path / "out" / "seed_1" / "eval_sample_baseline_sn.json").read_text())
    assert cell["seeds"]["1"] == second["metrics"]["sn"]["Angle Mean"] != cell["seeds"]["0"]
    assert cell["ours"] == pytest.approx(sum(cell["seeds"].values()) / 2) and cell["stderr"] > 0
    name, made_of = "eval_sample_baseline_sn.json", file["identity"]["made_of"]
    assert len(made_of) == 7 and made_of[f"seed_1/{name}"] != made_of[name]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--table", "spam"], ["--table", "spam", "cotraining"]),
        (["--ratio", "30,100"], ["--ratio", "'100'"]),
        (["--methods", "baseline,spam"], ["--methods", "'spam'", "disparse_pt"]),
        (["--max_iters", "0"], ["--max_iters", "'0'"]),
        (["--tasks", "edge", "--table", "cotraining"], ["cotraining", "--tasks", "two or more"]),
        (["--num_seeds", "0"], ["--num_seeds", "'0'"]),
        (["--tasks", "spam"], ["--tasks", "spam"]),
        (["--dest", "/proc/nowhere"], ["--dest", "/proc/nowhere"]),
    ],
)
def test_a_mistake_is_one_line_and_status_2(
    reproduce: Reproduce, in_this_process: list[str], tmp_path: Path, arguments: list[str], words: list[str]
) -> None:
    assert_user_error(reproduce(*arguments), *words)
    assert in_this_process == [] and not (tmp_path / "out" / "logs").exists()


def test_data_that_are_not_there_are_asked_for(run_script: Script) -> None:
    assert_user_error(run_script("reproduce_tables.py", "--dataset", "nyuv2", "--dry_run"), "--data_root")


def test_a_disk_too_small_for_all_runs_is_reported_first(
    reproduce: Reproduce, in_this_process: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1_000_000))
    assert_user_error(reproduce(*TWO, "--table", "cotraining"), "--dest", "0.0 GiB free", "3 runs", "free some space")
    assert in_this_process == []


def test_it_starts_its_processes_itself(reproduce: Reproduce, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "WORLD_SIZE", "2")
    assert_user_error(reproduce(), "without torchrun")


def test_a_damaged_tables_json_is_written_anew(
    reproduce: Reproduce, in_this_process: list[str], tmp_path: Path
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "tables.json").write_text('{"schema": 1, "dataset": "sample", "tables": {')
    result = reproduce("--tasks", "edge", "--max_iters", "1", "--table", "sparsity", "--methods", "baseline")
    assert result.returncode == 0, result.stderr
    assert list(tables(tmp_path / "out")) == ["sparsity"]


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


def test_evidence_that_was_killed_goes_on_with_the_run_in_work(
    reproduce: Reproduce, in_this_process: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import reproduce.running.children as children

    run_child = children.run_child

    def killed(words: list[str], *rest: object, **options: object) -> int:
        if words[0] == "launch_training.py" and "sn,edge" in words:
            return -9
        return run_child(words, *rest, **options)

    with monkeypatch.context() as patch:
        patch.setattr(children, "run_child", killed)
        assert reproduce(*EVIDENCE).returncode == 1
    assert len(json.loads((tmp_path / "out" / "gains.json").read_text())["runs"]) == 2
    in_this_process.clear()
    assert reproduce(*EVIDENCE).returncode == 0
    assert in_this_process == ["launch_training.py", "eval_pruned_net.py"]
    assert len(json.loads((tmp_path / "out" / "gains.json").read_text())["runs"]) == 3
