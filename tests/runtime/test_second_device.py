"""What runs on a GPU, on a device beside the CPU that needs none: the CPU's numbers, nothing mixed, no step waits."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from second_device import DEVICE, SecondDevice, There, second_device
from small_training import job_for, setup_for, trainer_for
from tqdm import tqdm

from prune_utils.initialisation import scores_at_initialisation
from prune_utils.layers import Scores, shared_weights
from prune_utils.masks import exact_masks
from relatedness.registry import build_estimators
from relatedness.running import estimate_once
from relatedness.snip.statistics import Statistics, pair_statistics
from relatedness.study import Plan, Study
from runtime.device import Runtime
from runtime.passes import task_magnitudes
from runtime.setup import Setup
from training.checkpoints.checkpoint import Checkpoint, read_checkpoint

pytestmark = pytest.mark.usefixtures("one_thread")
FEW = ["model.dropout=0", "data.crop=32", "relatedness.probe.iterations=1", "relatedness.short_cotraining.iterations=1",
       "dynamic.interval=1", "dynamic.end=2"]  # fmt: skip
SMALL = ["--set", "model.backbone=small_networks:few_layers", "--set", "model.rates=[1]"]
TWO = ["--tasks", "seg,depth", *(word for text in FEW for word in ("--set", text))]


def on(setup: Setup, device: torch.device) -> Setup:
    return replace(setup, runtime=Runtime(device, "fp32"))


@pytest.fixture
def second() -> Iterator[SecondDevice]:
    with second_device() as device:
        yield device


@pytest.fixture
def here(rooms: Path, tmp_path: Path) -> Setup:
    """Two tasks on the CPU, without dropout, which every device draws in its own way."""
    return setup_for(rooms, tmp_path / "here", *TWO)


def test_the_device_is_as_strict_as_a_gpu(second: SecondDevice) -> None:
    values = torch.ones(3).to(DEVICE)
    assert isinstance(values, There) and values.device == DEVICE
    assert second.waits == []
    assert (values + torch.tensor(1.0)).sum().item() == 6 and second.waits == ["aten._local_scalar_dense.default"]
    with pytest.raises(RuntimeError, match="found one on the CPU"):
        values + torch.ones(3)
    with pytest.raises((RuntimeError, TypeError)):
        values.numpy()
    with pytest.raises(RuntimeError, match="found one of the CPU"):
        values.normal_(generator=torch.Generator())
    assert torch.tensor([1, 2], device=DEVICE).tolist() == [1, 2] and values[[0, 1]].cpu().tolist() == [1, 1]


def assert_close(theirs: Mapping[str, torch.Tensor], ours: Mapping[str, torch.Tensor]) -> None:
    assert theirs.keys() == ours.keys()
    for name, values in ours.items():
        torch.testing.assert_close(theirs[name].cpu(), values, rtol=1e-3, atol=1e-5)


def scored(setup: Setup) -> tuple[dict[str, Scores], Statistics, dict[str, torch.Tensor]]:
    """Scores of the network of the setup, what they say of the pair of tasks, and masks made of them."""
    with tqdm(disable=True) as bar:
        net, scores = scores_at_initialisation(
            setup.network(), 0, lambda twin: task_magnitudes(setup, twin, num_batches=2, seed=0, bar=bar)
        )
    shared = list(shared_weights(net))
    return scores, pair_statistics(scores, shared, [0.1, 0.5]), exact_masks(scores, shared, 0.9)[0]


def test_scores_masks_and_similarities_are_the_cpus(here: Setup) -> None:
    ours = scored(here)
    with second_device():
        theirs = scored(on(here, DEVICE))
    for task, scores in ours[0].items():
        for name, score in scores.items():
            assert isinstance(theirs[0][task][name], There)
            torch.testing.assert_close(theirs[0][task][name].cpu(), score)
    assert np.array_equal(ours[1].both, theirs[1].both)
    assert np.allclose(ours[1].masked_cosine, theirs[1].masked_cosine, equal_nan=True)
    assert all(torch.equal(mask, theirs[2][name].cpu()) for name, mask in ours[2].items())


def test_training_gives_the_cpus_network(rooms: Path, tmp_path: Path) -> None:
    """Masks are grown, the state is saved and read again, and the network is validated on the way."""

    balanced = ["--set", "train.clip=0.5", "--set", "train.balance=pcgrad"]

    def trained(folder: str, device: torch.device) -> Checkpoint:
        setup = on(setup_for(rooms, tmp_path / folder, *TWO, *SMALL, *balanced), device)
        trainer_for(job_for(setup, "disparse_dynamic", 50, max_iters=2)).train()
        job = job_for(setup, "disparse_dynamic", 50, max_iters=3)
        trainer_for(job, resume=True).train()
        return read_checkpoint(job.final, [])

    ours = trained("here", torch.device("cpu"))
    with second_device():
        theirs = trained("there", DEVICE)
    assert_close(theirs.weights, ours.weights)
    assert_close(theirs.masks, ours.masks)
    for task, values in ours.details["metrics"].items():
        assert theirs.details["metrics"][task] == pytest.approx(values, rel=1e-3, nan_ok=True)


def test_a_step_waits_for_nothing(here: Setup, second: SecondDevice) -> None:
    job = job_for(on(here, DEVICE))
    trainer = trainer_for(job)
    trainer.bar = tqdm(disable=True)
    batch = next(iter(job.batches(0)))
    trainer._step(batch)
    second.waits.clear()
    trainer._step(batch)
    assert second.waits == []


def test_every_estimator_gives_the_cpus_estimate(rooms: Path, tmp_path: Path) -> None:
    setup = setup_for(rooms, tmp_path, *TWO, *SMALL)
    estimators = build_estimators(["all"], setup.config)

    def estimates(setup: Setup) -> dict[str, np.ndarray]:
        study = Study(setup, Plan(2, warmup=1), 0)
        return {label: estimate_once(estimator, study).values for label, estimator in estimators.items()}

    ours = estimates(setup)
    with second_device():
        theirs = estimates(on(setup, DEVICE))
    assert len(ours) > 9
    for label, values in ours.items():
        assert np.isfinite(values).any(), label
        assert np.allclose(values, theirs[label], rtol=1e-3, atol=1e-5, equal_nan=True), label
