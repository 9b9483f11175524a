"""Gradient clipping in the training loop."""

from pathlib import Path

import pytest
import torch
from small_training import job_for, setup_for, trainer_for
from tqdm import tqdm


def test_a_step_is_no_longer_than_its_clipped_gradient(rooms: Path, tmp_path: Path) -> None:
    """By plain descent at a rate of 1 the weights go as far as the gradient is long."""
    plain = ["train.optimizer=sgd", "train.momentum=0", "train.weight_decay=0", "train.lr=1", "model.width=2"]
    gone = []
    for clip in ("null", "0.01"):
        words = [w for text in (*plain, f"train.clip={clip}") for w in ("--set", text)]
        trainer = trainer_for(job_for(setup_for(rooms, tmp_path, "--tasks", "depth", *words)))
        trainer.bar = tqdm(disable=True)
        before = {name: parameter.detach().clone() for name, parameter in trainer.net.named_parameters()}
        trainer._step(next(iter(trainer.job.batches(0))))
        moved = [(parameter - before[name]).norm() for name, parameter in trainer.net.named_parameters()]
        gone.append(torch.stack(moved).norm().item())
    assert gone[0] > 0.02 and gone[1] == pytest.approx(0.01, rel=1e-3)
