"""Numbers for the whole image: mean squared or absolute error; mean absolute error and R^2."""

from typing import ClassVar, Literal

import torch
from torch import Tensor

from tasks.base import Batch, Metrics
from tasks.image_level import mean_of
from tasks.maps import MapTask
from tasks.pixels import masked, masked_mean


class RegressionTask(MapTask):
    """Targets [N, channels, 1, 1], NaN where not known; predictions of that shape: a map of one pixel.

    Options:
        target, ignore_value: as for maps.
        criterion: ``l1`` or ``l2``, the mean absolute or the mean squared difference.
    """

    criterion: Literal["l1", "l2"] = "l2"

    usual_head: ClassVar = "pooled"
    # First the one that has a unit and never is 0 by chance, from which relative gains could not be told.
    higher_is_better: ClassVar = {"mae": False, "r2": True}

    def valid_map(self, batch: Batch, height: int, width: int) -> tuple[Tensor, Tensor]:
        """As for maps; what is NaN is not valid."""
        target, valid = super().valid_map(batch, height, width)
        valid = valid & ~target.isnan()
        return masked(target, valid), valid

    def loss(self, prediction: Tensor, batch: Batch) -> Tensor:
        """Mean absolute or squared difference over the values that are known."""
        target, valid = self.valid_map(batch, *prediction.shape[-2:])
        difference = masked(prediction.float() - target, valid)
        return masked_mean(difference.abs() if self.criterion == "l1" else difference.square(), valid)

    def shown_prediction(self, prediction: Tensor, height: int, width: int) -> Tensor:
        """See `Task.shown_prediction`: the numbers of the image."""
        return prediction.float().mean((2, 3), keepdim=True)

    def new_metrics(self) -> "RegressionMetrics":  # type: ignore[override]
        return RegressionMetrics(self)


class RegressionMetrics(Metrics):
    """Over all values that are known.

    - ``mae``: mean absolute error of each channel, their mean.
    - ``r2``: 1 - (sum of squared errors) / (sum of squared differences from the mean) of each channel, their mean;
      channels that do not vary are left out.
    """

    def __init__(self, task: RegressionTask) -> None:
        self.task = task
        sums = torch.zeros(5, task.channels, dtype=torch.float64)  # count, |error|, error^2, target, target^2
        super().__init__({"sums": sums})

    @torch.no_grad()
    def update(self, prediction: Tensor, batch: Batch) -> None:
        """See `Metrics.update`."""
        self.to(prediction.device)
        target, valid = (value[:, :, 0, 0] for value in self.task.valid_map(batch, 1, 1))
        target = target.double()
        error = masked(prediction.double().mean((2, 3)) - target, valid)
        rows = [valid.double(), error.abs(), error.square(), target, target.square()]
        self.state["sums"] += torch.stack([row.sum(0) for row in rows])

    def compute(self) -> dict[str, float]:
        """See `Metrics.compute`."""
        count, absolute, squared, total, squares = self.state["sums"].cpu()
        spread = squares - total.square() / count
        share = torch.where(spread > 1e-12 * squares, 1 - squared / spread, float("nan"))
        return {"mae": mean_of(absolute / count), "r2": mean_of(share)}
