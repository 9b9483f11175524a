"""The estimators side by side: each a matrix on the scale from its floor to its ceiling, with intervals."""

from collections.abc import Sequence
from math import ceil
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, Normalize

from reports.colours import text_colour
from reports.intervals import LEVEL
from reports.relatedness.file import RelatednessFile
from reports.relatedness.summary import MOST_SENSITIVITY, Summary
from reports.similarity.figures import new_figure, save_figure
from reports.similarity.matrices import MANY_TASKS, label_tasks, room_for
from reports.wording import counted

FEW, ACROSS = 4, (2, 3)
"""Matrices in a row of a few and of more: so that their numbers can be read where the picture is as wide as a page."""
CELL_WIDTH, CELL_HEIGHT = 0.72, (0.44, 0.3)
"""In inches; the height with and without room for an interval."""
UNSCALED = "0.94"
"""The cells of an estimator that has no scale."""


def draw_relatedness(report: RelatednessFile, summaries: Sequence[Summary], path: Path) -> None:
    """Draw every estimator's matrix as a PNG: row = the task that is helped, column = its partner.

    Colours say where a value lies from floor (0) to ceiling (1), the same in all matrices. Where an estimator has no
    such scale, since it cannot tell a twin from noise or there are no controls, its values stand without colours.

    Raises:
        UserError: the file cannot be written.
    """
    across = min(len(summaries), ACROSS[len(summaries) > FEW])
    down = ceil(len(summaries) / across)
    size = len(report.tasks)
    beside, below = room_for(report.tasks)
    width = max(2.6, CELL_WIDTH * size) + beside + 0.2
    height = max(1.2, CELL_HEIGHT[size > MANY_TASKS] * size) + below + 0.6
    figure = new_figure(across * width + 1.2, down * height + 0.6)
    panels = figure.subplots(down, across, squeeze=False)
    norm = Normalize(0, 1)
    colours = matplotlib.colormaps["cividis"].with_extremes(bad=UNSCALED)
    for axes, summary in zip(panels.flat, summaries, strict=False):
        _draw_panel(axes, summary, report.replicates, norm, colours)
    for axes in panels.flat[len(summaries) :]:
        axes.set_axis_off()
    if any(np.isfinite(summary.scaled.to_numpy()).any() for summary in summaries):
        bar = figure.colorbar(matplotlib.cm.ScalarMappable(norm, colours), ax=panels, shrink=0.7, pad=0.02)
        bar.set_ticks([0, 1], labels=["floor:\nnoise", "ceiling:\nexact twin"])
    replicates, batches = counted(report.replicates, "replicate"), f"{counted(report.num_batches, 'batch')} each"
    spread = f"; \N{PLUS-MINUS SIGN} half the {100 * LEVEL:.0f} % interval" if report.replicates > 1 else ""
    what = f"{report.dataset}: how much a task (row) is helped by a partner (column)"
    lines = [what, f"{replicates}, {batches}{spread}"]
    if _some_lack_a_scale(summaries):
        lines.append("On grey: values as they are, where floor and twin cannot be told apart")
    figure.suptitle("\n".join(lines), fontsize=12)
    save_figure(figure, path)


def _some_lack_a_scale(summaries: Sequence[Summary]) -> bool:
    """Whether some values have a scale and others have none."""
    cells = np.concatenate([s.scaled.to_numpy(float)[~np.eye(len(s.scaled), dtype=bool)] for s in summaries])
    return bool(np.isfinite(cells).any() and not np.isfinite(cells).all())


def _draw_panel(axes: Axes, summary: Summary, replicates: int, norm: Normalize, colours: Colormap) -> None:
    tasks = list(summary.values.index)
    scale = summary.scaled.to_numpy(float)
    image = axes.imshow(np.ma.masked_invalid(scale), cmap=colours, norm=norm, aspect="auto")
    diagonal = np.ma.masked_equal(np.eye(len(tasks)), 0)
    axes.imshow(diagonal, cmap="Greys_r", vmin=0, vmax=1, aspect="auto")  # white
    backgrounds = image.to_rgba(np.ma.masked_invalid(scale))
    for a, b in np.ndindex(scale.shape):
        if a == b:
            continue
        on_scale = np.isfinite(scale[a, b])
        shown = (summary.scaled, summary.scaled_margins) if on_scale else (summary.values, summary.margins)
        value, margin = (float(frame.to_numpy(float)[a, b]) for frame in shown)
        axes.text(b, a, _cell(value, margin, len(tasks), 2 if on_scale else 3), ha="center", va="center",
                  fontsize=8 if len(tasks) <= MANY_TASKS else 6,
                  color=text_colour(backgrounds[a, b]) if on_scale else "0.2")
    _part_cells(axes, len(tasks))
    label_tasks(axes, tasks, tasks)
    axes.set_title(f"{summary.label}\n{_worth(summary, replicates)}", fontsize=10)


def _part_cells(axes: Axes, size: int) -> None:
    """White lines between the cells."""
    for place in range(size - 1):
        axes.axhline(place + 0.5, color="white", linewidth=1.5)
        axes.axvline(place + 0.5, color="white", linewidth=1.5)


def _worth(summary: Summary, replicates: int) -> str:
    if summary.ceiling is None:
        return "no controls: raw values"
    if summary.tells_twin_from_noise is None:
        return "sensitivity unknown" if replicates < 2 else "floor or ceiling undefined"
    apart = f"{summary.sensitivity:.1f} standard errors"
    if summary.tells_twin_from_noise:
        return f"twin above noise by {apart}" if summary.sensitivity < MOST_SENSITIVITY else "twin above noise"
    return f"cannot tell a twin from noise\n({apart}); raw values"


def _cell(value: float, margin: float, tasks: int, digits: int) -> str:
    if np.isnan(value):
        return "n/a"
    number = f"{value:z.{digits}f}"
    if np.isnan(margin) or tasks > MANY_TASKS:
        return number
    return f"{number}\n\N{PLUS-MINUS SIGN}{margin:.{digits}f}"
