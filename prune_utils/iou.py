"""How far all tasks keep the same weights of each backbone layer (Sun et al., "DiSparse", CVPR 2022)."""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from torch import Tensor, nn

from configs.errors import UserError
from configs.schema import describe
from prune_utils.layers import Scores, shared_weights
from prune_utils.masks import keep_thresholds


class LayerIoU(BaseModel):
    """One layer: weights that all tasks keep, weights that any keeps, their quotient; none where it is 0 / 0."""

    name: str
    weights: int = Field(ge=0)
    kept_by_all: int = Field(ge=0)
    kept_by_any: int = Field(ge=0)
    iou: float | None = Field(ge=0, le=1, allow_inf_nan=False)


class IoUReport(BaseModel):
    """What ``iou.json`` holds."""

    model_config = ConfigDict(populate_by_name=True)

    version: Literal[1] = Field(1, alias="schema")
    dataset: str
    tasks: list[str] = Field(min_length=2)
    keep_ratio: float = Field(gt=0, le=1)
    num_batches: int = Field(gt=0)
    seed: int
    layers: list[LayerIoU] = Field(min_length=1)
    total: float | None
    watershed: str | None = Field(description="the layer after which the IoU falls most; none where it never falls")
    config: dict[str, Any]
    provenance: dict[str, Any]


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
    defined = [(layer.name, layer.iou) for layer in layers if layer.iou is not None]
    falls = [(before - after, name) for (name, before), (_, after) in zip(defined, defined[1:], strict=False)]
    fall, name = max(falls, key=lambda pair: pair[0], default=(-math.inf, None))
    return name if fall > 0 else None


def read_iou(path: Path) -> IoUReport:
    """Read and check an ``iou.json``.

    Raises:
        UserError: the file is missing, is not JSON, or is not what iou_analysis.py writes.
    """
    try:
        contents = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}; iou_analysis.py writes such files") from error
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: not JSON, or cut short ({error}); iou_analysis.py writes it anew") from error
    try:
        return IoUReport.model_validate(contents)
    except ValidationError as error:
        raise UserError(f"{path}: not an IoU analysis: {describe(error)}; iou_analysis.py writes it anew") from error


def _count(masks: Sequence[Tensor], combine: Any) -> int:
    combined = masks[0].clone()
    for mask in masks[1:]:
        combined = combine(combined, mask)
    return int(combined.count_nonzero())
