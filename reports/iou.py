"""``iou.json``: how far all tasks keep the same weights of each backbone layer."""

import json
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from configs.errors import UserError
from configs.schema import describe


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
    identity: dict[str, Any] | None = None


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


def iou_text(report: IoUReport) -> str:
    """The IoU of every layer, of all layers, and the watershed."""
    width = max(len(layer.name) for layer in report.layers)
    lines = [f"{report.dataset}: IoU of {', '.join(report.tasks)} at keep ratio {report.keep_ratio:g}"]
    for layer in report.layers:
        mark = "  <- watershed" if layer.name == report.watershed else ""
        lines.append(f"  {layer.name:<{width}}  {_number(layer.iou)}{mark}")
    lines.append(f"  {'all these layers':<{width}}  {_number(report.total)}")
    if report.watershed is None:
        lines.append("No watershed: the IoU falls nowhere.")
    return "\n".join(lines)


def _number(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.4f}"
