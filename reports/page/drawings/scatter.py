"""Points in a plane, in series that differ in colour and shape."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite, nan

from reports.page.drawings.base import (
    SERIES,
    SMALL,
    Axis,
    Element,
    axis_for,
    canvas,
    clean,
    fitted,
    line,
    mark,
    width_of,
    write,
)

WIDTH, PLOT = 420.0, 260.0
LEFT, LEGEND_ROW = 52.0, 20.0
LONGEST_NAME = 340.0


@dataclass(frozen=True)
class Point:
    """A point of a series; ``low`` and ``high`` are the ends of the interval of its height, NaN where unknown."""

    series: str
    x: float
    y: float
    low: float = nan
    high: float = nan
    name: str = ""


def scatter(points: Sequence[Point], x_label: str, y_label: str, label: str) -> Element:
    """Draw points with a line at height 0; what is not finite is left out."""
    shown = [point for point in points if isfinite(point.x + point.y)]
    series = list(dict.fromkeys(point.series for point in shown))
    places = legend_places(series, WIDTH)
    top = 30.0
    bottom = top + PLOT
    rows = 1 + max((row for _, row in places), default=-1)
    drawing = canvas(WIDTH, bottom + 48 + LEGEND_ROW * rows, label)
    across = axis_for([point.x for point in shown], LEFT, WIDTH - 8)
    up = axis_for([0.0, *(end for point in shown for end in (point.y, point.low, point.high))], bottom, top)
    draw_axes(drawing, across, up, x_label, y_label)
    line(drawing, "zero", across.start, up(0), across.end, up(0))
    for point in shown:
        kind = series.index(point.series) % SERIES
        if isfinite(point.low + point.high):
            line(drawing, f"interval thin s{kind}", across(point.x), up(point.low), across(point.x), up(point.high))
        _name(mark(drawing, f"dot s{kind}", across(point.x), up(point.y), kind), point)
    draw_legend(drawing, series, places, bottom + 56)
    return drawing


def draw_axes(drawing: Element, across: Axis, up: Axis, x_label: str, y_label: str) -> None:
    """Grid, ticks and what the two axes are; the second stands above the plot, where it need not be turned."""
    for tick in across.ticks():
        line(drawing, "grid", across(tick), up.start, across(tick), up.end)
        write(drawing, across(tick), up.start + 14, across.text(tick), anchor="middle", style="quiet", size=SMALL)
    for tick in up.ticks():
        line(drawing, "grid", across.start, up(tick), across.end, up(tick))
        write(drawing, across.start - 6, up(tick), up.text(tick), anchor="end", style="quiet", size=SMALL)
    write(drawing, 0, up.end - 21, y_label, room=across.end)
    write(drawing, across.end, up.start + 33, x_label, room=across.end, anchor="end")


def legend_places(names: Sequence[str], width: float) -> list[tuple[float, int]]:
    """Where the entries of a legend go, from left to right in rows: pixels from the left, and the row."""
    places, x, row = [], 0.0, 0
    for name in names:
        needed = 34 + width_of(fitted(clean(name), LONGEST_NAME))
        if x and x + needed > width:
            x, row = 0.0, row + 1
        places.append((x, row))
        x += needed
    return places


def draw_legend(drawing: Element, names: Sequence[str], places: Sequence[tuple[float, int]], top: float) -> None:
    """A mark and a name for each series."""
    for index, (name, (x, row)) in enumerate(zip(names, places, strict=True)):
        y = top + LEGEND_ROW * row
        mark(drawing, f"dot s{index % SERIES}", x + 8, y, index % SERIES)
        write(drawing, x + 18, y, name, room=LONGEST_NAME)


def _name(element: Element, point: Point) -> None:
    """What a pointer that rests on the mark is told."""
    title = element.makeelement("title", {})
    title.text = clean(point.name)
    element.append(title)
