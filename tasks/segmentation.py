"""Semantic segmentation: cross entropy, intersection over union, pixel accuracy.

Protocol of AdaShare (Sun et al., 2020), as the published Meta-Sparse code uses it.
"""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, ClassVar

import torch
from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError
from torch import Tensor
from torch.nn.functional import one_hot

from configs.errors import UserError
from tasks.base import Batch, Task
from tasks.class_weights import problem_with, read_weights, weight_tensor
from tasks.pixels import count, masked, pooled, resize_nearest
from tasks.segmentation_metrics import SegmentationMetrics

BALANCED = "balanced"


class SegmentationTask(Task):
    """A class for every pixel; targets int [N, 1, H, W], predictions are logits [N, channels, h, w].

    Options:
        target: the sample's key.
        ignore_index: the label that losses and metrics leave out.
        class_weights: one positive factor for each class in the cross entropy: numbers, or the name of a .npy
            file under the data root, or ``balanced``: in inverse proportion to how often a class occurs in the training
            split, 1 for one that does not.
    """

    channels: int = Field(ge=2)
    target: str = "seg"
    ignore_index: int = 255
    class_weights: str | tuple[float, ...] | None = None

    look = "classes"
    higher_is_better: ClassVar = {
        "mIoU_standard": True,  # first, so the one by which runs are compared: the published one rewards few classes
        "mIoU": True,
        "Pixel Acc": True,
        "pixel_acc_valid_pixels": True,
        "err": False,
    }

    @field_validator("class_weights", mode="plain")
    @classmethod
    def _check_weights(cls, value: Any, info: ValidationInfo) -> str | tuple[float, ...] | None:
        if value is None or (isinstance(value, str) and value):
            return value
        problem = problem_with(value, info.data.get("channels"))
        if problem:
            raise PydanticCustomError("class_weights", "{problem}", {"problem": problem})
        return tuple(map(float, value))

    @property
    def targets(self) -> tuple[str, ...]:
        return (self.target,)

    def with_files(self, root: Path | None) -> "SegmentationTask":
        """The task with the class weights read from their file.

        Raises:
            UserError: no such file, or not one positive number per class.
        """
        if not isinstance(self.class_weights, str) or self.class_weights == BALANCED:
            return self
        key = f"tasks.{self.name}.class_weights"
        if root is None:
            raise UserError(f"{key}: '{self.class_weights}' lies under the data root; give --data_root")
        try:
            weights = read_weights(root / self.class_weights, self.channels)
        except UserError as error:
            raise UserError(f"{key}: {error}") from error
        return self.model_copy(update={"class_weights": weights})

    def with_data(self, training_targets: Callable[[], Iterable[Batch]]) -> "SegmentationTask":
        """The task with its balanced class weights: labels / (classes * labels of the class)."""
        if self.class_weights != BALANCED:
            return self
        seen = self._class_counts(training_targets()).double()
        weights = torch.where(seen > 0, seen.sum() / (self.channels * seen), 1.0)
        return self.model_copy(update={"class_weights": tuple(weights.tolist())})

    def weights(self, device: torch.device) -> Tensor:
        """The factor of each class in the cross entropy, float32 [channels]; ones by default."""
        if isinstance(self.class_weights, str):
            raise ValueError(f"class weights '{self.class_weights}' were not read; call with_files first")
        return weight_tensor(self.class_weights or (1.0,) * self.channels, device)

    def loss(self, prediction: Tensor, batch: Batch) -> Tensor:
        """Mean cross entropy over the pixels with a label, weighted by class.

        Raises:
            UserError: a label is neither a class nor ``ignore_index``. On other devices than the CPU, where
                finding out would mean to wait for the device at every step, the loss is NaN instead.
        """
        label = resize_nearest(batch[self.target], *prediction.shape[-2:])[:, 0].long()
        inside = (label >= 0) & (label < self.channels)
        used = label != self.ignore_index
        unknown = (used & ~inside).sum()
        if unknown.device.type == "cpu" and unknown:  # in this order: elsewhere even to ask would be to wait
            raise self.unknown_label(int(unknown), label[used & ~inside])
        valid = used & inside
        # Not F.cross_entropy: on a GPU a label that is no class breaks the process, and without any labelled pixel it
        # gives NaN. Here such pixels are looked up as class 0, with a factor of 0.
        safe = masked(label, valid)
        surprise = -prediction.float().log_softmax(1).gather(1, safe[:, None])[:, 0]
        factors = masked(self.weights(label.device)[safe], valid)
        total = factors.sum()
        loss = masked(surprise * factors, valid).sum() / torch.where(total > 0, total, 1)
        return loss * torch.where(unknown > 0, float("nan"), 1.0)  # a product: the gradients are NaN too

    def unknown_label(self, pixels: int, labels: Tensor | None = None) -> UserError:
        """The error for labels that are neither a class nor ignored."""
        example = f" (for instance {int(labels[0])})" if labels is not None else ""
        count, are = ("1 label", "is") if pixels == 1 else (f"{pixels} labels", "are")
        return UserError(
            f"tasks.{self.name}: {count}{example} in '{self.target}' {are} neither a class, "
            f"0..{self.channels - 1}, nor ignore_index, {self.ignore_index}; correct channels or ignore_index"
        )

    def shown_target(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """See `Task.shown_target`: the labels."""
        label = batch[self.target].long()
        return label, (label >= 0) & (label < self.channels) & (label != self.ignore_index)

    def shown_prediction(self, prediction: Tensor, height: int, width: int) -> Tensor:
        """See `Task.shown_prediction`: the likeliest class."""
        return resize_nearest(prediction.argmax(1, keepdim=True), height, width)

    def new_metrics(self) -> "SegmentationMetrics":
        return SegmentationMetrics(self)

    def pooled_targets(self, batch: Batch, height: int, width: int) -> tuple[Tensor, Tensor]:
        """The share of each class among the labelled pixels of a cell."""
        found = []
        for label in batch[self.target].long():  # one image at a time: one-hot, a batch is large
            valid = (label >= 0) & (label < self.channels) & (label != self.ignore_index)
            values = one_hot(masked(label, valid)[0], self.channels).permute(2, 0, 1)
            found.append(pooled(values[None], valid[None], height, width))
        means, shares = zip(*found, strict=True)
        return torch.cat(means), torch.cat(shares)

    @torch.no_grad()
    def constant_prediction(self, batches: Iterable[Batch]) -> Tensor:
        """Logarithms of the class frequencies.

        The largest is the majority class, and without class weights no constant has a smaller cross entropy.
        Each class counts one pixel more than it has, so that all are finite.
        """
        seen = self._class_counts(batches)
        return ((seen + 1) / (seen + 1).sum()).log()

    def _class_counts(self, batches: Iterable[Batch]) -> Tensor:
        """How many pixels have each class, int64 [channels]; raises UserError if none has any."""
        counts = torch.zeros(self.channels + 1, dtype=torch.int64)
        for batch in batches:
            label = batch[self.target].long()
            valid = (label >= 0) & (label < self.channels) & (label != self.ignore_index)
            label = torch.where(valid, label, self.channels)
            counts = counts.to(label.device) + count(label, self.channels + 1)
        if not counts[:-1].any():
            raise self.no_valid_pixel(self.target)
        return counts[:-1]
