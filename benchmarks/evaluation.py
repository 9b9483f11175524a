"""Evaluating segmentation at 480 x 640 and 40 classes, against collecting everything for scikit-learn."""

import numpy as np
import torch
from sklearn.metrics import confusion_matrix
from torch import Tensor
from torch.nn import functional as F

from benchmarks.timing import Row, interleaved
from configs import load_config
from runtime.provenance import peak_memory_mb
from tasks import build_tasks

IMAGES, BATCH, CLASSES = 24, 8, 40


def measure() -> list[Row]:
    """Images a second of the metrics alone; the predictions are given."""
    task = build_tasks(load_config("nyuv2"), None)["seg"]
    batches = list(made_up_batches())

    def streaming() -> dict[str, float]:
        metrics = task.new_metrics()
        for prediction, target in batches:
            metrics.update(prediction, {"seg": target})
        return metrics.compute()

    ours, collecting = interleaved(streaming, lambda: collect(batches), repeats=3)
    before = peak_memory_mb()
    for _ in range(3):
        streaming()
    return [
        Row("evaluation", "images a second over collecting for scikit-learn", f"{collecting / ours:.0f} x", ">= 5 x"),
        Row("evaluation", f"memory added by {3 * IMAGES} more images", f"{peak_memory_mb() - before:.0f} MiB", "0"),
    ]


def made_up_batches() -> list[tuple[Tensor, Tensor]]:
    """Predictions [N, 40, 60, 80] and targets [N, 1, 480, 640]."""
    generator = torch.Generator().manual_seed(0)
    return [
        (
            torch.randn(BATCH, CLASSES, 60, 80, generator=generator),
            torch.randint(0, CLASSES, (BATCH, 1, 480, 640), generator=generator),
        )
        for _ in range(IMAGES // BATCH)
    ]


def collect(batches: list[tuple[Tensor, Tensor]]) -> tuple[np.ndarray, float]:
    """All predictions and labels in memory, then one confusion matrix; the cross entropy batch by batch."""
    labels, chosen, errors = [], [], []
    for prediction, target in batches:
        large = F.interpolate(prediction, target.shape[-2:])
        errors.append(F.cross_entropy(large, target[:, 0]).item())
        chosen.append(large.argmax(1).flatten().numpy())
        labels.append(target.flatten().numpy())
    matrix = confusion_matrix(np.concatenate(labels), np.concatenate(chosen), labels=np.arange(CLASSES))
    return matrix, float(np.mean(errors))
