"""A matrix as coloured cells with their numbers in them."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan

import numpy as np

from reports.colours import CIVIDIS, DIVERGING, blend, text_colour
from reports.page.drawings.base import SIZE, SMALL, Element, canvas, shape, widest, write

LONGEST_NAME = 130.0
LEAST_SPAN = 0.05
UNSCALED_DIGITS = 3
"""Of numbers that have no place on the scale of the colours, and may be small."""
ROOMY, CROWDED = 8, 14
"""Up to so many columns a cell has room for an error; beyond so many it is small."""


@dataclass(frozen=True)
class Colours:
    """Which values have the first and the last colour, and which colours these are."""

    low: float
    high: float
    stops: Sequence[str] = CIVIDIS

    def of(self, value: float) -> np.ndarray:
        """The colour of a value, from 0 to 255."""
        return blend(np.clip((value - self.low) / (self.high - self.low), 0, 1), self.stops)


def around_zero(values: np.ndarray) -> Colours:
    """White at 0, and equally far to both sides."""
    finite = np.abs(values[np.isfinite(values)])
    reach = float(finite.max()) if finite.size and finite.max() > 0 else 1.0
    return Colours(-reach, reach, DIVERGING)


def between_ends(values: np.ndarray) -> Colours:
    """From the least to the largest value, but no less than ``LEAST_SPAN``, lest tiny differences look large."""
    finite = values[np.isfinite(values)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    spare = max(0.0, LEAST_SPAN - (high - low)) / 2
    return Colours(low - spare, high + spare)


def heat_map(
    rows: Sequence[str], columns: Sequence[str], values: np.ndarray, margins: np.ndarray, colours: Colours | None,
    label: str, digits: int = 2, coloured: np.ndarray | None = None, by: np.ndarray | None = None,
) -> Element:  # fmt: skip
    """Draw a matrix.

    Args:
        values: [rows, columns]; where NaN, the cell is left empty.
        margins: half the widths of the intervals, likewise; NaN where unknown.
        colours: None: all cells are grey.
        coloured: which cells have a colour, if not all.
        by: what the colours are of, if not the values.
    """
    width, height = _cell_size(len(columns))
    left = widest(rows, LONGEST_NAME) + 10
    upright = widest(columns, LONGEST_NAME) > width - 4
    top = widest(columns, LONGEST_NAME) + 10 if upright else 24.0
    drawing = canvas(left + width * len(columns) + 2, top + height * len(rows) + 2, label)
    for place, name in enumerate(columns):
        middle = left + width * (place + 0.5)
        if upright:
            write(drawing, middle, top - 6, name, room=LONGEST_NAME, turned=True)
        else:
            write(drawing, middle, top - 12, name, anchor="middle")
    for place, name in enumerate(rows):
        write(drawing, left - 6, top + height * (place + 0.5), name, room=LONGEST_NAME, anchor="end")
    for row, column in np.ndindex(values.shape):
        corner = (left + width * column, top + height * row)
        shade = float((values if by is None else by)[row, column])
        painted = colours is not None and not isnan(shade) and (coloured is None or bool(coloured[row, column]))
        decimals = digits if painted or coloured is None else UNSCALED_DIGITS
        colour = colours.of(shade) if colours is not None and painted else None
        margin = float(margins[row, column]) if len(columns) <= ROOMY else float("nan")
        _draw_cell(drawing, corner, (width, height), float(values[row, column]), margin, colour, decimals)
    return drawing


def _cell_size(columns: int) -> tuple[float, float]:
    if columns <= ROOMY:
        return 58.0, 42.0
    return (48.0, 30.0) if columns <= CROWDED else (39.0, 26.0)


def _draw_cell(
    drawing: Element, corner: tuple[float, float], size: tuple[float, float], value: float, margin: float,
    colour: np.ndarray | None, digits: int,
) -> None:  # fmt: skip
    (left, top), (width, height) = corner, size
    box = {"x": left + 1, "y": top + 1, "width": width - 2, "height": height - 2, "rx": 3}
    if isnan(value):
        shape(drawing, "rect", "empty", **box)
        return
    if colour is None:
        shape(drawing, "rect", "plain", **box)
        ink = ""
    else:
        shape(drawing, "rect", "cell", fill=f"#{bytes(colour).hex()}", **box)
        ink = f" on-{text_colour(colour / 255)}"
    middle, small = left + width / 2, SIZE if width > 40 else SMALL
    centre, style = top + height / 2, f"number{ink}"
    write(
        drawing,
        middle,
        centre - (0 if isnan(margin) else 7),
        f"{value:z.{digits}f}",
        anchor="middle",
        style=style,
        size=small,
    )
    if not isnan(margin):
        error = f"\N{PLUS-MINUS SIGN}{margin:.{digits}f}"
        write(drawing, middle, centre + 9, error, anchor="middle", style=style, size=SMALL)


def colour_bar(colours: Colours, ends: tuple[str, str], label: str) -> Element:
    """The colours from the lowest to the highest value, with what these two are."""
    drawing = canvas(300, 40, label)
    steps = 60
    for step in range(steps):
        colour = colours.of(colours.low + (step + 0.5) / steps * (colours.high - colours.low))
        shape(drawing, "rect", "cell", x=step * 5, y=0, width=5.3, height=14, fill=f"#{bytes(colour).hex()}")
    write(drawing, 0, 28, ends[0], room=150)
    write(drawing, 300, 28, ends[1], room=150, anchor="end")
    return drawing
