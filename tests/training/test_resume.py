"""Going on with a run or not: what is there, what differs, what fits on the disk."""

import shutil
from collections import namedtuple
from pathlib import Path

import pytest
from small_training import job_for, setup_for, train, trainer_for

from configs import UserError
from configs.affects import flatten
from training import loop, resume
from training.names import run_name
from training.resume import check_space, earlier_run, is_finished

Usage = namedtuple("Usage", "total used free")


@pytest.fixture(autouse=True)
def no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "draw_curves", lambda *arguments: None)


@pytest.fixture
def done(rooms: Path, tmp_path: Path) -> Path:
    """A folder with a finished run of two iterations."""
    train(job_for(setup_for(rooms, tmp_path, "--tasks", "edge"), max_iters=2))
    return tmp_path


def job(rooms: Path, dest: Path, *more: str, max_iters: int = 2, method: str = "baseline"):
    return job_for(setup_for(rooms, dest, "--tasks", "edge", *more), method, max_iters=max_iters)


def test_work_is_not_overwritten_unasked(rooms: Path, done: Path) -> None:
    with pytest.raises(UserError, match="last_sample_baseline_edge.pth is there already; .*--resume, .*--force"):
        earlier_run(job(rooms, done), resume=False, force=False)
    assert is_finished(job(rooms, done), earlier_run(job(rooms, done), resume=True, force=False))


def test_force_removes_what_could_pass_for_the_new_run(rooms: Path, done: Path) -> None:
    assert earlier_run(job(rooms, done), resume=False, force=True) is None
    assert list(done.glob("*.pth")) == []


def test_a_final_network_without_the_last_checkpoint_is_work_too(rooms: Path, done: Path) -> None:
    job(rooms, done).last.unlink()
    with pytest.raises(UserError, match="is there already"):
        earlier_run(job(rooms, done), resume=False, force=False)
    with pytest.raises(UserError, match="but not .*last_"):
        earlier_run(job(rooms, done), resume=True, force=False)


def test_no_earlier_run_starts_from_the_beginning(rooms: Path, tmp_path: Path) -> None:
    assert earlier_run(job(rooms, tmp_path), resume=True, force=False) is None


def test_both_flags_contradict_each_other(rooms: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="one of them"):
        earlier_run(job(rooms, tmp_path), resume=True, force=True)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (["--set", "train.lr=0.5"], r"train.lr was 0.002 and is 0.5"),
        (["--set", "data.crop=32"], r"data.crop was \[40, 40\] and is \[32, 32\]"),
        (["--set", "tasks.edge.weight=2"], r"tasks.edge.weight was 7(.0)? and is 2"),
        (["--seed", "1"], "seed was 0 and is 1"),
        (["--precision", "bf16"], "precision was fp32 and is bf16"),
    ],
)
def test_settings_that_matter_must_be_the_same(change: list[str], message: str, rooms: Path, done: Path) -> None:
    with pytest.raises(UserError, match=message):
        earlier_run(job(rooms, done, *change), resume=True, force=False)


@pytest.mark.parametrize(
    "change",
    [
        ["--set", "train.eval_interval=1"],
        ["--set", "train.save_interval=7"],
        ["--set", "data.on_error=skip"],
        ["--num_workers", "1"],
    ],
)
def test_settings_that_do_not_matter_may_change(change: list[str], rooms: Path, done: Path) -> None:
    assert earlier_run(job(rooms, done, *change), resume=True, force=False) is not None


def test_data_may_move(rooms: Path, done: Path, tmp_path: Path) -> None:
    moved = tmp_path / "moved"
    shutil.copytree(rooms, moved)
    assert earlier_run(job(moved, done), resume=True, force=False) is not None


def test_a_run_does_not_go_backwards(rooms: Path, done: Path) -> None:
    with pytest.raises(UserError, match="at iteration 2, beyond 1; raise --max_iters"):
        earlier_run(job(rooms, done, max_iters=1), resume=True, force=False)


def test_the_end_of_dynamic_masks_must_be_the_same(rooms: Path, tmp_path: Path) -> None:
    train(job(rooms, tmp_path, method="disparse_dynamic"))
    longer = job(rooms, tmp_path, method="disparse_dynamic", max_iters=4)
    with pytest.raises(UserError, match="fixes the masks .* was 1 and is 3"):
        earlier_run(longer, resume=True, force=False)


def test_a_network_without_the_state_of_training_cannot_go_on(rooms: Path, done: Path) -> None:
    shutil.copy(job(rooms, done).final, job(rooms, done).last)
    with pytest.raises(UserError, match="lacks the state of its training"):
        earlier_run(job(rooms, done), resume=True, force=False)


def test_a_file_of_another_run_is_not_taken(rooms: Path, done: Path) -> None:
    other = job(rooms, done, method="rigl")
    shutil.copy(job(rooms, done).last, other.last)
    with pytest.raises(UserError, match="method is baseline in this file, not rigl"):
        earlier_run(other, resume=True, force=False)


def test_a_disk_that_is_too_full_is_reported_before_training(
    rooms: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = trainer_for(job(rooms, tmp_path))
    monkeypatch.setattr(resume.shutil, "disk_usage", lambda path: Usage(0, 0, 100_000))
    with pytest.raises(UserError, match="0 MiB free, the run's checkpoints need about 2 MiB"):
        check_space(trainer.job, trainer.net)
    monkeypatch.setattr(resume.shutil, "disk_usage", lambda path: Usage(0, 0, 10_000_000))
    check_space(trainer.job, trainer.net)


def test_settings_are_compared_key_by_key() -> None:
    assert flatten({"a": {"b": 1, "c": (2, 3)}, "d": {}}) == {"a.b": 1, "a.c": [2, 3], "d": {}}


def test_names_of_runs(rooms: Path, tmp_path: Path) -> None:
    every = setup_for(rooms, tmp_path)
    some = setup_for(rooms, tmp_path, "--tasks", "sn,seg")
    assert run_name(every, "baseline", None) == "sample_baseline"
    assert run_name(every, "rigl", 90) == "sample_rigl_90"
    assert run_name(some, "rigl", 50) == "sample_rigl_50_sn_seg"
