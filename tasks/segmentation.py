"""Semantic segmentation: cross entropy, intersection over union, pixel accuracy.

Protocol of AdaShare (Sun et al., 2020), as the published Meta-Sparse code uses it.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar

import torch
from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError
from torch import Tensor
from torch.nn.functional import one_hot

from configs.errors import UserError
from tasks.base import Batch, Metrics, Task
from tasks.class_weights import problem_with, read_weights, weight_tensor
from tasks.pixels import count, masked, nearest_index, pooled, resize_nearest

_BATCH_MEANS = ("Pixel Acc", "pixel_acc_valid_pixels", "err")


class SegmentationTask(Task):
    """A class for every pixel; targets int [N, 1, H, W], predictions are logits [N, channels, h, w].

    Options:
        target: the sample's key.
        ignore_index: the label that losses and metrics leave out.
        class_weights: one positive factor for each class in the cross entropy: numbers, or the name of a .npy
            file under the data root.
    """

    channels: int = Field(ge=2)
    target: str = "seg"
    ignore_index: int = 255
    class_weights: str | tuple[float, ...] | None = None

    of_classes: ClassVar = True
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
        if not isinstance(self.class_weights, str):
            return self
        key = f"tasks.{self.name}.class_weights"
        if root is None:
            raise UserError(f"{key}: '{self.class_weights}' lies under the data root; give --data_root")
        try:
            weights = read_weights(root / self.class_weights, self.channels)
        except UserError as error:
            raise UserError(f"{key}: {error}") from error
        return self.model_copy(update={"class_weights": weights})

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
        return UserError(
            f"tasks.{self.name}: {pixels} labels{example} in '{self.target}' are neither classes, "
            f"0..{self.channels - 1}, nor ignore_index, {self.ignore_index}; correct channels or ignore_index"
        )

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
        counts = torch.zeros(self.channels + 1, dtype=torch.int64)
        for batch in batches:
            label = batch[self.target].long()
            valid = (label >= 0) & (label < self.channels) & (label != self.ignore_index)
            label = torch.where(valid, label, self.channels)
            counts = counts.to(label.device) + count(label, self.channels + 1)
        seen = counts[:-1]
        if not seen.any():
            raise self.no_valid_pixel(self.target)
        return ((seen + 1) / (seen + 1).sum()).log()


class SegmentationMetrics(Metrics):
    """Confusion matrix and per-batch means.

    - ``mIoU``: mean of TP / (TP + FP + FN) over the classes with TP > 0, as published.
    - ``mIoU_standard``: the same over the classes in the ground truth, also those with TP = 0.
    - ``Pixel Acc``: share of right pixels among those with label < channels, averaged per batch. Cityscapes'
      ignored pixels (-1) count as wrong, as published.
    - ``pixel_acc_valid_pixels``: the same among pixels with a label.
    - ``err``: cross entropy as in the loss, but at full size, averaged per batch.
    """

    def __init__(self, task: SegmentationTask) -> None:
        self.task = task
        self.classes = task.channels
        confusion = torch.zeros(self.classes, self.classes, dtype=torch.int64)
        unknown = torch.zeros((), dtype=torch.int64)
        super().__init__({"confusion": confusion, "unknown": unknown}, batch_means=_BATCH_MEANS)

    @torch.no_grad()
    def update(self, prediction: Tensor, batch: Batch) -> None:
        """See `Metrics.update`.

        An enlarged prediction is constant within each of its original pixels. It is enough to count how often
        each label occurs there; everything else is done at the small size, with the same result.
        """
        self.to(prediction.device)
        images = len(prediction)
        label = batch[self.task.target][:, 0].long()
        logits = prediction.float().flatten(2).transpose(1, 2)  # [N, h * w, C]
        choice = logits.argmax(2, keepdim=True)
        table = self._label_table(label, *prediction.shape[-2:])  # [N, h * w, 1 + C + 1]
        counts = table[..., 1:-1]

        # As published: a negative label is a pixel that cannot be right, one above the classes is left out.
        labelled = table[..., :-1].sum()
        self.add_batch_mean("Pixel Acc", counts.gather(2, choice).sum(), labelled, images)

        outside = table[..., 0].sum() + table[..., -1].sum()
        ignored = self.task.ignore_index
        if 0 <= ignored < self.classes:
            # Only now: the published pixel accuracy above counts this class like any other.
            counts[..., ignored] = 0
            self.state["unknown"] += outside
        else:
            self.state["unknown"] += outside - (label == ignored).sum()  # the table lumps all that is outside
        self.add_batch_mean("pixel_acc_valid_pixels", counts.gather(2, choice).sum(), counts.sum(), images)

        weights = self.task.weights(label.device)
        error = -(counts * logits.log_softmax(2) * weights).sum(dtype=torch.float64)
        self.add_batch_mean("err", error, (counts * weights).sum(dtype=torch.float64), images)
        # Transposed, since all of a prediction's pixels go to one column: that of the class it chose.
        self.state["confusion"].T.index_add_(0, choice.flatten(), counts.reshape(-1, self.classes))

    def _label_table(self, label: Tensor, height: int, width: int) -> Tensor:
        """How often each label occurs within each pixel of the prediction.

        Args:
            label: [N, H, W].
            height, width: size of the prediction.

        Returns:
            int64 [N, height * width, 1 + C + 1]: negative labels, the classes, labels of C or more.
        """
        # The pair of cell and label as one whole number: a single count over it gives the whole table.
        columns, cells = self.classes + 2, height * width
        rows = nearest_index(label.shape[1], height, label.device) * width
        cell = rows[:, None] + nearest_index(label.shape[2], width, label.device)
        first = cell * columns + 1  # where class 0 of a cell is counted; negative labels are one before
        # One image at a time: on CPU, tensors of a whole batch would be too large for reused memory.
        tables = [count(one.clamp(-1, self.classes) + first, cells * columns) for one in label]
        return torch.stack(tables).view(len(label), cells, columns)

    def compute(self) -> dict[str, float]:
        """See `Metrics.compute`; ``mIoU`` is 0 if no class was found anywhere.

        Raises:
            UserError: there were labels that are neither a class nor ``ignore_index``.
        """
        unknown = int(self.state["unknown"])
        if unknown:
            raise self.task.unknown_label(unknown)
        confusion = self.state["confusion"].cpu().double()
        hit, truth, chosen = confusion.diagonal(), confusion.sum(1), confusion.sum(0)
        union = (truth + chosen - hit).clamp(min=1)
        present, found = truth > 0, hit > 0
        standard = (hit / union)[present].mean().item()
        published = (hit / union)[found].mean().item() if found.any() or not present.any() else 0.0
        means = {name: self.batch_mean(name) for name in _BATCH_MEANS}
        return {"mIoU_standard": standard, "mIoU": published, **means}
