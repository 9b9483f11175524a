"""The training loop: it learns, and it goes on where it was cut off."""

import json
import os
import shutil
import signal
from pathlib import Path

import pandas as pd
import pytest
import torch
from small_training import assert_same_run, job_for, last, setup_for, short, train, trainer_for
from torch.nn import functional

from dataloaders import evaluation_loader
from prune_utils.apply import apply_masks, kept_counts, masks_of
from prune_utils.layers import weight_layers, weights
from prune_utils.masks import target_count
from runtime.setup import Setup
from tasks.pixels import resize_nearest
from training.checkpoints import keeping
from training.checkpoints.checkpoint import capture, write_checkpoint
from training.evaluation import evaluate
from training.loop import trainer as loop
from training.names import pruned_path

DRAW = keeping.draw_curves
MASKED = ["random", "disparse_dynamic", "rigl"]


class PowerCut(BaseException):
    """Ends a run before it can save anything."""


@pytest.fixture(autouse=True)
def no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """A picture takes as long as all the rest of these runs."""
    monkeypatch.setattr(keeping, "draw_curves", lambda *arguments: None)


def prune_at_random(setup: Setup) -> None:
    """What ``create_pruned_net.py --method random --ratio 90`` writes, made more simply: the first tenth is kept."""
    net = setup.network()
    masks = {name: torch.arange(w.numel()).view(w.shape) < w.numel() // 10 for name, w in weights(net).items()}
    apply_masks(net, masks)
    write_checkpoint(pruned_path(setup, "random", 90), capture(setup, net, "random", 90))


def interrupt_after(monkeypatch: pytest.MonkeyPatch, steps: int, number: signal.Signals = signal.SIGTERM) -> None:
    """Send this process a signal in the middle of step ``steps``, after the weights were changed."""
    step, taken = torch.optim.Adam.step, []

    def interrupting(self: torch.optim.Adam, *args: object) -> object:
        taken.append(step(self, *args))
        if len(taken) == steps:
            os.kill(os.getpid(), number)
        return taken[-1]

    monkeypatch.setattr(torch.optim.Adam, "step", interrupting)


def cut_power(self: loop.Trainer) -> None:
    if self.iteration:
        raise PowerCut


def test_four_images_are_learned_by_heart(rooms: Path, tmp_path: Path) -> None:
    root = tmp_path / "four"
    shutil.copytree(rooms, root)
    index = json.loads((root / "taskonomy.json").read_text())
    (root / "taskonomy.json").write_text(json.dumps({"train": index["train"][:4], "test": index["train"][:4]}))
    plain = ["data.scale=[1, 1]", "data.mirror=0", "data.crop=48", "data.batch_size=4", "model.dropout=0"]
    wider = ["model.width=8", "model.head_channels=32", "train.weight_decay=0", "train.decay_every=60"]
    length = ["train.max_iters=100", "train.eval_interval=100", "train.save_interval=100"]
    setup = setup_for(root, tmp_path / "out", *short(*plain, *wider, *length))
    trainer = train(job_for(setup))
    losses = pd.read_csv(trainer.job.log).filter(like="loss_")
    assert (losses.iloc[-5:].mean() < 0.05 * losses.iloc[0]).all()
    # The prediction has 6 x 6 pixels: the best there is are the targets at that size, enlarged.
    batch = next(iter(evaluation_loader(setup.config, ["seg"], batch_size=4, num_workers=0)))
    best = setup.tasks["seg"].new_metrics()
    best.update(functional.one_hot(resize_nearest(batch["seg"], 6, 6)[:, 0], 17).movedim(-1, 1).float(), batch)
    accuracy = trainer.results["seg"]["pixel_acc_valid_pixels"]
    assert accuracy == pytest.approx(best.compute()["pixel_acc_valid_pixels"], abs=0.02)


@pytest.mark.parametrize("method", ["baseline", *MASKED])
@pytest.mark.parametrize("stop", [1, 3])
def test_an_interrupted_run_goes_on_bit_for_bit(
    method: str, stop: int, rooms: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, cut = (job_for(setup_for(rooms, tmp_path / name), method) for name in ("whole", "cut"))
    for job in (whole, cut):
        if method == "random":
            prune_at_random(job.setup)
    train(whole)
    with monkeypatch.context() as patch:
        interrupt_after(patch, stop)
        with pytest.raises(KeyboardInterrupt, match=f"saved iteration {stop} .*--resume"):
            train(cut)
    assert last(cut).training["iteration"] == stop
    assert not cut.final.exists()
    torch.manual_seed(12345)  # what the generators were left with must not matter
    train(cut, resume=True)
    assert_same_run(whole, cut)


def test_an_interruption_while_validating_leaves_the_validation_to_do(
    rooms: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, cut = (job_for(setup_for(rooms, tmp_path / name)) for name in ("whole", "cut"))
    train(whole)

    def interrupted(*args: object, **options: object) -> object:
        os.kill(os.getpid(), signal.SIGINT)
        return evaluate(*args, **options)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(loop, "evaluate", interrupted)
        with pytest.raises(KeyboardInterrupt):
            train(cut)
    assert last(cut).training["iteration"] == 3 and last(cut).training["validated"] == 0
    assert list(pd.read_csv(cut.log)["iteration"]) == [1, 2]
    train(cut, resume=True)
    assert_same_run(whole, cut)


def test_a_run_cut_off_without_warning_goes_on_from_its_last_save(
    rooms: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, cut = (job_for(setup_for(rooms, tmp_path / name), "disparse_dynamic") for name in ("whole", "cut"))
    train(whole)

    step, taken = loop.Trainer._step, []

    def cut_off(self: loop.Trainer, batch: dict) -> None:
        taken.append(step(self, batch))
        if len(taken) == 5:
            self.files.log.write()  # rows beyond the checkpoint may be in the file already
            raise PowerCut

    with monkeypatch.context() as patch:
        patch.setattr(loop.Trainer, "_step", cut_off)
        with pytest.raises(PowerCut):
            train(cut)
    assert last(cut).training["iteration"] == 4
    assert len(pd.read_csv(cut.log)) == 5
    train(cut, resume=True)
    assert_same_run(whole, cut)


def test_the_number_of_readers_and_the_log_do_not_change_a_run(rooms: Path, tmp_path: Path) -> None:
    none, two = (
        job_for(setup_for(rooms, tmp_path / workers, "--num_workers", workers)) for workers in ("0", "2")
    )
    train(none)
    train(two)
    assert_same_run(none, two)


def test_a_run_in_bf16_goes_on_bit_for_bit(rooms: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, cut = (job_for(setup_for(rooms, tmp_path / d, "--precision", "bf16"), "rigl") for d in ("whole", "cut"))
    train(whole)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        interrupt_after(patch, 3)
        train(cut)
    train(cut, resume=True)
    assert_same_run(whole, cut)


def test_a_longer_run_goes_on_from_a_finished_one(rooms: Path, tmp_path: Path) -> None:
    setup, other = setup_for(rooms, tmp_path / "whole"), setup_for(rooms, tmp_path / "longer")
    train(job_for(setup))
    train(job_for(other, max_iters=3))
    longer = job_for(other, max_iters=6)
    train(longer, resume=True)
    assert_same_run(job_for(setup), longer)


@pytest.mark.parametrize("method", MASKED)
def test_masked_weights_never_contribute_and_the_sparsity_is_exact(method: str, rooms: Path, tmp_path: Path) -> None:
    job = job_for(setup_for(rooms, tmp_path))
    if method == "random":
        prune_at_random(job.setup)
    trainer = train(job_for(job.setup, method))
    counts = kept_counts(trainer.net)
    kept, numel = sum(k for k, _ in counts.values()), sum(n for _, n in counts.values())
    if method != "random":
        assert kept == target_count(numel, 90)
    trainer.net(torch.zeros(1, 3, 48, 48))
    for name, mask in masks_of(trainer.net).items():
        assert not weight_layers(trainer.net)[name].weight[~mask].any()


def test_a_pair_of_tasks_trains_alone(rooms: Path, tmp_path: Path) -> None:
    job = job_for(setup_for(rooms, tmp_path, "--tasks", "sn,depth"))
    train(job)
    assert job.final.name == "final_sample_baseline_sn_depth.pth"
    assert [c for c in pd.read_csv(job.log).columns if c.startswith("loss_")] == ["loss_sn", "loss_depth"]


def test_the_log_has_every_step_the_rate_and_the_validations(
    rooms: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "draw_curves", DRAW)
    job = job_for(setup_for(rooms, tmp_path, "--set", "train.decay_every=2", "--set", "train.lr=0.01"))
    trainer = train(job)
    log = pd.read_csv(job.log)
    assert list(log["iteration"]) == [1, 2, 3, 4, 5, 6]
    assert list(log["lr"]) == [0.01, 0.01, 0.005, 0.005, 0.0025, 0.0025]
    weighted = sum(task.weight * log[f"loss_{name}"] for name, task in job.setup.tasks.items())
    assert log["loss"].to_numpy() == pytest.approx(weighted.to_numpy(), rel=1e-6)
    assert list(log["seg_mIoU"].notna()) == [False, False, True, False, False, True]
    assert log["depth_abs_err"].iloc[-1] == pytest.approx(trainer.results["depth"]["abs_err"])
    assert job.picture.read_bytes().startswith(b"\x89PNG")


def test_bf16_learns_about_the_same(rooms: Path, tmp_path: Path) -> None:
    fp32, bf16 = (job_for(setup_for(rooms, tmp_path / p, "--precision", p)) for p in ("fp32", "bf16"))
    train(fp32)
    trainer = train(bf16)
    losses = [pd.read_csv(job.log)["loss"].to_numpy() for job in (fp32, bf16)]
    assert losses[1] == pytest.approx(losses[0], rel=0.2)
    assert {p.dtype for p in trainer.net.parameters()} == {torch.float32}


def test_killed_before_anything_was_due_a_run_goes_on_too(
    rooms: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, cut = (job_for(setup_for(rooms, tmp_path / name)) for name in ("whole", "cut"))
    train(whole)
    with monkeypatch.context() as patch:
        patch.setattr(loop.Trainer, "_after_step", cut_power)
        with pytest.raises(PowerCut):
            train(cut)
    assert last(cut).training["iteration"] == 1
    train(cut, resume=True)
    assert_same_run(whole, cut)


def test_stopped_before_its_first_step_a_run_goes_on_too(rooms: Path, tmp_path: Path) -> None:
    whole, cut = (job_for(setup_for(rooms, tmp_path / name), "rigl") for name in ("whole", "cut"))
    train(whole)
    trainer = trainer_for(cut)
    trainer.interrupts.asked = True
    with pytest.raises(KeyboardInterrupt, match="no file was changed"):
        trainer.train()
    assert not list((tmp_path / "cut").glob("[!.]*"))
    train(cut, resume=True)
    assert_same_run(whole, cut)
