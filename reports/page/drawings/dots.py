"""Values with their intervals, one a row, in order."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite, nan

from reports.page.drawings.base import (
    SMALL,
    Axis,
    Element,
    axis_for,
    canvas,
    line,
    mark,
    shape,
    widest,
    width_of,
    write,
)

WIDTH = 380.0
LONGEST_NAME = 130.0
ROW = 26.0
UNSURE = "\N{ALMOST EQUAL TO}"


@dataclass(frozen=True)
class Dot:
    """One row; NaN is what is not known, and is not drawn.

    Attributes:
        low, high: ends of the interval.
        floor: what the value is compared with.
        text: stands at the right.
        sure: whether its order with the next row is resolved; None where there is no such order.
        kind: of the mark, and its colour.
    """

    name: str
    value: float
    low: float = nan
    high: float = nan
    floor: float = nan
    text: str = ""
    sure: bool | None = None
    kind: int = 0


@dataclass(frozen=True)
class Line:
    """An upright line through all rows, with its interval: a ceiling, or zero."""

    name: str
    value: float
    low: float = nan
    high: float = nan


def dot_plot(dots: Sequence[Dot], lines: Sequence[Line], label: str) -> Element:
    """Draw rows of dots with their intervals, over an axis."""
    left = widest([dot.name for dot in dots], LONGEST_NAME) + 26
    right = widest([dot.text for dot in dots], 120.0, SMALL) + 8
    top = 20.0 if lines else 8.0
    bottom = top + ROW * len(dots)
    drawing = canvas(WIDTH, bottom + 26, label)
    ends = [value for dot in dots for value in (dot.value, dot.low, dot.high, dot.floor)]
    ends += [value for upright in lines for value in (upright.value, upright.low, upright.high)]
    axis = axis_for(ends, left, WIDTH - right)
    _draw_axis(drawing, axis, top, bottom)
    for upright in lines:
        _draw_line(drawing, axis, upright, top, bottom)
    for row, dot in enumerate(dots):
        _draw_row(drawing, axis, dot, top + ROW * (row + 0.5), left)
    return drawing


def _draw_axis(drawing: Element, axis: Axis, top: float, bottom: float) -> None:
    for tick in axis.ticks(4):
        line(drawing, "grid", axis(tick), top, axis(tick), bottom)
        write(drawing, axis(tick), bottom + 14, axis.text(tick, 4), anchor="middle", style="quiet", size=SMALL)


def _draw_line(drawing: Element, axis: Axis, upright: Line, top: float, bottom: float) -> None:
    if not isfinite(upright.value):
        return
    if isfinite(upright.low + upright.high):
        shape(
            drawing,
            "rect",
            "band",
            x=axis(upright.low),
            y=top,
            width=axis(upright.high) - axis(upright.low),
            height=bottom - top,
        )
    line(drawing, "ceiling", axis(upright.value), top, axis(upright.value), bottom)
    half = width_of(upright.name, SMALL) / 2
    middle = min(max(axis(upright.value), half), WIDTH - half)
    write(drawing, middle, top - 9, upright.name, anchor="middle", style="quiet", size=SMALL)


def _draw_row(drawing: Element, axis: Axis, dot: Dot, y: float, left: float) -> None:
    write(drawing, left - 8, y, dot.name, room=LONGEST_NAME, anchor="end")
    if dot.text:
        write(drawing, WIDTH, y, dot.text, room=120, anchor="end", style="number", size=SMALL)
    if dot.sure is False:
        write(drawing, 1, y + ROW / 2, UNSURE, style="quiet")
    if isfinite(dot.floor):
        line(drawing, "floor", axis(dot.floor), y - 8, axis(dot.floor), y + 8)
    if isfinite(dot.low + dot.high):
        line(drawing, f"interval s{dot.kind}", axis(dot.low), y, axis(dot.high), y)
    if isfinite(dot.value):
        mark(drawing, f"dot s{dot.kind}", axis(dot.value), y, dot.kind)
