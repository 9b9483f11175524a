"""Surface normals: cosine loss, angles between prediction and truth.

Protocol of AdaShare (Sun et al., 2020), as the published Meta-Sparse code uses it.
"""

from collections.abc import Iterable
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor

from tasks.base import Batch, Metrics, Task
from tasks.pixels import count, histogram_median, masked, masked_mean, pooled, resize_nearest

LIMITS = (11.25, 22.5, 30.0, 45.0)
BIN_DEGREES = 0.001
_BINS = 180_000
_SHORTEST = 1e-8


class NormalsTask(Task):
    """A direction for every pixel; targets and predictions are [N, 3, ...] vectors of any length.

    Options:
        target: the sample's key.
        invalid: a pixel is left out if the largest of its three target values is this or more.
    """

    channels: int = Field(ge=3, le=3)
    target: str = "normal"
    invalid: float = Field(255.0, allow_inf_nan=False)

    look = "directions"
    higher_is_better: ClassVar = {
        "Angle Mean": False,
        "Angle Median": False,
        **{f"Angle {limit:g}": True for limit in LIMITS},
    }

    @property
    def targets(self) -> tuple[str, ...]:
        return (self.target,)

    def valid_directions(self, target: Tensor) -> tuple[Tensor, Tensor]:
        """Unit vectors [N, 3, H, W] of a target, zero where not valid, and which are valid [N, H, W]."""
        self.check_channels(self.target, target)
        target = target.float()
        valid = target.amax(1) < self.invalid
        return directions(target, valid), valid

    def loss(self, prediction: Tensor, batch: Batch) -> Tensor:
        """1 - mean cosine between prediction and target over the valid pixels."""
        target, valid = self.valid_directions(resize_nearest(batch[self.target], *prediction.shape[-2:]))
        cosine = (directions(prediction.float()) * target).sum(1)
        return masked_mean(1 - cosine, valid)

    def shown_target(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """See `Task.shown_target`: the unit normals."""
        target, valid = self.valid_directions(batch[self.target])
        return target, valid[:, None]

    def shown_prediction(self, prediction: Tensor, height: int, width: int) -> Tensor:
        """See `Task.shown_prediction`."""
        return resize_nearest(directions(prediction.float()), height, width)

    def new_metrics(self) -> "NormalsMetrics":
        return NormalsMetrics(self)

    def pooled_targets(self, batch: Batch, height: int, width: int) -> tuple[Tensor, Tensor]:
        """The mean of the unit normals of the valid pixels of a cell; shorter than 1 where they differ."""
        target, valid = self.valid_directions(batch[self.target])
        return pooled(target, valid[:, None], height, width)

    @torch.no_grad()
    def constant_prediction(self, batches: Iterable[Batch]) -> Tensor:
        """The direction of the mean unit normal: no constant has a larger mean cosine."""
        total = torch.zeros(3, dtype=torch.float64)
        for batch in batches:
            target, valid = self.valid_directions(batch[self.target])
            total = total.to(target.device) + target.sum((0, 2, 3), dtype=torch.float64)
        length = total.norm()
        if not length > 0:
            raise self.no_valid_pixel(self.target)
        return (total / length).float()


class NormalsMetrics(Metrics):
    """Angles in degrees over all valid pixels of all images together.

    - ``Angle Mean``;
    - ``Angle Median``: from a histogram with bins of `BIN_DEGREES`, so at most half of that off (0.0005);
    - ``Angle t``: % of pixels with an angle of t or less.

    A vector of zeros is at 90 degrees to every other.
    """

    def __init__(self, task: NormalsTask) -> None:
        self.task = task
        counts = {name: torch.zeros((), dtype=torch.int64) for name in ("pixels", *map(str, LIMITS))}
        # One more bin takes the pixels that are not valid.
        histogram = torch.zeros(_BINS + 1, dtype=torch.int64)
        super().__init__({"histogram": histogram, "degrees": torch.zeros((), dtype=torch.float64), **counts})

    @torch.no_grad()
    def update(self, prediction: Tensor, batch: Batch) -> None:
        """See `Metrics.update`."""
        self.to(prediction.device)
        # To normalise the prediction before it is enlarged gives the same for less.
        small = directions(prediction.float())
        # One image at a time: on CPU, tensors of a whole batch would be too large for reused memory.
        for one, target in zip(small.split(1), batch[self.task.target].split(1), strict=True):
            self._add_image(one, *self.task.valid_directions(target))

    def _add_image(self, small: Tensor, target: Tensor, valid: Tensor) -> None:
        """Add one image: directions predicted [1, 3, h, w] and true [1, 3, H, W]; valid pixels [1, H, W]."""
        enlarged = resize_nearest(small, *target.shape[-2:])
        # Rounding takes the cosine of equal directions above 1, of which there is no angle.
        angle = (enlarged * target).sum(1).clamp_(-1, 1).acos_().rad2deg_()
        self.state["degrees"] += masked(angle, valid).sum(dtype=torch.float64)
        self.state["pixels"] += valid.sum()
        for limit in LIMITS:
            self.state[str(limit)] += ((angle <= limit) & valid).sum()
        # A prediction that is not a number counts as the largest error.
        bins = (angle.nan_to_num(180) / BIN_DEGREES).long().clamp_(max=_BINS - 1)
        self.state["histogram"] += count(torch.where(valid, bins, _BINS), _BINS + 1)

    def compute(self) -> dict[str, float]:
        """See `Metrics.compute`."""
        pixels = int(self.state["pixels"])
        if not pixels:
            return dict.fromkeys(self.task.higher_is_better, float("nan"))
        mean = self.state["degrees"].item() / pixels
        median = histogram_median(self.state["histogram"][:_BINS], 0.0, BIN_DEGREES)
        within = {f"Angle {limit:g}": 100 * int(self.state[str(limit)]) / pixels for limit in LIMITS}
        return {"Angle Mean": mean, "Angle Median": median, **within}


def directions(vectors: Tensor, valid: Tensor | None = None) -> Tensor:
    """Vectors [N, 3, H, W] at length 1; those shorter than 1e-8 and those not valid [N, H, W] become zero.

    Such a vector has a gradient of zero. Dividing by a tiny length, as is common, would make it 1e8 and more.
    """
    squared = vectors.square().sum(1, keepdim=True)
    usable = ~(squared <= _SHORTEST**2)  # so that a vector that is not a number stays one
    if valid is not None:
        usable &= valid[:, None]
    # 1 in place of what is not usable, and not only the mask outside: the root's gradient at 0 is infinite, and 0 times
    # that is NaN.
    return masked(vectors * torch.where(usable, squared, 1).rsqrt(), usable)
