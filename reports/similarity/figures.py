"""Pictures of similarities. Nothing here touches pyplot's global state; every figure is its own.

Colours: cividis for matrices and Okabe & Ito's palette for lines, which colour-blind readers can tell apart;
lines also differ in marker and dash.
"""

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.text import Text

from configs.paths import replacing
from reports.colours import text_colour
from reports.similarity.report import METRIC_NAMES, WEIGHTING_NAMES, Report, layer_similarity, matrix
from reports.similarity.summary import ranking

PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = "osD^v<>"
DASHES = ("-", "--", "-.", (0, (1, 1)), (0, (5, 1, 1, 1, 1, 1)), (0, (8, 2)), (0, (3, 1)))
MANY_PAIRS = 7
"""More pairs than this cannot be told apart as lines; the most and the least similar ones are drawn."""
EACH_END = 3
MANY_LAYERS = 60
MANY_TASKS = 12
"""Beyond this, a cell has no room for the standard error."""
LEAST_SPAN = 0.05
"""A matrix's colours span at least this, lest differences without meaning look large."""


def draw_similarity(report: Report, path: Path, layer_method: str, sim_method: str) -> None:
    """Draw the matrix (mean over all sparsities) and each pair's similarity layer by layer, as a PNG.

    Raises:
        UserError: the report has no such weighting or measure, or the file cannot be written.
    """
    values = matrix(report, layer_method, sim_method)
    few = len(report.tasks) <= MANY_TASKS
    side = max(3.2, (0.62 if few else 0.42) * len(report.tasks)) + 1.6
    figure = new_figure(side + 9.5, max(4.8, side + 0.4))
    left, right = figure.subplots(1, 2, width_ratios=[side, 9.5])
    draw_matrix(left, values, matrix(report, layer_method, sim_method, column="stderr"))
    _draw_layers_of_pairs(right, report, layer_method, sim_method)
    metric = METRIC_NAMES.get(sim_method, sim_method)
    weighting = WEIGHTING_NAMES.get(layer_method, layer_method)
    remark = "\n\N{PLUS-MINUS SIGN} standard error over seeds" if few and report.num_seeds > 1 else ""
    left.set_title(f"Over all layers, weighting: {weighting}{remark}", fontsize=10)
    right.set_ylabel(metric)
    sparsities = ", ".join(map(str, report.sparsities))
    figure.suptitle(
        f"{report.dataset}: similarity of tasks by {metric}, sparsity {sparsities} %; "
        f"{report.num_seeds} {'seed' if report.num_seeds == 1 else 'seeds'}, "
        f"{report.num_batches} {'batch' if report.num_batches == 1 else 'batches'}",
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


def draw_matrix(axes: Axes, values: pd.DataFrame, errors: pd.DataFrame) -> None:
    """A task x task heat map with the values written in it, standard errors below them; NaN is left grey."""
    size = len(values)
    apart = ~np.eye(size, dtype=bool)
    numbers = values.to_numpy(float)
    shown = np.ma.masked_invalid(np.where(apart, numbers, np.nan))
    colours = matplotlib.colormaps["cividis"].with_extremes(bad="0.9")
    image = axes.imshow(shown, cmap=colours, norm=_norm(shown.compressed()))
    few = size <= MANY_TASKS
    margins = errors.to_numpy(float)
    backgrounds = image.to_rgba(shown)
    for i, j in np.ndindex(size, size):
        text = "1" if i == j else _cell(float(numbers[i, j]), float(margins[i, j]), few)
        axes.text(j, i, text, ha="center", va="center", fontsize=8 if few else 6,
                  color=text_colour(backgrounds[i, j]))
    label_tasks(axes, list(values.index), list(values.columns))
    axes.figure.colorbar(image, ax=axes, shrink=0.8, label="similarity")


def label_tasks(axes: Axes, rows: Sequence[str], columns: Sequence[str]) -> None:
    """Names beside the rows and below the columns of a heat map, without ticks or frame."""
    long = len(columns) > 4 or max(map(len, columns)) > 8
    axes.set_xticks(range(len(columns)), columns, rotation=45 if long else 0, ha="right" if long else "center",
                    rotation_mode="anchor" if long else "default")
    axes.set_yticks(range(len(rows)), rows)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)


def draw_lines(axes: Axes, x: Sequence[float], lines: Mapping[str, np.ndarray],
               bands: Mapping[str, tuple[np.ndarray, np.ndarray]] | None = None,
               hollow: Mapping[str, np.ndarray] | None = None) -> None:
    """Lines with markers, at most seven; the legend stands beside the axes.

    Args:
        x: P positions.
        lines: label -> P values; NaN leaves a gap.
        bands: label -> lower and upper edge of a band, P values each.
        hollow: label -> P values drawn as hollow markers that no line joins; NaN for none.
    """
    for index, (label, values) in enumerate(lines.items()):
        colour, marker = PALETTE[index], MARKERS[index]
        axes.plot(x, values, label=label, color=colour, marker=marker, markersize=4, linestyle=DASHES[index],
                  linewidth=1.4)
        if bands and label in bands:
            axes.fill_between(x, *bands[label], color=colour, alpha=0.15, linewidth=0)
        if hollow and label in hollow:
            axes.plot(x, hollow[label], color=colour, marker=marker, markersize=4, linestyle="none",
                      markerfacecolor="white")
    axes.grid(alpha=0.3)
    axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1), borderaxespad=0, frameon=False, handlelength=3.2)


def label_layers(axes: Axes, names: Sequence[str]) -> None:
    """Layer names below the axes, without what they share; of very many only every other, third, ..."""
    short = short_names(names)
    step = -(-len(short) // MANY_LAYERS)
    axes.set_xticks(range(0, len(short), step), short[::step], rotation=90, fontsize=7)
    axes.set_xlim(-0.7, len(short) - 0.3)


def short_names(names: Sequence[str]) -> list[str]:
    """Parameter names without ``.weight`` and without the leading parts that all of them share."""
    parts = [name.removesuffix(".weight").split(".") for name in names]
    shared = 0
    while all(len(part) > shared + 1 and part[shared] == parts[0][shared] for part in parts):
        shared += 1
    return [".".join(part[shared:]) for part in parts]


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
    bands = {}
    if len(report.sparsities) > 1 and len(pairs) <= EACH_END:
        title.append("Band: from the least similar sparsity to the most similar one")
        edges = lows.mask(partial), highs.mask(partial)
        bands = {names[pair]: (edges[0][pair].to_numpy(), edges[1][pair].to_numpy()) for pair in pairs}
    if any(np.isfinite(values).any() for values in hollow.values()):
        title.append("Hollow: undefined at some sparsity, mean of the others")
    draw_lines(axes, range(len(by_layer)), lines, bands, hollow)
    label_layers(axes, list(by_layer.index))
    axes.set_title("\n".join(title), fontsize=10)
    axes.set_xlabel("layer of the backbone")


def _norm(values: np.ndarray) -> Normalize:
    """From the least to the largest value, but no less than LEAST_SPAN, and 0 to 1 without values."""
    if not len(values):
        return Normalize(0, 1)
    low, high = values.min(), values.max()
    spare = max(0.0, LEAST_SPAN - (high - low)) / 2
    return Normalize(low - spare, high + spare)


def _cell(value: float, error: float, few: bool) -> str:
    if np.isnan(value):
        return "n/a"
    if not few:
        return f"{value:.2f}"
    return f"{value:.3f}" if np.isnan(error) else f"{value:.3f}\n\N{PLUS-MINUS SIGN}{error:.3f}"
