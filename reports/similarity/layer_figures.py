"""Bar charts over the layers of a network."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes

from reports.iou import IoUFile
from reports.similarity.figures import PALETTE, new_figure, save_figure, short_names
from reports.sparsity import Counts, sparsity_by_layer, sparsity_by_part

INCHES_PER_LAYER = 0.17
KEPT, PRUNED, MARK = PALETTE[0], "0.88", PALETTE[1]


def draw_sparsity(counts: Counts, path: Path, title: str) -> None:
    """Draw which share of each layer is kept, and how many weights that is, as a PNG.

    Raises:
        UserError: the file cannot be written.
    """
    layers, parts = sparsity_by_layer(counts), sparsity_by_part(counts)
    figure = new_figure(_width(len(layers)), 8)
    shares, numbers = figure.subplots(2, 1, sharex=True)
    places = np.arange(len(layers))
    shares.bar(places, 100, color=PRUNED, label="pruned")
    shares.bar(places, 100 - layers["sparsity"], color=KEPT, label="kept")
    shares.set_ylim(0, 100)
    shares.set_ylabel("weights of the layer [%]")
    numbers.bar(places, layers["weights"], color=PRUNED)
    numbers.bar(places, layers["kept"], color=KEPT)
    numbers.set_yscale("log")
    numbers.set_ylim(bottom=0.8)
    numbers.set_ylabel("weights of the layer")
    numbers.set_xlabel("layer")
    _label(numbers, list(layers.index))
    figure.legend(*shares.get_legend_handles_labels(), loc="outside upper right", ncols=2, frameon=False)
    whole = parts.loc["all"]
    figure.suptitle(f"{title}: {whole['kept']:,.0f} of {whole['weights']:,.0f} weights kept", x=0.02, ha="left")
    save_figure(figure, path)


def draw_ious(reports: Sequence[IoUFile], path: Path) -> None:
    """Draw the IoU over all tasks on each layer, one panel for each report, as a PNG.

    Raises:
        UserError: the file cannot be written.
    """
    most = max(len(report.layers) for report in reports)
    figure = new_figure(_width(most), 3.6 * len(reports) + 0.4)
    for axes, report in zip(figure.subplots(len(reports), 1, squeeze=False)[:, 0], reports, strict=True):
        _draw_iou(axes, report)
    save_figure(figure, path)


def _draw_iou(axes: Axes, report: IoUFile) -> None:
    names = [layer.name for layer in report.layers]
    for index, layer in enumerate(report.layers):
        if layer.iou is None:
            axes.text(index, 0.01, "no task keeps a weight", rotation=90, ha="center", fontsize=6, color="0.4")
        else:
            axes.bar(index, layer.iou, color=KEPT)
    if report.watershed in names:
        place = names.index(report.watershed) + 0.5
        axes.axvline(place, color=MARK, linestyle="--", linewidth=1.4)
        axes.text(place + 0.1, 0.99, "watershed", color=MARK, fontsize=8, va="top")
    total = "undefined" if report.total is None else f"{report.total:.3f}"
    axes.set_title(
        f"{report.dataset}: {', '.join(report.tasks)}; keep ratio {report.keep_ratio:g}, IoU of all layers {total}",
        fontsize=10,
    )
    axes.set_ylim(0, 1)
    axes.set_ylabel("IoU over all tasks")
    axes.set_xlabel("layer of the backbone")
    _label(axes, names)


def _label(axes: Axes, names: Sequence[str]) -> None:
    axes.set_xticks(range(len(names)), short_names(names), rotation=90, fontsize=7)
    axes.set_xlim(-0.7, len(names) - 0.3)


def _width(layers: int) -> float:
    return max(7.0, INCHES_PER_LAYER * layers + 1.5)
