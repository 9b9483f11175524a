"""What all drawings share: elements, text that fits, axes, marks.

The tree is written by the standard library's serialiser, which escapes what stands in texts and attributes.
"""

import math
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree import ElementTree

Element = ElementTree.Element

SIZE = 13.0
"""Of text, in pixels."""
SMALL = 11.5
SERIES = 7
"""Colours for series of numbers, by the classes s0, s1, ... of the page's style."""
WIDE, NARROW = "MWm@%", "il.,:;'|!jtfrI()[] "
ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"
UNSHOWN = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
"""What has no place in a page, or would turn the text around it."""


def clean(text: object) -> str:
    """Text in one line, without characters that a page cannot hold or that rearrange it."""
    return UNSHOWN.sub("\N{REPLACEMENT CHARACTER}", " ".join(str(text).split()))


def canvas(width: float, height: float, label: str) -> Element:
    """An empty drawing; ``label`` is what a reader who cannot see it is told."""
    return Element("svg", {
        "width": number(width), "height": number(height), "viewBox": f"0 0 {number(width)} {number(height)}",
        "role": "img", "aria-label": clean(label),
    })  # fmt: skip


def source(drawing: Element) -> str:
    """A drawing as text to put into a page."""
    return ElementTree.tostring(drawing, encoding="unicode")


def shape(parent: Element, kind: str, style: str, **attributes: float | str) -> Element:
    """Add an element of a class; underscores in names of attributes become dashes."""
    given = {
        name.rstrip("_").replace("_", "-"): number(value) if isinstance(value, (int, float)) else value
        for name, value in attributes.items()
    }
    return ElementTree.SubElement(parent, kind, {"class": style, **given})


def line(parent: Element, style: str, x1: float, y1: float, x2: float, y2: float) -> Element:
    """Add a straight line."""
    return shape(parent, "line", style, x1=x1, y1=y1, x2=x2, y2=y2)


def write(
    parent: Element, x: float, y: float, text: object, *, style: str = "", room: float = math.inf, size: float = SIZE,
    anchor: str = "start", turned: bool = False,
) -> Element:  # fmt: skip
    """Add text whose middle line is at y.

    Args:
        room: pixels; longer text is cut, and whole where a pointer rests on it.
        anchor: what of the text lies at x: start, middle or end.
        turned: to be read from below.
    """
    whole = clean(text)
    attributes: dict[str, float | str] = {"x": x, "y": y, "font_size": size, "dominant_baseline": "central"}
    if anchor != "start":
        attributes["text_anchor"] = anchor
    if turned:
        attributes["transform"] = f"rotate(-90 {number(x)} {number(y)})"
    element = shape(parent, "text", style, **attributes)
    element.text = fitted(whole, room, size)
    if element.text != whole:
        element.text = None
        title = ElementTree.SubElement(element, "title")
        title.text, title.tail = whole, fitted(whole, room, size)
    return element


def mark(parent: Element, style: str, x: float, y: float, kind: int = 0, radius: float = 4.5) -> Element:
    """Add the mark of a series, by its number: colour-blind readers tell series by their shapes."""
    corners = (None, 4, 3, 4, 3, 6, 5)[kind % SERIES]
    if corners is None:
        return shape(parent, "circle", style, cx=x, cy=y, r=radius)
    start = {1: math.pi / 4, 4: math.pi / 2}.get(kind % SERIES, -math.pi / 2)
    angles = [start + 2 * math.pi * corner / corners for corner in range(corners)]
    points = " ".join(
        f"{number(x + 1.25 * radius * math.cos(angle))},{number(y + 1.25 * radius * math.sin(angle))}"
        for angle in angles
    )
    return shape(parent, "polygon", style, points=points)


def fitted(text: str, room: float, size: float = SIZE) -> str:
    """The text, or its beginning with an ellipsis if it is wider than ``room`` pixels."""
    if width_of(text, size) <= room:
        return text
    while text and width_of(text + ELLIPSIS, size) > room:
        text = text[:-1]
    return text.rstrip() + ELLIPSIS


def width_of(text: str, size: float = SIZE) -> float:
    """About how many pixels wide a text is, in the widest of the usual fonts (DejaVu Sans)."""
    return size * sum(_ems(character) for character in text)


def widest(texts: Sequence[str], most: float, size: float = SIZE) -> float:
    """Pixels that the widest of some texts needs, at most ``most``."""
    return min(most, max((width_of(clean(text), size) for text in texts), default=0.0))


def number(value: float) -> str:
    """A coordinate, to a hundredth of a pixel."""
    return f"{value:z.2f}".rstrip("0").rstrip(".") if value % 1 else f"{value:z.0f}"


@dataclass(frozen=True)
class Axis:
    """A linear scale: values from ``low`` to ``high`` lie from ``start`` to ``end`` pixels."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)

    def ticks(self, most: int = 5) -> list[float]:
        """At most so many round values inside the axis: multiples of 1, 2 or 5 times a power of ten."""
        step = _step((self.high - self.low) / most)
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [index * step for index in range(first, last + 1)]

    def text(self, tick: float, most: int = 5) -> str:
        """A tick with as many decimals as the step needs."""
        step = _step((self.high - self.low) / most)
        return f"{tick:z,.{max(0, -math.floor(math.log10(step) + 1e-9))}f}"


def axis_for(values: Sequence[float], start: float, end: float, margin: float = 0.06) -> Axis:
    """An axis on which all finite values lie, with some room at both ends."""
    finite = [value for value in values if math.isfinite(value)]
    low, high = (min(finite), max(finite)) if finite else (0.0, 1.0)
    spread = high - low if high - low > 1e-9 * max(1.0, abs(low), abs(high)) else max(abs(high), 1.0) * 0.1
    return Axis(low - margin * spread, max(high, low + spread) + margin * spread, start, end)


def _step(least: float) -> float:
    power = 10.0 ** math.floor(math.log10(least))
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= least * (1 - 1e-9))


def _ems(character: str) -> float:
    if unicodedata.east_asian_width(character) in "WF":
        return 1.0
    if unicodedata.combining(character):
        return 0.0
    if character in WIDE:
        return 1.0
    if character in NARROW:
        return 0.4
    return 0.78 if character.isupper() or character == "w" else 0.64
