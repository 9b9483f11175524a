"""What a task is: one record with its output, its loss and its metrics."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import ClassVar

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor

from configs.errors import UserError

Batch = Mapping[str, Tensor]


class Metrics(ABC):
    """Metrics of one task, gathered batch by batch in memory that does not grow.

    ``state`` are tensors of fixed shapes that may be summed over processes, which makes the metrics those of
    all images. A metric that the published protocol averages per batch is kept as the pair (sum of value *
    images, sum of images), so that its sum over processes is defined too; its value depends on how the images
    were batched.

    Args:
        state: the tensors to count in, all zero.
        batch_means: names of the metrics that are averaged per batch.
    """

    state: dict[str, Tensor]

    def __init__(self, state: Mapping[str, Tensor], batch_means: Iterable[str] = ()) -> None:
        means = {name: torch.zeros(2, dtype=torch.float64) for name in batch_means}
        # A tensor made in inference mode could not be summed over processes outside it.
        with torch.inference_mode(False):
            self.state = {name: tensor.clone() for name, tensor in {**state, **means}.items()}

    @abstractmethod
    def update(self, prediction: Tensor, batch: Batch) -> None:
        """Add a batch.

        Args:
            prediction: [N, channels, h, w].
            batch: targets at full size, [N, ?, H, W]; the prediction is brought to H x W by nearest sampling.
        """

    @abstractmethod
    def compute(self) -> dict[str, float]:
        """The metrics of everything seen so far, in the order of ``Task.higher_is_better``.

        NaN where a metric is undefined, as it is when no valid pixel was seen.
        """

    def to(self, device: torch.device) -> None:
        """Move the state; ``update`` moves it to where the predictions are."""
        with torch.inference_mode(False):
            self.state = {name: tensor.to(device) for name, tensor in self.state.items()}

    def add_batch_mean(self, name: str, total: Tensor, count: Tensor, images: int) -> None:
        """Add total / count of a batch to a metric that is averaged per batch; nothing if count is 0."""
        seen = count > 0
        value = torch.where(seen, total.double() / count, 0)
        self.state[name] += torch.stack([value, seen.double()]) * images

    def batch_mean(self, name: str) -> float:
        """The average of a metric over the batches, each weighted with its number of images."""
        total, images = self.state[name].tolist()
        return total / images if images else float("nan")


class Task(BaseModel, ABC):
    """One task of a multi-task network.

    Subclasses add their options as typed fields, so that a misspelt or impossible option in the YAML file is
    reported with its key.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    channels: int = Field(gt=0)
    weight: float = Field(1.0, ge=0)

    higher_is_better: ClassVar[Mapping[str, bool]]
    """Every metric's name, and whether more of it is better."""

    of_classes: ClassVar[bool] = False
    """Whether the channels of ``pooled_targets`` are shares of classes, for pictures: each has a colour there."""

    @property
    def main_metric(self) -> tuple[str, bool]:
        """The metric by which networks are compared, the first one, and whether more of it is better."""
        return next(iter(self.higher_is_better.items()))

    @property
    @abstractmethod
    def targets(self) -> tuple[str, ...]:
        """Keys of the sample that the task reads: ("seg",), ("depth", "depth_mask"), ..."""

    @abstractmethod
    def loss(self, prediction: Tensor, batch: Batch) -> Tensor:
        """The loss, a scalar, not yet multiplied by ``weight``.

        Args:
            prediction: [N, channels, h, w].
            batch: targets [N, ?, H, W]; they are brought to h x w by nearest sampling.

        Without a single valid pixel the loss is zero, with zero gradients.
        """

    @abstractmethod
    def new_metrics(self) -> Metrics:
        """An empty accumulator of this task's metrics."""

    def constant_prediction(self, batches: Iterable[Batch]) -> Tensor:
        """The best prediction [channels] that is the same at every pixel, for comparison with a network.

        Args:
            batches: targets [N, ?, H, W] under their keys; each batch is looked at once and not kept.

        Raises:
            UserError: no valid pixel, or a kind of task that does not say how to do it.
        """
        kind = type(self).__name__
        raise UserError(f"tasks.{self.name}: {kind} has no constant_prediction; add that method to the class")

    def pooled_targets(self, batch: Batch, height: int, width: int) -> tuple[Tensor, Tensor] | None:
        """The targets as numbers on a coarse grid, for linear maps from one task's targets, or from features, to them.

        Args:
            batch: targets at full size, [N, ?, H, W].
            height, width: of the grid.

        Returns:
            values [N, C, height, width], averaged over the valid pixels of each cell, and the share of valid pixels
            [N, 1, height, width]; float32. None for a kind of task that has no such numbers.
        """
        return None

    def with_files(self, root: Path | None) -> "Task":
        """The task with whatever it reads from files under the data root; most tasks read nothing."""
        return self

    def no_valid_pixel(self, key: str) -> UserError:
        """The error for targets in which every pixel is left out."""
        return UserError(
            f"tasks.{self.name}: '{key}' has no valid pixel in these images; "
            f"check the options that say which pixels are valid"
        )

    def check_channels(self, key: str, target: Tensor) -> None:
        """See that a regression target [N, C, H, W] has as many channels as the prediction.

        Raises:
            UserError: it has not; arithmetic would broadcast and give a wrong loss without a word.
        """
        if target.shape[1] != self.channels:
            raise UserError(
                f"tasks.{self.name}.channels: it is {self.channels}, but the data set's '{key}' has "
                f"{target.shape[1]}; the two must agree"
            )
