"""Heat maps of task x task, with the numbers written in them."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize

from reports.colours import text_colour
from reports.intervals import interval
from reports.similarity.report import Report, matrix
from reports.wording import shortened

MANY_TASKS = 12
"""Beyond this, a cell has no room for the standard error."""
LONGEST = 24
"""Letters of a task's name."""
LEAST_SPAN = 0.05
"""Values that are closer than this are coloured by their difference from the mean pair."""
LEAST_ERRORS, MOST_ERRORS = 4.0, 10.0
"""Standard errors at which the colours of differences end: no fewer, lest noise look large, and no more."""
LEAST_DIFFERENCE = LEAST_SPAN / 2
"""The same where no error is known, so that a difference that may mean nothing stays pale."""


@dataclass(frozen=True)
class Differences:
    """How far pairs are from their mean, task x task; NaN where undefined.

    Attributes:
        mean: of all pairs.
        values: differences from it.
        in_errors: the same in standard errors of the difference, paired over seeds; NaN where none is known.
    """

    mean: float
    values: np.ndarray
    in_errors: np.ndarray


def differences(report: Report, layer_method: str, sim_method: str) -> Differences:
    """Of each pair from the mean pair, over all sparsities.

    Raises:
        UserError: as ``Report.select``.
    """
    pairs = report.pairs(layer_method, sim_method)
    defined = [one for one in pairs.values() if np.isfinite(one.value)]
    mean = float(np.mean([one.value for one in defined])) if defined else float("nan")
    seeds = [one.seeds for one in defined if one.seeds is not None]
    middle = np.mean(seeds, axis=0) if seeds and len(seeds) == len(defined) else None
    size = len(report.tasks)
    values, in_errors = np.full((2, size, size), np.nan)
    for i, j in combinations(range(size), 2):
        pair = pairs[frozenset((report.tasks[i], report.tasks[j]))]
        error = interval(pair.seeds - middle).stderr if pair.seeds is not None and middle is not None else pair.stderr
        values[i, j] = values[j, i] = pair.value - mean
        if error > 0:
            in_errors[i, j] = in_errors[j, i] = (pair.value - mean) / error
    return Differences(mean, values, in_errors)


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
    known = apart[np.isfinite(apart)]  # each pair twice
    several = known.size > 2
    texts = [[_cell(numbers[i, j], margins[i, j], few) if i != j else "1" for j in range(size)] for i in range(size)]
    label, colours, norm = "similarity", "cividis", Normalize(0, 1)
    if several:
        norm = Normalize(known.min(), known.max())
    if several and known.max() - known.min() < LEAST_SPAN:
        found = differences(report, layer_method, sim_method)
        in_errors = bool(np.isfinite(found.in_errors).any())
        apart, colours, norm = found.in_errors if in_errors else found.values, "PuOr_r", _around_zero(found)
        unit = "in standard errors" if in_errors else "its error is not known"
        label = f"difference from the mean pair, {found.mean:.3f}\n({unit})"
        for i, j in np.argwhere(np.isfinite(apart)) if few else ():
            texts[i][j] += f"\n{apart[i, j]:+.1f} se" if in_errors else f"\n{apart[i, j]:+.3f}"
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


def _around_zero(found: Differences) -> Normalize:
    """From as far below 0 as above it."""
    if np.isfinite(found.in_errors).any():
        reach = float(np.clip(np.nanmax(np.abs(found.in_errors)), LEAST_ERRORS, MOST_ERRORS))
    else:
        reach = max(LEAST_DIFFERENCE, float(np.nanmax(np.abs(found.values))))
    return Normalize(-reach, reach)


def _cell(value: float, error: float, few: bool) -> str:
    if np.isnan(value):
        return "n/a"
    if not few:
        return f"{value:.2f}"
    return f"{value:.3f}" if np.isnan(error) else f"{value:.3f}\n\N{PLUS-MINUS SIGN}{error:.3f}"
