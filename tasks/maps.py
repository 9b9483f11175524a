"""Keypoint, edge and any other dense regression maps: mean absolute error as loss and metric.

Protocol of AdaShare (Sun et al., 2020), as the published Meta-Sparse code uses it.
"""

from collections.abc import Iterable
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor

from tasks.base import Batch, Metrics, Task
from tasks.pixels import FloatMedian, masked, masked_mean, pooled, resize_nearest


class MapTask(Task):
    """Any numbers for every pixel; targets and predictions float [N, channels, ...].

    Options:
        target: the sample's key; by default the task's own name.
        ignore_value: target values that losses and metrics leave out.
    """

    target: str | None = Field(None, min_length=1)
    ignore_value: float | None = Field(None, allow_inf_nan=False)

    look = "amounts"
    higher_is_better: ClassVar = {"err": False}

    @property
    def key(self) -> str:
        """The sample's key that the task reads."""
        return self.target or self.name

    @property
    def targets(self) -> tuple[str, ...]:
        return (self.key,)

    def valid_map(self, batch: Batch, height: int, width: int) -> tuple[Tensor, Tensor]:
        """The target [N, channels, height, width] in float32, and which of its values are valid."""
        target = resize_nearest(batch[self.key], height, width).float()
        self.check_channels(self.key, target)
        if self.ignore_value is None:
            return target, torch.ones_like(target, dtype=torch.bool)
        return target, target != self.ignore_value

    def loss(self, prediction: Tensor, batch: Batch) -> Tensor:
        """Mean absolute difference over the valid values."""
        target, valid = self.valid_map(batch, *prediction.shape[-2:])
        return masked_mean(masked(prediction.float() - target, valid).abs(), valid)

    def shown_target(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """See `Task.shown_target`: the values; a pixel is valid if all its channels are."""
        target, valid = self.valid_map(batch, *batch[self.key].shape[-2:])
        return target, valid.all(1, keepdim=True)

    def new_metrics(self) -> "MapMetrics":
        return MapMetrics(self)

    def pooled_targets(self, batch: Batch, height: int, width: int) -> tuple[Tensor, Tensor]:
        """The mean of each channel over the pixels of a cell that are valid in all channels."""
        target, valid = self.valid_map(batch, *batch[self.key].shape[-2:])
        return pooled(target, valid.all(1, keepdim=True), height, width)

    @torch.no_grad()
    def constant_prediction(self, batches: Iterable[Batch]) -> Tensor:
        """The median of each channel: no constant has a smaller mean absolute difference, the mean included.

        Found to one part in 2048.
        """
        medians = [FloatMedian() for _ in range(self.channels)]
        for batch in batches:
            target, valid = self.valid_map(batch, *batch[self.key].shape[-2:])
            for channel, median in enumerate(medians):
                median.add(target[:, channel], valid[:, channel])
        values = torch.tensor([median.value() for median in medians])
        if values.isnan().any():
            raise self.no_valid_pixel(self.key)
        return values


class MapMetrics(Metrics):
    """``err``: mean |p - t| over the valid values, averaged per batch."""

    def __init__(self, task: MapTask) -> None:
        self.task = task
        super().__init__({}, batch_means=["err"])

    @torch.no_grad()
    def update(self, prediction: Tensor, batch: Batch) -> None:
        """See `Metrics.update`."""
        self.to(prediction.device)
        height, width = batch[self.task.key].shape[-2:]
        target, valid = self.task.valid_map(batch, height, width)
        difference = masked(resize_nearest(prediction.float(), height, width) - target, valid).abs_()
        self.add_batch_mean("err", difference.sum(dtype=torch.float64), valid.sum(), len(prediction))

    def compute(self) -> dict[str, float]:
        """See `Metrics.compute`."""
        return {"err": self.batch_mean("err")}
