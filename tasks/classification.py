"""One class for the whole image: cross entropy; accuracy, F1 and the area under the ROC curve."""

from typing import Any, ClassVar

import torch
from pydantic import model_validator
from torch import Tensor

from tasks.base import Batch, Metrics
from tasks.image_level import BINS, areas_under_roc, f1_of, mean_of, score_counts
from tasks.segmentation import SegmentationTask

_BATCH_MEANS = ("err",)


class ClassificationTask(SegmentationTask):
    """Targets int [N, 1, 1, 1], predictions are logits [N, channels, 1, 1]: the segmentation of a map of one pixel.

    So loss, class weights and the best constant are those of segmentation; the metrics are those of classification.

    Options:
        target: the sample's key; by default the task's own name.
        ignore_index: the label of images whose class is not known.
        class_weights: as for segmentation.
    """

    ignore_index: int = -1

    usual_head: ClassVar = "pooled"
    higher_is_better: ClassVar = {"accuracy": True, "f1": True, "auc": True, "err": False}

    @model_validator(mode="before")
    @classmethod
    def _named_as_the_task(cls, options: Any) -> Any:
        if isinstance(options, dict) and options.get("target") is None:
            return {**options, "target": options.get("name")}
        return options

    def shown_prediction(self, prediction: Tensor, height: int, width: int) -> Tensor:
        """See `Task.shown_prediction`: the likeliest class of the image."""
        return super().shown_prediction(prediction.float().mean((2, 3), keepdim=True), 1, 1)

    def new_metrics(self) -> "ClassificationMetrics":  # type: ignore[override]
        return ClassificationMetrics(self)


class ClassificationMetrics(Metrics):
    """Over all images whose class is known.

    - ``accuracy``: share of images given their class.
    - ``f1``: mean of 2 TP / (2 TP + FP + FN) over the classes that occur.
    - ``auc``: mean over the classes of the area under the ROC curve of "this class or another", by the logit of the
      class's probability; classes that no image has, or every image, are left out.
    - ``err``: cross entropy as in the loss, averaged per batch.
    """

    def __init__(self, task: ClassificationTask) -> None:
        self.task = task
        classes = task.channels
        state = {
            "confusion": torch.zeros(classes, classes, dtype=torch.int64),
            "scores": torch.zeros(classes, 2, BINS, dtype=torch.int64),
            "unknown": torch.zeros((), dtype=torch.int64),
        }
        super().__init__(state, batch_means=_BATCH_MEANS)

    @torch.no_grad()
    def update(self, prediction: Tensor, batch: Batch) -> None:
        """See `Metrics.update`."""
        self.to(prediction.device)
        task, classes = self.task, self.task.channels
        logits = prediction.float().mean((2, 3))  # a user's own head may give a map
        label = batch[task.target][:, 0, 0, 0].long()
        inside = (label >= 0) & (label < classes)
        valid = inside & (label != task.ignore_index)
        self.state["unknown"] += ((label != task.ignore_index) & ~inside).sum()
        safe = torch.where(valid, label, 0)
        pairs = safe * classes + logits.argmax(1)
        # A weight of 0 for images without a class: what is not valid is added nowhere.
        flat = self.state["confusion"].view(-1)
        flat.scatter_add_(0, pairs, valid.long())
        logs = logits.log_softmax(1)
        odds = logs - torch.log1p(-logs.exp().clamp(max=1 - 1e-7))
        positive = torch.arange(classes, device=label.device) == safe[:, None]
        self.state["scores"] += score_counts(odds, positive, valid[:, None].expand_as(positive))
        weights = torch.where(valid, task.weights(label.device)[safe], 0).double()
        surprise = -logs.gather(1, safe[:, None])[:, 0].double()
        self.add_batch_mean("err", (weights * surprise).sum(), weights.sum(), len(prediction))

    def compute(self) -> dict[str, float]:
        """See `Metrics.compute`.

        Raises:
            UserError: there were labels that are neither a class nor ``ignore_index``.
        """
        if unknown := int(self.state["unknown"]):
            raise self.task.unknown_label(unknown)
        confusion = self.state["confusion"].cpu()
        total = int(confusion.sum())
        accuracy = float(confusion.trace()) / total if total else float("nan")
        f1, auc = self._of_classes()
        return {"accuracy": accuracy, "f1": mean_of(f1), "auc": mean_of(auc), "err": self.batch_mean("err")}

    def by_class(self) -> dict[str, list[float]]:
        """See `Metrics.by_class`."""
        f1, auc = self._of_classes()
        return {"f1": f1.tolist(), "auc": auc.tolist()}

    def _of_classes(self) -> tuple[Tensor, Tensor]:
        confusion = self.state["confusion"].cpu()
        f1 = f1_of(confusion.diagonal(), confusion.sum(0), confusion.sum(1))
        return f1, areas_under_roc(self.state["scores"].cpu())
