"""Heat maps of task x task, with the numbers written in them."""

from collections.abc import Sequence

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize

from reports.colours import text_colour
from reports.similarity.report import Report, matrix
from reports.similarity.summary import near_equal
from reports.wording import shortened

MANY_TASKS = 12
"""Beyond this, a cell has no room for the standard error."""
LONGEST = 24
"""Letters of a task's name."""


def draw_matrix(axes: Axes, report: Report, layer_method: str, sim_method: str) -> None:
    """The matrix with the values written in it, standard errors below them; NaN is left grey.

    Where all pairs are nearly equal, colours and a further number say how far a pair is from the mean pair, in standard
    errors where they are known.

    Raises:
        UserError: as ``Report.select``.
    """
    values = matrix(report, layer_method, sim_method)
    margins = matrix(report, layer_method, sim_method, column="stderr").to_numpy(float)
    numbers = values.to_numpy(float)
    size, few = len(values), len(values) <= MANY_TASKS
    apart = np.where(np.eye(size, dtype=bool), np.nan, numbers)
    known = apart[np.isfinite(apart)]
    texts = [[_cell(numbers[i, j], margins[i, j], few) if i != j else "1" for j in range(size)] for i in range(size)]
    label, colours, norm = "similarity", "cividis", Normalize(0, 1)
    if (found := near_equal(report, layer_method, sim_method)) is not None:
        apart, colours, norm = found.shown, "PuOr_r", Normalize(-found.reach, found.reach)
        unit = "in standard errors" if found.has_errors else "its error is not known"
        label = f"difference from the mean pair, {found.mean:.3f}\n({unit})"
        for i, j in np.argwhere(np.isfinite(apart)) if few else ():
            texts[i][j] += f"\n{apart[i, j]:+.1f} se" if found.has_errors else f"\n{apart[i, j]:+.3f}"
    elif known.size > 2:  # each pair stands there twice
        norm = Normalize(known.min(), known.max())
    shown = np.ma.masked_invalid(apart)
    image = axes.imshow(shown, cmap=matplotlib.colormaps[colours].with_extremes(bad="0.9"), norm=norm)
    backgrounds = image.to_rgba(shown)
    for i, j in np.ndindex(size, size):
        axes.text(j, i, texts[i][j], ha="center", va="center", fontsize=8 if few else 6,
                  color=text_colour(backgrounds[i, j]))
    label_tasks(axes, list(values.index), list(values.columns))
    axes.figure.colorbar(image, ax=axes, shrink=0.8, label=label)


def room_for(names: Sequence[str]) -> tuple[float, float]:
    """Inches that names of tasks take beside the rows of a heat map, and below its columns."""
    longest = min(LONGEST, max(map(len, names)))
    return 0.09 * longest, (0.065 if _slanting(names) else 0.0) * longest + 0.2


def label_tasks(axes: Axes, rows: Sequence[str], columns: Sequence[str]) -> None:
    """Names beside the rows and below the columns of a heat map, without ticks or frame."""
    rows, columns = ([shortened(name, LONGEST) for name in names] for names in (rows, columns))
    long = _slanting(columns)
    axes.set_xticks(range(len(columns)), columns, rotation=45 if long else 0, ha="right" if long else "center",
                    rotation_mode="anchor" if long else "default")
    axes.set_yticks(range(len(rows)), rows)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)


def _slanting(names: Sequence[str]) -> bool:
    return len(names) > 4 or max(map(len, names)) > 8


def _cell(value: float, error: float, few: bool) -> str:
    if np.isnan(value):
        return "n/a"
    if not few:
        return f"{value:.2f}"
    return f"{value:.3f}" if np.isnan(error) else f"{value:.3f}\n\N{PLUS-MINUS SIGN}{error:.3f}"
