"""What ends a run badly: numbers that are not finite, a full disk, a folder that is gone. Nothing good is lost."""

import resource
import shutil
from pathlib import Path

import pandas as pd
import pytest
import torch
from small_training import assert_same_run, job_for, last, setup_for, train, trainer_for
from torch import Tensor

from configs import UserError
from configs.paths import prepare_folder
from training.checkpoints import keeping
from training.loop import trainer as loop


@pytest.fixture(autouse=True)
def no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """A picture takes as long as all the rest of these runs."""
    monkeypatch.setattr(keeping, "draw_curves", lambda *arguments: None)


def test_a_loss_that_is_not_finite_stops_the_run_and_spoils_nothing(
    rooms: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = job_for(setup_for(rooms, tmp_path))
    kind, calls = type(job.setup.tasks["depth"]), []
    loss = kind.loss

    def sometimes(self: object, prediction: Tensor, batch: dict) -> Tensor:
        calls.append(1)
        return loss(self, prediction, batch) * (float("nan") if len(calls) == 4 else 1)

    monkeypatch.setattr(kind, "loss", sometimes)
    with pytest.raises(UserError, match=r"task 'depth' is nan in iteration 4; .*last_\S+ keeps iteration 2"):
        train(job)
    assert last(job).training["iteration"] == 2
    assert list(pd.read_csv(job.log)["iteration"]) == [1, 2, 3]


def test_weights_that_are_not_finite_are_never_saved(
    rooms: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = job_for(setup_for(rooms, tmp_path))
    step, taken = torch.optim.Adam.step, []

    def spoiling(self: torch.optim.Adam, *args: object) -> None:
        step(self, *args)
        taken.append(1)
        if len(taken) == 4:  # the loss was finite, its gradient was not
            self.param_groups[0]["params"][0].data.view(-1)[0] = float("inf")

    monkeypatch.setattr(torch.optim.Adam, "step", spoiling)
    with pytest.raises(UserError, match="not finite after iteration 4"):
        train(job)
    assert last(job).training["iteration"] == 2


def test_a_disk_that_fills_up_costs_only_the_steps_since_the_last_save(
    rooms: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, cut = (job_for(setup_for(rooms, tmp_path / name)) for name in ("whole", "cut"))
    train(whole)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    save, limits = loop.Trainer._save_last, iter([soft, soft, 100_000, 100_000])

    def saving(self: loop.Trainer) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (next(limits), hard))
        save(self)

    with monkeypatch.context() as patch:
        patch.setattr(loop.Trainer, "_save_last", saving)
        try:
            with pytest.raises(UserError, match=r"cannot write .*last_\S+"):
                train(cut)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert last(cut).training["iteration"] == 2
    train(cut, resume=True)
    assert_same_run(whole, cut)


def test_a_folder_that_vanishes_is_reported_in_one_line(rooms: Path, tmp_path: Path) -> None:
    dest = prepare_folder(tmp_path / "out")
    trainer = trainer_for(job_for(setup_for(rooms, dest)))
    shutil.rmtree(dest)
    with pytest.raises(UserError, match="cannot write"):
        trainer.train()
