"""When the state of a run is saved, and what of an earlier run is kept until then."""

import os
import shutil
import signal
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from small_training import assert_same_run, job_for, last, setup_for, train, trainer_for

from configs import UserError
from training.checkpoints import keeping
from training.evaluation import evaluate
from training.loop import due
from training.loop import trainer as loop


@pytest.fixture(autouse=True)
def no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "draw_curves", lambda *arguments: None)


def fail(*_: object, **__: object) -> Any:
    raise UserError("a test image is damaged")


def test_what_is_due_is_saved_before_a_validation_that_fails(
    rooms: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, cut = (job_for(setup_for(rooms, tmp_path / name, "--set", "train.save_interval=3")) for name in ("a", "b"))
    train(whole)
    with monkeypatch.context() as patch:
        patch.setattr(loop, "evaluate", fail)
        with pytest.raises(UserError, match="a test image is damaged"):
            train(cut)
    assert last(cut).training["iteration"] == 3
    assert list(pd.read_csv(cut.log)["iteration"]) == [1, 2]  # the third row waits for its metrics
    train(cut, resume=True)
    assert_same_run(whole, cut)


def test_what_was_trained_is_saved_on_the_way_out(rooms: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, cut = (job_for(setup_for(rooms, tmp_path / name, "--set", "train.save_interval=6")) for name in ("a", "b"))
    train(whole)
    batches = loop.Trainer._batches

    def ending(self: loop.Trainer) -> Any:
        for number, batch in enumerate(batches(self)):
            if number == 2:
                raise UserError("image 7 is damaged")
            yield batch

    with monkeypatch.context() as patch:
        patch.setattr(loop.Trainer, "_batches", ending)
        with pytest.raises(UserError, match=r"image 7 is damaged; saved iteration 2 in .*--resume goes on"):
            train(cut)
    assert last(cut).training["iteration"] == 2
    train(cut, resume=True)
    assert_same_run(whole, cut)


def test_the_state_is_saved_by_the_clock(rooms: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(due, "SAVE_EVERY", 0.0)
    never = ["--set", "train.save_interval=100", "--set", "train.eval_interval=100"]
    job = job_for(setup_for(rooms, tmp_path / "a", *never))
    trainer, saved = trainer_for(job), []
    save = trainer._save_last
    monkeypatch.setattr(trainer, "_save_last", lambda: (save(), saved.append(trainer.due.saved)))
    trainer.train()
    assert saved == [1, 2, 3, 4, 5, 6, 6]


def test_an_interruption_of_the_last_validation_loses_no_row(
    rooms: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, cut = (job_for(setup_for(rooms, tmp_path / name)) for name in ("a", "b"))
    train(whole)
    calls: list[int] = []

    def interrupted(*args: Any, **options: Any) -> Any:
        calls.append(1)
        if len(calls) == 2:
            os.kill(os.getpid(), signal.SIGTERM)
        return evaluate(*args, **options)

    with monkeypatch.context() as patch:
        patch.setattr(loop, "evaluate", interrupted)
        with pytest.raises(KeyboardInterrupt, match="saved iteration 6"):
            train(cut)
    train(cut, resume=True)
    assert_same_run(whole, cut)
    assert list(pd.read_csv(cut.log)["iteration"]) == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("removed", ["removed", "cut short"])
def test_a_log_that_is_taken_away_ends_nothing(
    removed: str, rooms: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = job_for(setup_for(rooms, tmp_path / "a"))
    trainer = trainer_for(job)
    step = trainer._step

    def stepping(batch: Any) -> None:
        step(batch)
        if trainer.iteration == 4:
            job.log.unlink() if removed == "removed" else os.truncate(job.log, 3)

    monkeypatch.setattr(trainer, "_step", stepping)
    trainer.train()
    assert job.final.exists() and job.log.exists()


def test_forcing_keeps_the_earlier_run_until_the_new_one_has_begun(
    rooms: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = job_for(setup_for(rooms, tmp_path / "a"))
    train(old)
    shutil.copytree(tmp_path / "a", tmp_path / "copy")
    files = [path.name for path in (old.last, old.best, old.final, old.log)]
    new = job_for(setup_for(rooms, tmp_path / "a", "--seed", "1"))
    trainer = trainer_for(new, force=True)
    with monkeypatch.context() as patch:
        patch.setattr(keeping, "write_checkpoint", fail)  # a disk too small for the first save
        with pytest.raises(UserError):
            trainer.train()
    assert all((tmp_path / "a" / name).read_bytes() == (tmp_path / "copy" / name).read_bytes() for name in files)
    trainer = trainer_for(new, force=True)
    with monkeypatch.context() as patch:
        patch.setattr(trainer, "_batches", fail)  # a picture that cannot be read
        with pytest.raises(UserError):
            trainer.train()
    assert all((tmp_path / "a" / name).read_bytes() == (tmp_path / "copy" / name).read_bytes() for name in files)
    trainer = trainer_for(new, force=True)
    monkeypatch.setattr(trainer, "_after_step", lambda: fail() if trainer.iteration else None)
    with pytest.raises(UserError, match="damaged"):
        trainer.train()
    assert last(new).training["iteration"] == 1 and not new.best.exists() and not new.final.exists()
    assert len(pd.read_csv(new.log)) == 0


def test_a_missing_test_split_ends_a_run_before_it_begins(
    rooms: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = trainer_for(job_for(setup_for(rooms, tmp_path / "a")))
    monkeypatch.setattr(loop, "open_dataset", fail)
    with pytest.raises(UserError, match="damaged"):
        trainer.train()
    assert not list((tmp_path / "a").glob("[!.]*"))
