"""Going on with a run or not: what is there, what differs, what fits on the disk."""

import shutil
from collections import namedtuple
from dataclasses import replace
from pathlib import Path

import pytest
from small_training import job_for, setup_for, train, trainer_for

from configs import UserError
from configs.affects import flatten
from prune_utils.sparsifiers.base import OneShot
from prune_utils.sparsifiers.registry import build_sparsifier
from runtime import closure
from training.checkpoints import keeping, resume
from training.checkpoints.checkpoint import capture, read_checkpoint, write_checkpoint
from training.checkpoints.identities import FIXED, pruning_identity, training_identity
from training.checkpoints.resume import check_space, earlier_run, is_finished
from training.names import pruned_path, run_name

Usage = namedtuple("Usage", "total used free")


@pytest.fixture(autouse=True)
def no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "draw_curves", lambda *arguments: None)


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


def test_force_begins_anew_and_leaves_the_earlier_run_to_the_new_one(rooms: Path, done: Path) -> None:
    files = sorted(done.iterdir())
    assert earlier_run(job(rooms, done), resume=False, force=True) is None
    assert sorted(done.iterdir()) == files  # until the new one has saved: tests/training/test_saving.py


def test_a_final_network_without_the_last_checkpoint_is_work_too(rooms: Path, done: Path) -> None:
    job(rooms, done).last.unlink()
    with pytest.raises(UserError, match="is there already"):
        earlier_run(job(rooms, done), resume=False, force=False)
    with pytest.raises(UserError, match="but not .*last_"):
        earlier_run(job(rooms, done), resume=True, force=False)


@pytest.mark.parametrize("part", [0, 0.001, 0.5])
def test_a_last_checkpoint_that_was_cut_short_says_what_to_do(part: float, rooms: Path, done: Path) -> None:
    last = job(rooms, done).last
    last.write_bytes(last.read_bytes()[: int(part * last.stat().st_size)])
    with pytest.raises(UserError, match=r"--resume: .*last_.* is damaged or cut short; put back a copy .*--force"):
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


def test_other_data_are_another_run(rooms: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    shutil.copytree(rooms, data)
    train(job(data, tmp_path))
    first, *others = sorted(data.glob("*/edge_texture/*.png"))
    for image in others:
        shutil.copy(first, image)
    with pytest.raises(UserError, match="settings or data: the data have changed; use .* or start anew with --force"):
        earlier_run(job(data, tmp_path), resume=True, force=False)


def test_networks_carry_the_identity_of_their_run(rooms: Path, done: Path) -> None:
    run = job(rooms, done)
    identity = training_identity(run)
    assert [read_checkpoint(path, []).identity for path in (run.last, run.best, run.final)] == [identity] * 3


def test_other_code_is_said_and_goes_on(
    rooms: Path, done: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    before = read_checkpoint(job(rooms, done).last, []).identity
    monkeypatch.setattr(closure, "read_source", lambda path: path.read_bytes() + b"# newer")
    longer = train(job(rooms, done, max_iters=3), resume=True).identity
    assert "last_sample_baseline_edge.pth goes on, although the code has changed" in capsys.readouterr().err
    assert before is not None and longer is not None
    assert longer.request == before.request
    assert longer.key not in (before.key, training_identity(job(rooms, done)).key)
    train(job(rooms, done, max_iters=4), resume=True)
    assert "although" not in capsys.readouterr().err, "said once"


def as_an_earlier_version(path: Path, *without: str) -> None:
    """The checkpoint as it was before there were identities, and some of the settings."""
    checkpoint = read_checkpoint(path, [])
    run = {"seed": 0, "precision": "fp32", FIXED: None}
    config = {key: value for key, value in checkpoint.config.items() if key not in without}
    training = {**(checkpoint.training or {}), "run": run}
    write_checkpoint(path, replace(checkpoint, identity=None, config=config, training=training))


def test_a_run_of_an_earlier_version_goes_on(rooms: Path, done: Path, capsys: pytest.CaptureFixture) -> None:
    as_an_earlier_version(job(rooms, done).last, "pruning", "relatedness")
    earlier_run(job(rooms, done, "--set", "train.eval_interval=1"), resume=True, force=False)
    assert "an earlier version wrote it" in capsys.readouterr().err
    longer = train(job(rooms, done, max_iters=3), resume=True).identity
    assert longer is not None and longer.key != training_identity(job(rooms, done)).key


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (["--set", "train.lr=0.5"], r"data: train.lr was 0.002 and is 0.5; use"),
        (["--set", "tasks.edge.weight=2"], r"data: tasks.edge.weight was 7(.0)? and is 2(.0)?; use"),
        (["--seed", "1"], "data: seed was 0 and is 1; use"),
    ],
)
def test_settings_of_an_earlier_version_are_compared(
    change: list[str], message: str, rooms: Path, done: Path
) -> None:
    as_an_earlier_version(job(rooms, done).last, "pruning")
    with pytest.raises(UserError, match=message):
        earlier_run(job(rooms, done, *change), resume=True, force=False)


def test_a_run_belongs_to_the_pruned_network_that_it_began_with(rooms: Path, tmp_path: Path) -> None:
    def prune(keep_ratio: float) -> None:
        setup = setup_for(rooms, tmp_path, "--tasks", "edge")
        method = build_sparsifier("random", setup.config)
        assert isinstance(method, OneShot)
        identity = pruning_identity(setup, "random", method, ratio=90, keep_ratio=keep_ratio, num_batches=1)
        made = capture(setup, setup.network(), "random", 90, details={"seed": 0}, identity=identity)
        write_checkpoint(pruned_path(setup, "random", 90), made)

    prune(0.1)
    trainer = train(job(rooms, tmp_path, method="random"))
    prune(0.1)
    assert earlier_run(job(rooms, tmp_path, method="random"), resume=True, force=False) is not None
    prune(0.2)
    with pytest.raises(UserError, match="keep_ratio was 0.1 and is 0.2"):
        earlier_run(job(rooms, tmp_path, method="random"), resume=True, force=False)
    pruned_path(trainer.setup, "random", 90).unlink()
    assert earlier_run(job(rooms, tmp_path, method="random"), resume=True, force=False) is not None


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
