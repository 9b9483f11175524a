"""launch_training.py as a user runs it: from the first step to the last, cut off in between, and what it refuses."""

import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pandas as pd
import pytest
import torch
from conftest import REPOSITORY, Script, assert_user_error, tiny
from small_training import assert_same_run, job_for, setup_for, short

from training.checkpoints import keeping
from training.checkpoints.checkpoint import read_checkpoint

Launch = Callable[..., CompletedProcess]
DRAW = keeping.draw_curves
LONG = short("train.max_iters=40", "train.eval_interval=15", "train.save_interval=1")


@pytest.fixture
def launch(run_script: Script, rooms: Path, monkeypatch: pytest.MonkeyPatch) -> Launch:
    """Run the script on small pictures, with results in ``out``."""
    monkeypatch.setattr(keeping, "draw_curves", lambda *arguments: None)
    flags = [*tiny(rooms), *short(), "--device", "cpu", "--dest", "out"]
    return lambda *more: run_script("launch_training.py", *flags, *more)


def test_dense_then_pruned_then_trained_again(launch: Launch, run_script: Script, tmp_path: Path) -> None:
    first = launch("--tasks", "seg,edge")
    assert first.returncode == 0, first.stderr
    assert "iteration 6: seg mIoU" in first.stdout and "(best so far)" in first.stdout
    run = "sample_baseline_seg_edge"
    names = [f"best_{run}.pth", f"final_{run}.pth", f"last_{run}.pth", f"{run}.csv"]
    names += [".sizes_train.txt", ".sizes_test.txt"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(names)

    pruned = ["--tasks", "seg,edge", "--method", "disparse_static", "--ratio", "70"]
    early = launch(*pruned)
    assert_user_error(early, "sample_disparse_static_70_seg_edge.pth", "first run: python create_pruned_net.py")
    command = shlex.split(early.stderr.split("first run: python ")[1])
    made = run_script(*command, "--num_batches", "1")
    assert made.returncode == 0, made.stderr
    assert_user_error(launch(*pruned, "--seed", "7"), "pruned with seed 0", "--seed 0")
    second = launch(*pruned)
    assert second.returncode == 0, second.stderr
    final = read_checkpoint(tmp_path / "out" / "final_sample_disparse_static_70_seg_edge.pth", [])
    start = read_checkpoint(tmp_path / "out" / "sample_disparse_static_70_seg_edge.pth", [])
    assert all(torch.equal(mask, start.masks[name]) for name, mask in final.masks.items())
    assert final.ratio == 70 and final.training is None and final.details["iteration"] == 6


def test_a_finished_run_is_not_trained_again_unasked(
    launch: Launch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert launch("--tasks", "edge", "--max_iters", "2").returncode == 0
    before = {path: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    assert_user_error(launch("--tasks", "edge", "--max_iters", "2"), "--resume", "--force")
    again = launch("--tasks", "edge", "--max_iters", "2", "--resume")
    assert again.returncode == 0 and "Finished already" in again.stdout
    assert before == {path: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    monkeypatch.setattr(keeping, "draw_curves", DRAW)
    picture = tmp_path / "out" / "sample_baseline_edge.png"
    left = picture.with_name(f".{picture.name}.999999999.abc.tmp")
    left.touch()  # as after a kill while it was drawn
    assert launch("--tasks", "edge", "--max_iters", "2", "--resume").returncode == 0
    assert picture.exists() and not left.exists()
    anew = launch("--tasks", "edge", "--max_iters", "1", "--force")
    assert anew.returncode == 0 and "1 iteration in" in anew.stdout


def test_what_weights_grow_back_with_is_a_flag(launch: Launch, tmp_path: Path) -> None:
    dynamic = ["--tasks", "edge", "--method", "disparse_dynamic", "--ratio", "50", "--max_iters", "1"]
    for regrow in ("zero", "stored"):
        assert launch(*dynamic, "--force", "--regrow", regrow).returncode == 0
        file = tmp_path / "out" / "final_sample_disparse_dynamic_50_edge.pth"
        assert torch.load(file, weights_only=True)["config"]["dynamic"]["regrow"] == regrow


def test_resuming_without_an_earlier_run_begins(launch: Launch) -> None:
    result = launch("--tasks", "edge", "--max_iters", "1", "--resume")
    assert result.returncode == 0 and "the beginning, there is no earlier run" in result.stdout


def test_terminated_and_killed_a_run_ends_as_if_nothing_had_happened(
    launch: Launch, rooms: Path, tmp_path: Path
) -> None:
    task = ["--tasks", "seg"]
    assert launch(*task, *LONG, "--dest", "whole").returncode == 0
    whole, cut = (job_for(setup_for(rooms, tmp_path / d, *task, *LONG)) for d in ("whole", "cut"))
    flags = [*tiny(rooms), *short(), "--device", "cpu", *task, *LONG, "--num_workers", "1", "--dest", "cut", "--resume"]

    terminated = start(tmp_path, flags)
    wait_for(cut.last)
    wait_for(cut.last, later_than=cut.last.stat().st_mtime_ns)  # beyond the state before the first step
    terminated.send_signal(signal.SIGTERM)
    _, stderr = terminated.communicate(timeout=60)
    assert terminated.returncode == 130
    assert "interrupted; saved iteration" in stderr and "--resume goes on" in stderr and "Traceback" not in stderr
    reached = read_checkpoint(cut.last, []).training["iteration"]
    assert 0 < reached < 40

    killed = start(tmp_path, flags)
    stamp = cut.last.stat().st_mtime_ns
    wait_for(cut.last, later_than=stamp)
    killed.kill()
    killed.communicate(timeout=60)
    assert reached < read_checkpoint(cut.last, []).training["iteration"] < 40

    assert launch(*task, *LONG, "--dest", "cut", "--resume").returncode == 0
    assert_same_run(whole, cut)
    assert list(pd.read_csv(cut.log)["iteration"]) == list(range(1, 41))


def start(folder: Path, flags: list[str]) -> subprocess.Popen:
    command = [sys.executable, str(REPOSITORY / "launch_training.py"), *flags]
    environment = {**os.environ, "OMP_NUM_THREADS": str(torch.get_num_threads())}
    return subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def wait_for(path: Path, later_than: int = 0) -> None:
    """Wait until a file is there and newer than this."""
    deadline = time.monotonic() + 60
    while not (path.exists() and path.stat().st_mtime_ns > later_than):
        assert time.monotonic() < deadline, f"{path} was not written"
        time.sleep(0.005)


def test_killed_while_saving_a_run_has_its_old_checkpoint(launch: Launch, rooms: Path, tmp_path: Path) -> None:
    assert launch("--tasks", "edge", "--max_iters", "2").returncode == 0
    job = job_for(setup_for(rooms, tmp_path / "out", "--tasks", "edge"), max_iters=6)
    before = job.last.read_bytes()
    child = os.fork()
    if child == 0:
        torch.set_num_threads(1)  # a forked process has none of its parent's threads
        save = torch.save

        def half(content: object, path: Path) -> None:
            save(content, path)
            os.truncate(path, path.stat().st_size // 2)
            os.kill(os.getpid(), signal.SIGKILL)

        torch.save = half
        launch("--tasks", "edge", "--resume")
        os._exit(1)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL
    leftovers = list(job.last.parent.glob(".*.tmp"))
    assert len(leftovers) == 1
    assert job.last.read_bytes() == before
    assert launch("--tasks", "edge", "--resume").returncode == 0
    assert not leftovers[0].exists()
    assert read_checkpoint(job.final, []).details["iteration"] == 6


def test_a_rate_that_is_far_too_high_is_reported(launch: Launch) -> None:
    result = launch("--tasks", "seg,edge", "--set", "train.lr=1e30")
    assert_user_error(result, "the loss of task 'seg' is nan in iteration 2", "lower learning rate")


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--method", "disparse"], ["--method", "(--method; baseline: a dense network)", "disparse_static", "rigl"]),
        (["--method", "rigl", "--ratio", "100"], ["--ratio", "100"]),
        (["--max_iters", "0"], ["--max_iters"]),
        (["--tasks", "seg,segg"], ["segg", "keypoint"]),
        (["--set", "train.learning_rate=1"], ["train.learning_rate", "unknown key"]),
        (["--set", "dynamic.end=100", "--method", "rigl"], ["dynamic.end"]),
        (["--dataset", "nyuv3"], ["nyuv3", "nyuv2"]),
        (["--device", "cuda:9"], ["cuda"]),
        (["--resume", "--force"], ["--resume", "--force"]),
    ],
)
def test_mistakes_are_one_line(flags: list[str], words: list[str], launch: Launch) -> None:
    assert_user_error(launch(*flags), *words)


def test_a_damaged_checkpoint_is_one_line(launch: Launch, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "last_sample_baseline_edge.pth").write_bytes(b"\x80\x04cos\nsystem\n")
    assert_user_error(launch("--tasks", "edge", "--resume"), "last_sample_baseline_edge.pth", "refused")


def test_a_folder_that_is_a_file_is_one_line(launch: Launch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    assert_user_error(launch("--dest", "file"), "--dest", "file")
