"""Losses and metrics against the reference values in ../shared/golden."""

import json

import numpy as np
import pytest
import torch

from configs import load_config
from tasks import build_tasks
from tasks.normals import BIN_DEGREES

DATASETS = ("nyuv2", "cityscapes", "taskonomy")
LIMITS = {"sigma_1.25": 1.25, "sigma_1.25^2": 1.25**2, "sigma_1.25^3": 1.25**3}


@pytest.fixture
def golden(shared):
    return shared / "golden"


def tasks_of(golden, dataset, kind):
    """Tasks as configs/ sets them, the expected values, and the arrays."""
    expected = json.loads((golden / f"{kind}.json").read_text())["datasets"][dataset]
    arrays = np.load(golden / f"{kind}.npz")
    return build_tasks(load_config(dataset), golden / "data" / dataset), expected, arrays


def targets(arrays, prefix, keys):
    return {key: torch.from_numpy(arrays[f"{prefix}.target.{key}"]) for key in keys}


@pytest.mark.parametrize("case", ["even", "odd"])
@pytest.mark.parametrize("dataset", DATASETS)
def test_losses(golden, dataset, case):
    tasks, expected, arrays = tasks_of(golden, dataset, "losses")
    values = expected["cases"][case]
    batch = targets(arrays, f"{dataset}.{case}", values["target_keys"])
    total = 0.0
    for name, task in tasks.items():
        loss = task.loss(torch.from_numpy(arrays[f"{dataset}.{case}.pred.{name}"]), batch).item()
        assert loss == pytest.approx(values["loss"][name], rel=1e-5), name
        total += task.weight * loss
    assert total == pytest.approx(values["total"], rel=1e-5)
    assert list(tasks) == expected["tasks"]


def stream(golden, dataset):
    """For each task: its name, the metrics of all batches, the expected values, (prediction, batch) pairs."""
    tasks, expected, arrays = tasks_of(golden, dataset, "metrics")
    for name in expected["tasks"]:
        pairs = []
        for number in range(len(expected["batch_sizes"])):
            prefix = f"{dataset}.b{number}"
            prediction = torch.from_numpy(arrays[f"{prefix}.pred.{name}"])
            pairs.append((prediction, targets(arrays, prefix, expected["target_keys"])))
        metrics = tasks[name].new_metrics()
        for pair in pairs:
            metrics.update(*pair)
        values = {**expected["metrics"].get(name, {}), **expected["by_definition"].get(name, {})}
        yield tasks[name], metrics, values, pairs


@pytest.mark.parametrize("dataset", DATASETS)
def test_metrics(golden, dataset):
    for task, metrics, expected, _ in stream(golden, dataset):
        computed = metrics.compute()
        assert list(computed) == list(task.higher_is_better)
        for name in computed.keys() - LIMITS.keys():
            # The median may be half a bin off; the reference's own precision for angles is 3e-5 degrees.
            slack = BIN_DEGREES / 2 + 3e-5 if name == "Angle Median" else 3e-5 if name == "Angle Mean" else 0
            assert computed[name] == pytest.approx(expected[name], rel=1e-6, abs=slack), (task.name, name)


@pytest.mark.parametrize("dataset", DATASETS)
def test_confusion_matrix(golden, dataset):
    _, metrics, _, _ = next(stream(golden, dataset))
    expected = np.load(golden / "metrics.npz")[f"{dataset}.conf_mat"]
    assert metrics.state["confusion"].equal(torch.from_numpy(expected).long())


@pytest.mark.parametrize("dataset", DATASETS)
def test_depth_within_a_factor_differs_by_the_predictions_below_zero_alone(golden, dataset):
    task, metrics, expected, pairs = next(found for found in stream(golden, dataset) if found[0].name == "depth")
    ratios, positive = [], []
    for prediction, batch in pairs:
        (height, width), (h, w) = batch["depth"].shape[-2:], prediction.shape[-2:]
        enlarged = prediction[:, :, torch.arange(height) * h // height][..., torch.arange(width) * w // width]
        target, valid = task.valid_depth(batch, height, width)
        ratios.append(torch.maximum(enlarged / target, target / enlarged)[valid])
        positive.append((enlarged > 0)[valid])
    ratio, above = torch.cat(ratios), torch.cat(positive)
    computed = metrics.compute()
    for name, limit in LIMITS.items():
        assert 100 * (ratio <= limit).double().mean().item() == pytest.approx(expected[name], rel=1e-6)
        within = (ratio <= limit) & above
        assert computed[name] == pytest.approx(100 * within.double().mean().item(), rel=1e-9)
    assert not above.all()
