"""Depth: mean absolute error; absolute and relative error and shares within a factor.

Protocol of AdaShare (Sun et al., 2020), as the published Meta-Sparse code uses it.
"""

import math
from collections.abc import Iterable
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor

from tasks.base import Batch, Metrics, Task
from tasks.pixels import FloatMedian, masked, masked_mean, pooled, resize_nearest

FACTORS = {"sigma_1.25": 1.25, "sigma_1.25^2": 1.25**2, "sigma_1.25^3": 1.25**3}


class DepthTask(Task):
    """A distance for every pixel; targets and predictions float [N, 1, ...], in the data set's unit.

    Options; a pixel is valid if it passes all that are given:
        target: the sample's key.
        min_depth: the target is larger than this.
        ignore_value: the target is not this.
        mask: key of a map of the sample; its whole part is 1.
    """

    channels: int = Field(ge=1, le=1)
    target: str = "depth"
    min_depth: float | None = Field(None, allow_inf_nan=False)
    ignore_value: float | None = Field(None, allow_inf_nan=False)
    mask: str | None = Field(None, min_length=1)

    look = "amounts"
    higher_is_better: ClassVar = {"abs_err": False, "rel_err": False, **dict.fromkeys(FACTORS, True)}

    @property
    def targets(self) -> tuple[str, ...]:
        return (self.target, self.mask) if self.mask is not None else (self.target,)

    def valid_depth(self, batch: Batch, height: int, width: int) -> tuple[Tensor, Tensor]:
        """The target [N, 1, height, width] in float32, and which of its pixels are valid."""
        target = resize_nearest(batch[self.target], height, width).float()
        self.check_channels(self.target, target)
        valid = torch.ones_like(target, dtype=torch.bool)
        if self.min_depth is not None:
            valid &= target > self.min_depth
        if self.ignore_value is not None:
            valid &= target != self.ignore_value
        if self.mask is not None:
            valid &= resize_nearest(batch[self.mask], height, width).int() == 1
        return target, valid

    def loss(self, prediction: Tensor, batch: Batch) -> Tensor:
        """Mean absolute difference over the valid pixels."""
        target, valid = self.valid_depth(batch, *prediction.shape[-2:])
        return masked_mean(masked(prediction.float() - target, valid).abs(), valid)

    def shown_target(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """See `Task.shown_target`: the distance."""
        return self.valid_depth(batch, *batch[self.target].shape[-2:])

    def new_metrics(self) -> "DepthMetrics":
        return DepthMetrics(self)

    def pooled_targets(self, batch: Batch, height: int, width: int) -> tuple[Tensor, Tensor]:
        """The mean depth of the valid pixels of a cell."""
        target, valid = self.valid_depth(batch, *batch[self.target].shape[-2:])
        return pooled(target, valid, height, width)

    @torch.no_grad()
    def constant_prediction(self, batches: Iterable[Batch]) -> Tensor:
        """The median depth: no constant has a smaller mean absolute difference. Found to one part in 2048."""
        median = FloatMedian()
        for batch in batches:
            median.add(*self.valid_depth(batch, *batch[self.target].shape[-2:]))
        value = median.value()
        if math.isnan(value):
            raise self.no_valid_pixel(self.target)
        return torch.tensor([value])


class DepthMetrics(Metrics):
    """Errors averaged per batch, and shares of the valid pixels of all images together.

    - ``abs_err``: mean |p - t|, in the data set's unit;
    - ``rel_err``: mean |p - t| / |t|, over the valid pixels with a target other than 0;
    - ``sigma_x``: % of pixels with max(p / t, t / p) of x or less. A prediction (or target) of 0 or less is
      outside every limit; in the published code the ratio is then negative and counts as within.
    """

    def __init__(self, task: DepthTask) -> None:
        self.task = task
        counts = {name: torch.zeros((), dtype=torch.int64) for name in ("pixels", *FACTORS)}
        super().__init__(counts, batch_means=["abs_err", "rel_err"])

    @torch.no_grad()
    def update(self, prediction: Tensor, batch: Batch) -> None:
        """See `Metrics.update`."""
        self.to(prediction.device)
        height, width = batch[self.task.target].shape[-2:]
        target, valid = self.task.valid_depth(batch, height, width)
        enlarged = resize_nearest(prediction.float(), height, width)
        difference = masked(enlarged - target, valid).abs_()
        pixels = valid.sum()
        self.add_batch_mean("abs_err", difference.sum(dtype=torch.float64), pixels, len(prediction))
        comparable = valid & (target != 0)
        relative = masked(difference / target.abs(), comparable).sum(dtype=torch.float64)
        self.add_batch_mean("rel_err", relative, comparable.sum(), len(prediction))
        ratio = torch.maximum(enlarged / target, target / enlarged)
        positive = valid & (enlarged > 0) & (target > 0)
        self.state["pixels"] += pixels
        for name, factor in FACTORS.items():
            self.state[name] += ((ratio <= factor) & positive).sum()

    def compute(self) -> dict[str, float]:
        """See `Metrics.compute`."""
        pixels = int(self.state["pixels"])
        within = {name: 100 * int(self.state[name]) / pixels if pixels else float("nan") for name in FACTORS}
        return {"abs_err": self.batch_mean("abs_err"), "rel_err": self.batch_mean("rel_err"), **within}
