"""Pictures of similarities. Nothing here touches pyplot's global state; every figure is its own.

Colours: cividis for matrices (purple to orange around zero) and Okabe & Ito's palette for lines, which colour-blind
readers can tell apart; lines also differ in marker and dash.
"""

import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from configs.paths import replacing
from reports.similarity.matrices import MANY_TASKS, draw_matrix, room_for
from reports.similarity.report import METRIC_NAMES, WEIGHTING_NAMES, Report, layer_similarity
from reports.similarity.summary import ranking
from reports.stages import label_stages
from reports.wording import counted

PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = "osD^v<>"
DASHES = ("-", "--", "-.", (0, (1, 1)), (0, (5, 1, 1, 1, 1, 1)), (0, (8, 2)), (0, (3, 1)))
MANY_PAIRS = 7
"""More pairs than this cannot be told apart as lines; the most and the least similar ones are drawn."""
EACH_END = 3
LAYERS_WIDTH = 7.5
"""Inches for the picture by layer."""
APART = 0.16
"""Between the ranges of two lines at one place, so that none hides another."""


def draw_similarity(report: Report, path: Path, layer_method: str, sim_method: str) -> None:
    """Draw the matrix (mean over all sparsities) and each pair's similarity layer by layer, as a PNG.

    Raises:
        UserError: the report has no such weighting or measure, or the file cannot be written.
    """
    few = len(report.tasks) <= MANY_TASKS
    cells, (beside, below) = max(3.2, (0.62 if few else 0.42) * len(report.tasks)), room_for(report.tasks)
    side = cells + beside + 1.2
    figure = new_figure(side + LAYERS_WIDTH, max(4.8, cells + below + 1.2))
    left, right = figure.subplots(1, 2, width_ratios=[side, LAYERS_WIDTH])
    draw_matrix(left, report, layer_method, sim_method)
    _draw_layers_of_pairs(right, report, layer_method, sim_method)
    metric = METRIC_NAMES.get(sim_method, sim_method)
    weighting = WEIGHTING_NAMES.get(layer_method, layer_method)
    remark = "\n\N{PLUS-MINUS SIGN} standard error over seeds" if few and report.num_seeds > 1 else ""
    left.set_title(f"Over all layers, weighting: {weighting}{remark}", fontsize=10)
    right.set_ylabel(metric)
    sparsities = ", ".join(map(str, report.sparsities))
    figure.suptitle(
        f"{report.dataset}: similarity of tasks by {metric}, sparsity {sparsities} %; "
        f"{counted(report.num_seeds, 'seed')}, {counted(report.num_batches, 'batch')}",
        fontsize=12,
    )
    save_figure(figure, path)


def new_figure(width: float, height: float) -> Figure:
    """An empty figure, in inches, whose layout keeps labels and legends inside."""
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def save_figure(figure: Figure, path: Path) -> None:
    """Write a PNG, whole or not at all.

    Raises:
        UserError: the file cannot be written.
    """
    for text in figure.findobj(Text):
        text.set_parse_math(False)  # a dollar sign in a name is one
    # Labels of ticks are made while the figure is drawn; a character that the font lacks is drawn as a box.
    with (
        replacing(path) as temporary,
        matplotlib.rc_context({"text.parse_math": False}),
        warnings.catch_warnings(action="ignore"),
    ):
        figure.savefig(temporary, format="png", dpi=150)


def draw_lines(axes: Axes, x: Sequence[float], lines: Mapping[str, np.ndarray],
               ranges: Mapping[str, tuple[np.ndarray, np.ndarray]] | None = None,
               hollow: Mapping[str, np.ndarray] | None = None) -> None:
    """Lines with markers, at most seven; the legend stands beside the axes.

    Args:
        x: P positions.
        lines: label -> P values; NaN leaves a gap.
        ranges: label -> lower and upper ends of a bar at each position, P values each; lines with bars stand a little
            beside one another, since bands would lie one over another.
        hollow: label -> P values drawn as hollow markers that no line joins; NaN for none.
    """
    drawn = []
    for index, (label, values) in enumerate(lines.items()):
        colour, marker = PALETTE[index], MARKERS[index]
        at = np.asarray(x, dtype=float) + (APART * (index - (len(lines) - 1) / 2) if ranges else 0.0)
        drawn += axes.plot(at, values, color=colour, marker=marker, markersize=4, linestyle=DASHES[index],
                           linewidth=1.4)
        if ranges and label in ranges:
            axes.vlines(at, *ranges[label], color=colour, alpha=0.6, linewidth=1.2)
        if hollow and label in hollow:
            axes.plot(at, hollow[label], color=colour, marker=marker, markersize=4, linestyle="none",
                      markerfacecolor="white")
    axes.grid(alpha=0.3)
    name_in_legend(axes, drawn, lines, loc="upper left", bbox_to_anchor=(1.01, 1), borderaxespad=0, frameon=False,
                   handlelength=3.2)


def name_in_legend(place: Axes | Figure, drawn: Sequence[Artist], names: Iterable[str], **options: Any) -> None:
    """A legend with these names, whatever they are: matplotlib itself leaves out what begins with an underscore."""
    legend = place.legend(handles=drawn, labels=[" "] * len(drawn), **options)
    for text, name in zip(legend.get_texts(), names, strict=True):
        text.set_text(name)


def _draw_layers_of_pairs(axes: Axes, report: Report, layer_method: str, sim_method: str) -> None:
    by_layer = layer_similarity(report, sim_method)
    ranked = ranking(report, layer_method, sim_method).dropna(subset="value")
    if by_layer.empty or ranked.empty:
        axes.set_axis_off()
        axes.text(0.5, 0.5, "no similarity by layer in this file", ha="center", transform=axes.transAxes)
        return
    title = ["By layer, not weighted; mean over seeds and sparsities"]
    pairs = [",".join(pair) for pair in ranked.index.tolist()]
    if len(pairs) > MANY_PAIRS:
        title.append(f"Of {len(pairs)} pairs, the {EACH_END} most and the {EACH_END} least similar")
        pairs = pairs[:EACH_END] + pairs[-EACH_END:]
    by_pair = by_layer.T.groupby(level="pair")
    means, lows, highs = by_pair.mean().T, by_pair.min().T, by_pair.max().T
    # A mean over fewer sparsities is not comparable with its neighbours: no line joins it to them.
    partial = by_pair.count().T.lt(len(report.sparsities))
    names = {pair: pair.replace(",", "/") for pair in pairs}
    lines = {names[pair]: means[pair].mask(partial[pair]).to_numpy() for pair in pairs}
    hollow = {names[pair]: means[pair].where(partial[pair]).to_numpy() for pair in pairs}
    ranges = {}
    if len(report.sparsities) > 1 and len(pairs) <= EACH_END:
        title.append("Bar: from the least similar sparsity to the most similar one")
        edges = lows.mask(partial), highs.mask(partial)
        ranges = {names[pair]: (edges[0][pair].to_numpy(), edges[1][pair].to_numpy()) for pair in pairs}
    if any(np.isfinite(values).any() for values in hollow.values()):
        title.append("Hollow: undefined at some sparsity, mean of the others")
    draw_lines(axes, range(len(by_layer)), lines, ranges, hollow)
    label_stages(axes, list(by_layer.index))
    axes.set_title("\n".join(title), fontsize=10)
    axes.set_xlabel("layer of the backbone")
