"""``iou.json``: how far all tasks keep the same weights of each backbone layer."""

from typing import Any, ClassVar

from pydantic import Field

from reports.files import JsonFile, Part


class LayerIoU(Part):
    """One layer: weights that all tasks keep, weights that any keeps, their quotient; none where it is 0 / 0."""

    name: str
    weights: int = Field(ge=0)
    kept_by_all: int = Field(ge=0)
    kept_by_any: int = Field(ge=0)
    iou: float | None = Field(ge=0, le=1, allow_inf_nan=False)


class IoUFile(JsonFile):
    """The IoU of the layers that are compared, from one network's scores at initialisation."""

    what: ClassVar[str] = "an IoU analysis"
    writer: ClassVar[str] = "iou_analysis.py"

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


def iou_text(report: IoUFile) -> str:
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
