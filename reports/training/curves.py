"""The picture of a run: losses and main metrics over the iterations."""

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from reports.similarity.figures import PALETTE, new_figure, save_figure
from reports.training.log_columns import loss_column, metric_column

COLUMNS = 4
POINTS = 1500
"""Points of a line; a longer run is drawn as means over equal parts."""
LEAST_SPAN = 0.01
"""Of an axis of metrics, as a share of them."""
SMOOTHED = 50
"""The dark line is a mean over this many-th part of the run."""


def draw_curves(log: Path, picture: Path, tasks: Mapping[str, tuple[str, bool]], title: str, split: str) -> None:
    """Draw the log of a run: a panel for the weighted sum of the losses and one for each task.

    Args:
        tasks: each task's main metric, and whether more of it is better.
        split: that the metrics are of.

    Raises:
        UserError: the picture cannot be written.
    """
    try:
        frame = pd.read_csv(log)
    except (OSError, ValueError):  # removed or cut short by somebody: there is nothing to draw, and no reason to stop
        return
    wanted = {"iteration", "loss", *(loss_column(task) for task in tasks)}
    if frame.empty or not wanted <= set(frame.columns):
        return
    panels: dict[str, tuple[str, bool] | None] = {"sum of weighted losses": None, **tasks}
    columns = min(COLUMNS, math.ceil(math.sqrt(len(panels))))
    rows = -(-len(panels) // columns)
    figure = new_figure(4.9 * columns, 3.1 * rows + 0.5)
    grid = figure.subplots(rows, columns, squeeze=False).flatten()
    for axes, (name, main) in zip(grid, panels.items(), strict=False):
        _draw_loss(axes, frame, "loss" if main is None else loss_column(name))
        axes.set_title(name, fontsize=10)
        axes.set_xlabel("iteration")
        axes.xaxis.set_major_locator(MaxNLocator("auto", integer=True))
        if main is not None:
            _draw_metric(axes, frame, name, main, split)
    for axes in grid[len(panels) :]:
        axes.set_axis_off()
    figure.suptitle(title, fontsize=12)
    save_figure(figure, picture)


def _draw_loss(axes: Axes, frame: pd.DataFrame, column: str) -> None:
    window = max(1, len(frame) // SMOOTHED)
    parts = np.arange(len(frame)) // -(-len(frame) // POINTS)
    lines = pd.DataFrame(
        {"x": frame["iteration"], "raw": frame[column], "mean": frame[column].rolling(window, min_periods=1).mean()}
    ).groupby(parts).mean()
    axes.plot(lines["x"], lines["raw"], color=PALETTE[0], alpha=0.3, linewidth=0.8)
    alone = "o" if len(lines) == 1 else None  # a line needs two points
    axes.plot(lines["x"], lines["mean"], color=PALETTE[0], linewidth=1.6, marker=alone)
    axes.set_ylabel("training loss", color=PALETTE[0])
    # The first steps of a run can be far above all others; they may leave the picture.
    finite = lines["raw"].dropna()
    if len(finite) > POINTS // 10:
        low, high = finite.quantile([0.0, 0.995])
        axes.set_ylim(low - 0.05 * (high - low), high + 0.05 * (high - low) or None)
    axes.grid(alpha=0.3)


def _draw_metric(losses: Axes, frame: pd.DataFrame, task: str, main: tuple[str, bool], split: str) -> None:
    """The metric on an axis of its own at the right; a single validation is said in the title, since it is no curve."""
    metric, up = main
    points = frame[["iteration", metric_column(task, metric)]].dropna()
    arrow = "\N{UPWARDS ARROW}" if up else "\N{DOWNWARDS ARROW}"
    if len(points) < 2:
        for iteration, value in points.to_numpy(float):
            losses.set_title(f"{task}; {split} at {iteration:.0f}: {metric} {arrow} {value:.4g}", fontsize=10)
        return
    axes = losses.twinx()
    values = points.to_numpy(float)[:, 1]
    if np.ptp(values) < (least := LEAST_SPAN * float(np.abs(values).max())):  # rounding alone is no curve
        axes.set_ylim(values.mean() - least, values.mean() + least)
    axes.ticklabel_format(axis="y", useOffset=False)
    axes.plot(*points.to_numpy(float).T, color=PALETTE[1], marker="o", markersize=3, linestyle="--", linewidth=1)
    axes.set_ylabel(f"{split}: {metric} {arrow}", color=PALETTE[1])
