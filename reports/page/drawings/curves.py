"""Lines over a common axis, in series that differ in colour, dash and mark."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from reports.page.drawings.base import SERIES, Element, axis_for, canvas, mark, number, shape
from reports.page.drawings.scatter import LEFT, LEGEND_ROW, draw_axes, draw_legend, legend_places

WIDTH, PLOT = 380.0, 190.0
MOST_POINTS = 240
"""A longer line is drawn as means over equal parts."""
MOST_MARKS = 40
"""Lines of more points have no marks."""


@dataclass(frozen=True)
class Curve:
    """One line: P places and values; NaN leaves it out."""

    name: str
    x: np.ndarray
    y: np.ndarray


def curves(lines: Sequence[Curve], x_label: str, y_label: str, label: str, ends: tuple[float, float]) -> Element:
    """Draw at most as many lines as there are colours, from one of two places to the other, with a legend below."""
    if len(lines) > SERIES:
        raise ValueError(f"{len(lines)} lines, colours for {SERIES}")
    thinned = [thin(curve) for curve in lines]
    places = legend_places([curve.name for curve in lines], WIDTH)
    rows = 1 + max((row for _, row in places), default=-1)
    top = 30.0
    bottom = top + PLOT
    drawing = canvas(WIDTH, bottom + 48 + LEGEND_ROW * rows, label)
    across = axis_for(ends, LEFT, WIDTH - 10, margin=0.02)
    up = axis_for([value for curve in thinned for value in curve.y], bottom, top)
    draw_axes(drawing, across, up, x_label, y_label)
    for kind, curve in enumerate(thinned):
        points = [(across(x), up(y)) for x, y in zip(curve.x, curve.y, strict=True)]
        path = " ".join(f"{number(x)},{number(y)}" for x, y in points)
        shape(drawing, "polyline", f"curve s{kind} d{kind}", points=path)
        for x, y in points if len(points) <= MOST_MARKS else points[-1:]:
            mark(drawing, f"dot s{kind}", x, y, kind, radius=3)
    draw_legend(drawing, [curve.name for curve in lines], places, bottom + 56)
    return drawing


def thin(curve: Curve) -> Curve:
    """The finite points of a curve, or means over at most ``MOST_POINTS`` equal parts of them."""
    known = np.isfinite(curve.x) & np.isfinite(curve.y)
    x, y = curve.x[known], curve.y[known]
    if len(x) > MOST_POINTS:
        parts = np.array_split(np.arange(len(x)), MOST_POINTS)
        x, y = (np.array([values[part].mean() for part in parts]) for values in (x, y))
    return Curve(curve.name, x, y)
