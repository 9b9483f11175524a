"""What each of two processes does for test_processes.py, started by ``torchrun``; any assertion that fails fails it."""

import sys
from pathlib import Path

import pytest
import torch
from small_training import job_for, setup_for, short, train, trainer_for
from torch import distributed

from configs import UserError
from prune_utils.apply import dense_state
from runtime import device
from runtime.setup import Setup
from training.checkpoints import keeping
from training.job import Job


def main(rooms: Path, dest: Path, *flags: str) -> None:
    torch.set_num_threads(1)
    keeping.draw_curves = lambda *arguments: None  # type: ignore[assignment]
    setup = setup_for(rooms, dest, *flags)
    device.start = lambda *arguments: setup.runtime  # type: ignore[assignment]  # a process joins its group once
    for method in ("baseline", "disparse_dynamic"):
        train(job_for(setup, method))
    usual = ["--tasks", "seg,sn", "--set", "data.batch_size=4"]
    ranks_stay_alike(setup_for(rooms, dest / "alike", *usual))
    a_stop_on_one_stops_both(setup_for(rooms, dest / "whole", *usual), setup_for(rooms, dest / "cut", *usual))
    a_bad_loss_on_one_stops_both(setup_for(rooms, dest / "bad", *usual))
    an_uneven_batch_is_refused(setup_for(rooms, dest / "uneven", *short("data.batch_size=3")))
    device.stop()


def ranks_stay_alike(setup: Setup) -> None:
    """The published network, with batch normalisation and dropout."""
    trainer = train(job_for(setup, "rigl"))
    weights, masks = dense_state(trainer.net)
    for name, tensor in {**weights, **{f"{name} (mask)": mask.float() for name, mask in masks.items()}}.items():
        of_main = tensor.clone()
        distributed.broadcast(of_main, 0)
        assert torch.equal(tensor, of_main), name
    results = [None, None]
    distributed.all_gather_object(results, str(trainer.results))
    assert results[0] == results[1]


def a_stop_on_one_stops_both(whole: Setup, cut: Setup) -> None:
    """The signal reaches process 1 in its fifth step; both save and leave after the same step, and go on alike.

    Neither a validation nor a save is due then, so that the running statistics, which differ between processes before
    they are averaged, are saved at a moment at which the undisturbed run does nothing.
    """
    train(job_for(whole))
    trainer = trainer_for(job_for(cut))
    step = trainer._step

    def interrupted(batch: dict) -> None:
        if trainer.iteration == 4 and cut.runtime.rank == 1:
            trainer.interrupts.asked = True
        step(batch)

    trainer._step = interrupted  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        trainer.train()
    assert trainer.iteration == 5
    cut.runtime.wait()
    train(job_for(cut), resume=True)


def a_bad_loss_on_one_stops_both(setup: Setup) -> None:
    job: Job = job_for(setup)
    kind = type(setup.tasks["sn"])
    loss, calls = kind.loss, []

    def sometimes(self: object, prediction: torch.Tensor, batch: dict) -> torch.Tensor:
        calls.append(1)
        return loss(self, prediction, batch) * (float("inf") if len(calls) == 3 and setup.runtime.rank == 1 else 1)

    with pytest.MonkeyPatch.context() as patch, pytest.raises(UserError, match="task 'sn' is inf in iteration 3"):
        patch.setattr(kind, "loss", sometimes)
        train(job)
    assert job.last.exists()


def an_uneven_batch_is_refused(setup: Setup) -> None:
    with pytest.raises(UserError, match="multiple of 2"):
        train(job_for(setup))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), *sys.argv[3:])
