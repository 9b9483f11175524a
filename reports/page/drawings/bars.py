"""Numbers as bars, one a row."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite

from reports.page.drawings.base import SMALL, Axis, Element, canvas, line, shape, widest, write

WIDTH = 380.0
ROW = 22.0
LONGEST_NAME, LONGEST_TEXT = 130.0, 160.0


@dataclass(frozen=True)
class Bar:
    """One row; NaN has no bar. ``text`` stands beside it; ``chosen`` ones have a colour, others are grey."""

    name: str
    value: float
    text: str
    chosen: bool = False
    below: str = ""
    """What is said of the border to the next row."""


def bar_chart(bars: Sequence[Bar], label: str) -> Element:
    """Draw bars from 0 to the right, or to the left where negative, each with its text."""
    left = widest([bar.name for bar in bars], LONGEST_NAME) + 8
    columns = [bar.text for bar in bars], [bar.below for bar in bars if bar.below]
    right = sum(widest(texts, LONGEST_TEXT, SMALL) + 8 for texts in columns if texts)
    values = [bar.value for bar in bars if isfinite(bar.value)]
    low, high = min([0.0, *values]), max([0.0, *values])
    axis = Axis(low, high if high > low else low + 1, left, WIDTH - right)
    drawing = canvas(WIDTH, ROW * len(bars) + 4, label)
    for row, bar in enumerate(bars):
        _draw_bar(drawing, axis, bar, ROW * (row + 0.5) + 2, left)
    line(drawing, "zero", axis(0), 0, axis(0), ROW * len(bars) + 4)
    return drawing


def _draw_bar(drawing: Element, axis: Axis, bar: Bar, y: float, left: float) -> None:
    write(drawing, left - 8, y, bar.name, room=LONGEST_NAME, anchor="end")
    end = axis(0)
    if isfinite(bar.value):
        near, far = sorted((axis(0), axis(bar.value)))
        shape(drawing, "rect", "bar chosen" if bar.chosen else "bar", x=near, y=y - 7, width=far - near, height=14)
        end = far
    write(drawing, end + 5, y, bar.text, room=LONGEST_TEXT, style="number", size=SMALL)
    if bar.below:
        line(drawing, "border", left, y + ROW / 2, WIDTH, y + ROW / 2)
        write(drawing, WIDTH, y + ROW / 2 - 9, bar.below, anchor="end", style="quiet", size=SMALL)
