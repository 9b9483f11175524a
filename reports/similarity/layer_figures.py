"""Charts over the layers of a network, by stage where there are many."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import NullFormatter

from reports.iou import IoUFile
from reports.similarity.figures import PALETTE, new_figure, save_figure
from reports.sparsity import Counts, sparsity_by_layer, sparsity_by_part
from reports.stages import label_stages, stages

INCHES_PER_LAYER = 0.17
INCHES_PER_STAGE = 0.34
KEPT, MARK = PALETTE[0], PALETTE[1]


def draw_sparsity(counts: Counts, path: Path, title: str) -> None:
    """Draw which share of each stage is kept, and how many weights that is, as a PNG; points are its layers.

    Raises:
        UserError: the file cannot be written.
    """
    layers, whole = sparsity_by_layer(counts), sparsity_by_part(counts).loc["all"]
    groups = stages(list(layers.index))
    totals = pd.DataFrame({name: layers[["kept", "weights"]].iloc[at].sum() for name, at in groups.items()}).T
    figure = new_figure(10, max(3.2, INCHES_PER_STAGE * len(groups) + 1.5))
    shares, numbers = figure.subplots(1, 2, sharey=True, width_ratios=[3, 2])
    places = np.arange(len(groups))
    shares.barh(places, 100 * totals["kept"] / totals["weights"], color=KEPT, alpha=0.45, label="kept of the stage")
    for place, at in enumerate(groups.values()):
        kept = 100 - layers["sparsity"].iloc[at]
        spread = np.linspace(-0.28, 0.28, len(at)) if len(at) > 1 else [0.0]
        shares.plot(kept, place + np.asarray(spread), "o", color=KEPT, markersize=3.5,
                    label="kept of a layer" if place == 0 else None)
    shares.axvline(100 - whole["sparsity"], color=MARK, linestyle="--", linewidth=1.2, label="kept of all")
    shares.set_xlim(-2, 102)
    shares.set_xlabel("weights kept [%]")
    shares.set_yticks(places, [f"{name} ({len(at)})" if len(at) > 1 else name for name, at in groups.items()])
    shares.set_ylim(len(groups) - 0.4, -0.6)
    numbers.hlines(places, totals["kept"].clip(lower=1), totals["weights"], color="0.75", linewidth=1.2)
    numbers.plot(totals["weights"], places, "o", color="0.45", markerfacecolor="white", label="weights")
    numbers.plot(totals["kept"].where(totals["kept"] > 0), places, "o", color=KEPT, label="kept")
    numbers.set_xscale("log")
    numbers.xaxis.set_major_formatter(lambda value, place: f"{value:,.0f}")  # not powers: mathematics is off
    numbers.xaxis.set_minor_formatter(NullFormatter())
    numbers.set_xlabel("weights of the stage")
    for axes in (shares, numbers):
        axes.grid(axis="x", alpha=0.3)
        axes.set_axisbelow(True)
        axes.tick_params(axis="y", length=0)
        axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3, frameon=False, fontsize=8)
    figure.suptitle(f"{title}: {whole['kept']:,.0f} of {whole['weights']:,.0f} weights kept", x=0.02, ha="left",
                    fontsize=11)
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
    label_stages(axes, names)


def _width(layers: int) -> float:
    return float(np.clip(INCHES_PER_LAYER * layers + 1.5, 7.0, 14.0))
