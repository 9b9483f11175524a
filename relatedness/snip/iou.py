"""How far all tasks keep the same weights of each backbone layer (Sun et al., "DiSparse", CVPR 2022)."""

import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from tqdm import tqdm

from prune_utils.initialisation import scores_at_initialisation
from prune_utils.layers import Scores, shared_weights
from prune_utils.masks import keep_thresholds
from reports.iou import IoUFile, LayerIoU
from runtime.identity import identity_of
from runtime.passes import scored_samples, task_magnitudes
from runtime.provenance import Stopwatch, provenance
from runtime.setup import Setup


def analyse(setup: Setup, num_batches: int, keep_ratio: float) -> IoUFile:
    """Score one network with every task and compare what they keep."""
    watch = Stopwatch()
    further = {"seed": setup.seed, "num_batches": num_batches, "keep_ratio": keep_ratio}
    samples = scored_samples(setup, num_batches, setup.seed)
    identity = identity_of("scores", setup, sources=samples, entry=[__name__], further=further)
    with watch.stage("scoring"), tqdm(total=num_batches, unit="batch", disable=not setup.runtime.is_main) as bar:
        magnitudes = partial(task_magnitudes, setup, num_batches=num_batches, seed=setup.seed, bar=bar)
        net, scores = scores_at_initialisation(setup.network(), setup.seed, magnitudes, setup.init)
    with watch.stage("comparing"):
        layers = layer_ious(scores, compared_layers(net), keep_ratio)
    return IoUFile(
        dataset=setup.config.name,
        tasks=list(setup.tasks),
        keep_ratio=keep_ratio,
        num_batches=num_batches,
        seed=setup.seed,
        layers=layers,
        total=total_iou(layers),
        watershed=watershed(layers),
        config=setup.config.model_dump(mode="json"),
        provenance=provenance(setup.runtime, watch.seconds),
        identity=identity.model_dump(mode="json"),
    )


def compared_layers(net: nn.Module) -> list[str]:
    """Weights of the backbone in its order, without the down-sampling layers that it declares.

    Those are the weights of the shortcuts between stages; a backbone names them, relative to itself, in the
    attribute ``shortcut_layers``.
    """
    shortcuts = {f"backbone.{name}" for name in getattr(net.backbone, "shortcut_layers", ())}
    return [name for name in shared_weights(net) if name not in shortcuts]


@torch.no_grad()
def layer_ious(scores: Mapping[str, Scores], layers: Sequence[str], keep_ratio: float) -> list[LayerIoU]:
    """The IoU over all tasks on each layer.

    Args:
        scores: task -> scores of the backbone and its own head.
        layers: names of shared weights.
        keep_ratio: share of backbone and own head, together, that each task keeps.
    """
    thresholds = {task: keep_thresholds(task_scores, [keep_ratio])[0] for task, task_scores in scores.items()}
    found = []
    for layer in layers:
        masks = [task_scores[layer] >= thresholds[task] for task, task_scores in scores.items()]
        by_all, by_any = _count(masks, Tensor.logical_and), _count(masks, Tensor.logical_or)
        found.append(
            LayerIoU(
                name=layer.removesuffix(".weight"),
                weights=masks[0].numel(),
                kept_by_all=by_all,
                kept_by_any=by_any,
                iou=by_all / by_any if by_any else None,
            )
        )
    return found


def total_iou(layers: Sequence[LayerIoU]) -> float | None:
    """The IoU of all these layers taken as one; None where no task keeps a weight of them."""
    by_any = sum(layer.kept_by_any for layer in layers)
    return sum(layer.kept_by_all for layer in layers) / by_any if by_any else None


def watershed(layers: Sequence[LayerIoU]) -> str | None:
    """The layer after which the IoU falls most, the first of equals; None where it never falls.

    A layer without an IoU is passed over: the fall is from the layer before it to the layer after it.
    """
    return steepest_fall([(layer.name, layer.iou) for layer in layers if layer.iou is not None])


def steepest_fall(values: Sequence[tuple[str, float]]) -> str | None:
    """The layer after which the value falls most, the first of equals; None where it never falls."""
    falls = [(before - after, name) for (name, before), (_, after) in zip(values, values[1:], strict=False)]
    fall, name = max(falls, key=lambda pair: pair[0], default=(-math.inf, None))
    return name if fall > 0 else None


def _count(masks: Sequence[Tensor], combine: Any) -> int:
    combined = masks[0].clone()
    for mask in masks[1:]:
        combined = combine(combined, mask)
    return int(combined.count_nonzero())
