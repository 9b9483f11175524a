"""What things in a room are called, and what they are made of."""

import colorsys
from dataclasses import replace
from enum import IntEnum

import numpy as np

from dataloaders.rooms.textures import Colour, Material


class Label(IntEnum):
    """Semantic classes, in the order of their numbers; the names are NYUv2's where it has the class."""

    UNLABELLED = -1
    WALL = 0
    FLOOR = 1
    CEILING = 2
    CABINET = 3
    BED = 4
    CHAIR = 5
    SOFA = 6
    TABLE = 7
    DOOR = 8
    WINDOW = 9
    BOOKSHELF = 10
    PICTURE = 11
    BOOKS = 12
    LAMP = 13
    RUG = 14
    PLANT = 15
    TELEVISION = 16


CLASSES = tuple(label.name.lower() for label in Label if label >= 0)
"""Names of classes 0..16."""

WHITE: Colour = (0.8, 0.8, 0.78)
DARK: Colour = (0.03, 0.03, 0.035)


def colour(rng: np.random.Generator, saturation: float = 0.8, low: float = 0.2, high: float = 0.95) -> Colour:
    """Any hue, as linear RGB."""
    return hsv(rng.random(), saturation * rng.random(), rng.uniform(low, high))


def hsv(hue: float, saturation: float, value: float) -> Colour:
    """Linear RGB of a display colour."""
    red, green, blue = (channel**2.2 for channel in colorsys.hsv_to_rgb(hue % 1, saturation, value))
    return red, green, blue


def _seed(rng: np.random.Generator) -> int:
    return int(rng.integers(2**31))


def paint(rng: np.random.Generator, **limits: float) -> Material:
    return Material(colour(rng, **limits), gloss=0.2 * rng.random())


def wood(rng: np.random.Generator) -> Material:
    """Timber from pale to almost black, with grain; sometimes stained in another colour."""
    hue = rng.uniform(0.04, 0.12) if rng.random() < 0.85 else rng.random()
    saturation, value = rng.uniform(0.2, 0.7), rng.uniform(0.25, 0.9)
    dark = hsv(hue, min(1.0, saturation * 1.2), value * rng.uniform(0.5, 0.75))
    scale = rng.uniform(0.02, 0.06)
    return Material(hsv(hue, saturation, value), dark, "wood", scale, _seed(rng), gloss=0.25 * rng.random())


def timber_or_paint(rng: np.random.Generator) -> Material:
    return wood(rng) if rng.random() < 0.6 else paint(rng)


def cloth(rng: np.random.Generator) -> Material:
    """Upholstery, curtains, bedding: one colour with a weave, or a pattern of two."""
    kind = str(rng.choice(["speckle", "speckle", "plain", "checks", "stripes", "bands", "dots"]))
    first = colour(rng)
    if kind == "speckle":
        return Material(
            first, _shade(first, rng.uniform(0.4, 0.8)), kind, rng.uniform(0.01, 0.05), _seed(rng)
        )
    return Material(first, colour(rng), kind, rng.uniform(0.05, 0.18), _seed(rng))


def wall_finish(rng: np.random.Generator) -> Material:
    """Paint, plaster, wallpaper or bricks."""
    kind = str(rng.choice(["plain", "speckle", "stripes", "bricks", "dots"], p=[0.35, 0.3, 0.15, 0.12, 0.08]))
    first = colour(rng, saturation=0.5, low=0.5)
    if kind == "bricks":
        first = hsv(rng.uniform(0, 0.1), rng.uniform(0.2, 0.7), rng.uniform(0.4, 0.85))
        return Material(first, hsv(0.1, 0.1, rng.uniform(0.5, 0.9)), kind, rng.uniform(0.07, 0.1), _seed(rng))
    scale = rng.uniform(0.02, 0.06) if kind == "speckle" else rng.uniform(0.1, 0.3)
    return Material(first, _shade(first, rng.uniform(0.6, 0.88)), kind, scale, _seed(rng))


def floor_finish(rng: np.random.Generator) -> Material:
    """Boards, tiles, a chequered floor or carpet."""
    kind = str(rng.choice(["wood", "tiles", "checks", "speckle"], p=[0.45, 0.2, 0.1, 0.25]))
    if kind == "wood":
        return replace(wood(rng), scale=rng.uniform(0.025, 0.05))
    first = colour(rng, saturation=0.6, low=0.25)
    scale = rng.uniform(0.015, 0.05) if kind == "speckle" else rng.uniform(0.2, 0.5)
    return Material(
        first, _shade(first, rng.uniform(0.3, 0.7)), kind, scale, _seed(rng), gloss=0.15 * rng.random()
    )


def ceiling_finish(rng: np.random.Generator) -> Material:
    if rng.random() < 0.15:
        return wood(rng)
    first = colour(rng, saturation=0.25, low=0.7)
    return Material(first, _shade(first, 0.85), str(rng.choice(["plain", "speckle"])), 0.05, _seed(rng))


def picture_canvas(rng: np.random.Generator) -> Material:
    return Material(WHITE, kind=str(rng.choice(["blocks", "landscape"])), seed=_seed(rng))


def view(rng: np.random.Generator) -> Material:
    """What is seen through a window pane: lit by itself, and no surface that a depth camera could measure."""
    return Material(WHITE, kind="landscape", seed=_seed(rng), glow=rng.uniform(1.0, 2.5), readable=False)


def screen(rng: np.random.Generator) -> Material:
    """A television, off (black glass) or on."""
    if rng.random() < 0.6:
        return Material(DARK, gloss=0.8)
    return Material(
        WHITE, kind=str(rng.choice(["blocks", "landscape"])), seed=_seed(rng), glow=0.8, gloss=0.5
    )


def book_row(rng: np.random.Generator) -> Material:
    return Material(WHITE, kind="spines", scale=rng.uniform(0.025, 0.045), seed=_seed(rng))


def metal(rng: np.random.Generator) -> Material:
    return Material(hsv(rng.random(), 0.1 * rng.random(), rng.uniform(0.15, 0.85)), gloss=0.6)


def leaf(rng: np.random.Generator) -> Material:
    first = hsv(rng.normal(0.29, 0.06), rng.uniform(0.4, 0.9), rng.uniform(0.3, 0.75))
    return Material(first, _shade(first, 0.5), "speckle", 0.04, _seed(rng), gloss=0.15)


def lamp_shade(rng: np.random.Generator) -> Material:
    return Material(colour(rng, saturation=0.5, low=0.7), glow=rng.uniform(0.3, 1.2))


def _shade(of: Colour, factor: float) -> Colour:
    red, green, blue = of
    return red * factor, green * factor, blue * factor
