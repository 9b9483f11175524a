"""Any number of labels for the whole image, each there or not: binary cross entropy; AUC, F1 and accuracy."""

from collections.abc import Iterable
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from tasks.base import Batch, Metrics, Task
from tasks.image_level import BINS, areas_under_roc, f1_of, mean_of, score_counts
from tasks.pixels import masked, masked_mean, pooled

_BATCH_MEANS = ("err",)


class MultilabelTask(Task):
    """Targets [N, channels, 1, 1] of 0 and 1, or NaN where it is not known; predictions are logits of that shape.

    Options:
        target: the sample's key; by default the task's own name.
    """

    target: str | None = Field(None, min_length=1)

    look = "labels"
    usual_head: ClassVar = "pooled"
    # First the one that needs no threshold: a short training may find no label likelier than one half.
    higher_is_better: ClassVar = {"auc": True, "f1": True, "accuracy": True, "err": False}

    @property
    def key(self) -> str:
        """The sample's key that the task reads."""
        return self.target or self.name

    @property
    def targets(self) -> tuple[str, ...]:
        return (self.key,)

    def labels(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """The labels [N, channels, 1, 1] in float32, 0 where not known, and which of them are known.

        Raises:
            UserError: not so many labels as channels.
        """
        target = batch[self.key].float()
        self.check_channels(self.key, target)
        valid = ~target.isnan()
        return masked(target, valid), valid

    def loss(self, prediction: Tensor, batch: Batch) -> Tensor:
        """Mean binary cross entropy over the labels that are known."""
        target, valid = self.labels(batch)
        logits = prediction.float().mean((2, 3), keepdim=True)
        return masked_mean(binary_cross_entropy_with_logits(logits, target, reduction="none"), valid)

    def shown_target(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """See `Task.shown_target`: the labels; of images of which all are known."""
        target, valid = self.labels(batch)
        return target, valid.all(1, keepdim=True)

    def shown_prediction(self, prediction: Tensor, height: int, width: int) -> Tensor:
        """See `Task.shown_prediction`: the probability of each label."""
        return prediction.float().mean((2, 3), keepdim=True).sigmoid()

    def new_metrics(self) -> "MultilabelMetrics":
        return MultilabelMetrics(self)

    def pooled_targets(self, batch: Batch, height: int, width: int) -> tuple[Tensor, Tensor]:
        """The labels in every cell; of images of which all are known."""
        target, valid = self.labels(batch)
        return pooled(target, valid.all(1, keepdim=True), height, width)

    @torch.no_grad()
    def constant_prediction(self, batches: Iterable[Batch]) -> Tensor:
        """The logit of each label's frequency, of which no constant has a smaller binary cross entropy.

        Each label counts one image more with it and one more without, so that all are finite.
        """
        found = torch.zeros(2, self.channels, dtype=torch.float64)
        for batch in batches:
            target, valid = self.labels(batch)
            found += torch.stack([(target * valid).sum((0, 2, 3)), valid.sum((0, 2, 3))]).double().cpu()
        there, known = found
        if not known.any():
            raise self.no_valid_pixel(self.key)
        return ((there + 1) / (known + 2)).logit().float()


class MultilabelMetrics(Metrics):
    """Over all labels that are known; means over the labels, those that are undefined left out.

    - ``auc``: area under the ROC curve of each label.
    - ``f1``: 2 TP / (2 TP + FP + FN) of each label that occurs, where a label is given at a probability of one half.
    - ``accuracy``: share of the labels that are given rightly, all counted alike.
    - ``err``: binary cross entropy, averaged per batch.
    """

    def __init__(self, task: MultilabelTask) -> None:
        self.task = task
        state = {
            "hits": torch.zeros(4, task.channels, dtype=torch.int64),  # rightly given, given, there, right at all
            "known": torch.zeros((), dtype=torch.int64),
            "scores": torch.zeros(task.channels, 2, BINS, dtype=torch.int64),
        }
        super().__init__(state, batch_means=_BATCH_MEANS)

    @torch.no_grad()
    def update(self, prediction: Tensor, batch: Batch) -> None:
        """See `Metrics.update`."""
        self.to(prediction.device)
        target, valid = (value.flatten(1) for value in self.task.labels(batch))
        logits = prediction.float().mean((2, 3))
        there, given = (target > 0.5) & valid, (logits > 0) & valid
        right = (there == given) & valid
        self.state["hits"] += torch.stack([(there & given).sum(0), given.sum(0), there.sum(0), right.sum(0)])
        self.state["known"] += valid.sum()
        self.state["scores"] += score_counts(logits, there, valid)
        error = binary_cross_entropy_with_logits(logits, target, reduction="none")
        self.add_batch_mean("err", masked(error, valid).sum(dtype=torch.float64), valid.sum(), len(prediction))

    def compute(self) -> dict[str, float]:
        """See `Metrics.compute`."""
        known, right = int(self.state["known"]), int(self.state["hits"][3].sum())
        classes = {name: mean_of(torch.tensor(values)) for name, values in self.by_class().items()}
        return {**classes, "accuracy": right / known if known else float("nan"), "err": self.batch_mean("err")}

    def by_class(self) -> dict[str, list[float]]:
        """See `Metrics.by_class`."""
        hit, given, there, _ = self.state["hits"].cpu()
        return {
            "auc": areas_under_roc(self.state["scores"].cpu()).tolist(),
            "f1": f1_of(hit, given, there).tolist(),
        }
