"""Losses, metrics and what estimators see of targets, on a device beside the CPU: its numbers, without waiting."""

from typing import Any

import pytest
import torch
from second_device import DEVICE, second_device
from torch import Tensor

from tasks import TASKS, Task

SIZE = (12, 9)
CHANNELS = {
    "segmentation": 4, "normals": 3, "depth": 1, "map": 2, "classification": 4, "multilabel": 3, "regression": 2,
}  # fmt: skip
OPTIONS: dict[str, dict[str, Any]] = {"segmentation": {"class_weights": [1, 2, 3, 4]}, "depth": {"mask": "mask"}}


def made(kind: str) -> tuple[Task, dict[str, Any], Tensor]:
    """A task, two images' targets, some of them not valid, and predictions."""
    task = TASKS[kind](name="t", channels=CHANNELS[kind], **OPTIONS.get(kind, {}))
    draw = torch.Generator().manual_seed(1)
    size = SIZE if kind in ("segmentation", "normals", "depth", "map") else (1, 1)
    channels = {"segmentation": 1, "classification": 1}.get(kind, CHANNELS[kind])
    target = torch.rand(2, channels, *size, generator=draw)
    if kind in ("segmentation", "classification"):
        target = (target * CHANNELS[kind]).floor()
    elif kind == "multilabel":
        target = target.round()
    batch = {key: target if key == task.targets[0] else (target > 0.3).float() for key in task.targets}
    return task, batch, torch.randn(2, CHANNELS[kind], size[0] // 2 or 1, size[1] // 3 or 1, generator=draw)


def looked_at(task: Task, batch: dict[str, Any], prediction: Tensor) -> tuple[Tensor, Tensor, dict, list[Tensor]]:
    """Loss, its gradient, metrics, pooled targets."""
    prediction = prediction.clone().requires_grad_()
    loss = task.loss(prediction, batch)
    loss.backward()
    metrics = task.new_metrics()
    metrics.to(prediction.device)
    with torch.no_grad():
        metrics.update(prediction, batch)
    assert prediction.grad is not None
    return loss, prediction.grad, metrics.compute(), list(task.pooled_targets(batch, 3, 3))


@pytest.mark.parametrize("kind", TASKS)
def test_a_kind_of_task_gives_the_cpus_numbers_and_waits_only_to_tell_them(kind: str) -> None:
    task, batch, prediction = made(kind)
    loss, gradient, metrics, pooled = looked_at(task, batch, prediction)
    with second_device() as device:
        there = {key: value.to(DEVICE) for key, value in batch.items()}
        their_prediction = prediction.to(DEVICE).requires_grad_()
        task.loss(their_prediction, there).backward()  # class weights are copied once
        device.waits.clear()
        task.loss(their_prediction, there).backward()
        gathered = task.new_metrics()
        gathered.to(DEVICE)
        with torch.no_grad():
            gathered.update(their_prediction, there)
        assert device.waits == []
        theirs = looked_at(task, there, prediction.to(DEVICE))
    assert loss.item() > 0 and gradient.any()
    torch.testing.assert_close([theirs[0].cpu(), theirs[1].cpu()], [loss.detach(), gradient])
    assert theirs[2] == pytest.approx(metrics, nan_ok=True)
    torch.testing.assert_close([values.cpu() for values in theirs[3]], pooled)
