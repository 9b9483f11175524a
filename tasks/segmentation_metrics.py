"""Metrics of semantic segmentation: intersection over union, pixel accuracy, cross entropy.

Protocol of AdaShare (Sun et al., 2020), as the published Meta-Sparse code uses it.
"""

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from tasks.base import Batch, Metrics
from tasks.pixels import count, nearest_index

if TYPE_CHECKING:
    from tasks.segmentation import SegmentationTask

_BATCH_MEANS = ("Pixel Acc", "pixel_acc_valid_pixels", "err")


class SegmentationMetrics(Metrics):
    """Confusion matrix and per-batch means.

    - ``mIoU``: mean of TP / (TP + FP + FN) over the classes with TP > 0, as published.
    - ``mIoU_standard``: the same over the classes in the ground truth, also those with TP = 0.
    - ``Pixel Acc``: share of right pixels among those with label < channels, averaged per batch. Cityscapes'
      ignored pixels (-1) count as wrong, as published.
    - ``pixel_acc_valid_pixels``: the same among pixels with a label.
    - ``err``: cross entropy as in the loss, but at full size, averaged per batch.
    """

    def __init__(self, task: "SegmentationTask") -> None:
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
        ratios, present, found = self._ratios()
        standard = ratios[present].mean().item()
        published = ratios[found].mean().item() if found.any() or not present.any() else 0.0
        means = {name: self.batch_mean(name) for name in _BATCH_MEANS}
        return {"mIoU_standard": standard, "mIoU": published, **means}

    def by_class(self) -> dict[str, list[float]]:
        """``IoU``, NaN for a class that is not in the ground truth. See `Metrics.by_class`."""
        ratios, present, _ = self._ratios()
        return {"IoU": torch.where(present, ratios, float("nan")).tolist()}

    def _ratios(self) -> tuple[Tensor, Tensor, Tensor]:
        """TP / (TP + FP + FN) of each class; whether it is in the ground truth, and whether TP > 0."""
        confusion = self.state["confusion"].cpu().double()
        hit, truth, chosen = confusion.diagonal(), confusion.sum(1), confusion.sum(0)
        return hit / (truth + chosen - hit).clamp(min=1), truth > 0, hit > 0
