"""Things that belong to the building or hang on it: windows, doors, pictures, lamps, rugs."""

import numpy as np

from dataloaders.rooms import palette
from dataloaders.rooms.geometry import Part, box, ellipsoid, frustum
from dataloaders.rooms.items import Item, Rng, row_of_books, screen_of
from dataloaders.rooms.palette import Label
from dataloaders.rooms.textures import Material


def _frame(
    x: float, low: float, high: float, bar: float, deep: float, material: Material, label: int
) -> list[Part]:
    """Four bars around a field 2x wide, at the wall (z from -0.03), ``deep`` thick."""
    z = (-0.03, -0.03 + deep)
    return [
        box((-x, low, z[0]), (-x + bar, high, z[1]), material, label),
        box((x - bar, low, z[0]), (x, high, z[1]), material, label),
        box((-x + bar, high - bar, z[0]), (x - bar, high, z[1]), material, label),
        box((-x + bar, low, z[0]), (x - bar, low + bar, z[1]), material, label),
    ]


def window(rng: Rng) -> Item:
    """Panes with a view, a frame with bars, a sill; sometimes curtains (unlabelled)."""
    width, low, tall = rng.uniform((0.8, 0.75, 0.9), (2.0, 1.05, 1.2))
    x, high, label = width / 2, low + tall, Label.WINDOW
    timber = (
        palette.paint(rng, saturation=0.2, low=0.6) if rng.random() < 0.6 else palette.timber_or_paint(rng)
    )
    parts = [box((-x + 0.03, low + 0.03, -0.03), (x - 0.03, high - 0.03, -0.015), palette.view(rng), label)]
    parts += _frame(x, low, high, rng.uniform(0.04, 0.08), 0.06, timber, label)
    for middle in np.linspace(-x, x, int(rng.integers(2, 5)))[1:-1]:
        parts.append(box((middle - 0.02, low, -0.03), (middle + 0.02, high, 0.02), timber, label))
    if rng.random() < 0.5:
        height = low + tall * rng.uniform(0.4, 0.7)
        parts.append(box((-x, height - 0.018, -0.03), (x, height + 0.018, 0.018), timber, label))
    parts.append(box((-x - 0.05, low - 0.03, -0.03), (x + 0.05, low, 0.1), timber, label))
    if rng.random() < 0.4:
        cloth, drop = palette.cloth(rng), rng.uniform(0.1, low - 0.05)
        for side in (-1, 1):
            left, right = sorted((side * (x - 0.12), side * (x + 0.22)))
            parts.append(box((left, drop, 0.03), (right, high + 0.1, 0.07), cloth, Label.UNLABELLED))
        width += 0.44
    return Item(parts, width + 0.1, high + 0.1, 0.06, bottom=low - 0.05, clearance=0.1)


def door(rng: Rng) -> Item:
    """A leaf with panels, its frame and a handle."""
    width, high = rng.uniform((0.75, 1.95), (0.95, 2.1))
    x, label, leaf = width / 2, Label.DOOR, palette.timber_or_paint(rng)
    timber = leaf if rng.random() < 0.5 else palette.paint(rng, saturation=0.3, low=0.5)
    parts = [box((-x, 0, -0.03), (x, high, 0.0), leaf, label)]
    parts += _frame(x + 0.08, -0.1, high + 0.08, 0.08, 0.05, timber, label)
    panels = int(rng.integers(0, 4))
    edges = np.linspace(0.15, high - 0.05, panels + 1)
    for low, top in zip(edges[:-1], edges[1:], strict=True):
        parts.append(box((-x + 0.12, low, 0.0), (x - 0.12, top - 0.1, 0.012), leaf, label))
    side, metal = float(rng.choice([-1, 1])) * (x - 0.07), palette.metal(rng)
    parts.append(box((side - 0.06, 1.0, 0.02), (side + 0.06, 1.025, 0.06), metal, label))
    return Item(parts, width + 0.16, high + 0.08, 0.06, clearance=0.7)


def picture(rng: Rng) -> Item:
    """A framed picture or a poster."""
    width, tall, middle, bar = rng.uniform((0.3, 0.3, 1.35, 0.02), (1.1, 0.8, 1.75, 0.06))
    x, low, high = width / 2, middle - tall / 2, middle + tall / 2
    parts = [box((-x, low, -0.03), (x, high, -0.012), palette.picture_canvas(rng), Label.PICTURE)]
    if rng.random() < 0.8:
        parts += _frame(x, low, high, bar, 0.035, palette.timber_or_paint(rng), Label.PICTURE)
    return Item(parts, width, high, 0.06, bottom=low)


def wall_television(rng: Rng) -> Item:
    width, low = rng.uniform((0.8, 0.9), (1.4, 1.3))
    return Item(screen_of(rng, width, low, -0.03), width, low + 0.58 * width, 0.08, bottom=low)


def wall_shelf(rng: Rng) -> Item:
    """One or two boards with books."""
    width, low = rng.uniform((0.6, 1.2), (1.3, 1.5))
    board, x = palette.timber_or_paint(rng), width / 2
    parts: list[Part] = []
    levels = [low + 0.38 * level for level in range(rng.integers(1, 3))]
    for y in levels:
        parts.append(box((-x, y, -0.12), (x, y + 0.025, 0.12), board, Label.BOOKSHELF))
        parts += row_of_books(rng, -x + 0.05, x - 0.05, y + 0.025, 0.3, -0.11, 0.11)
    return Item(parts, width, levels[-1] + 0.3, 0.24, bottom=low)


def rug(rng: Rng) -> Item:
    """A flat rectangle or a disc of cloth."""
    width, depth = rng.uniform((1.2, 1.0), (2.6, 1.8))
    cloth, thick = palette.cloth(rng), 0.012
    if rng.random() < 0.3:
        part = frustum((0, 0, 0), thick, depth / 2, depth / 2, cloth, Label.RUG)
        return Item([part], depth, thick, depth)
    parts = [box((-width / 2, 0, -depth / 2), (width / 2, thick, depth / 2), cloth, Label.RUG)]
    if rng.random() < 0.5:
        x, z = width / 2 - 0.12, depth / 2 - 0.12
        parts.append(box((-x, 0, -z), (x, thick + 0.002, z), palette.cloth(rng), Label.RUG))
    return Item(parts, width, thick, depth)


def ceiling_lamp(rng: Rng, ceiling: float) -> tuple[Item, float]:
    """A pendant or a flat disc below the ceiling; also the height from which it shines."""
    cover, metal, label = palette.lamp_shade(rng), palette.metal(rng), Label.LAMP
    if rng.random() < 0.4:
        part = frustum((0, ceiling - 0.08, 0), 0.08, 0.14, 0.2, cover, label)
        return Item([part], 0.4, ceiling, 0.4, bottom=ceiling - 0.08), ceiling - 0.12
    drop, radius = rng.uniform((0.25, 0.15), (0.6, 0.26))
    low = ceiling - drop
    cord = frustum((0, low, 0), drop, 0.01, 0.01, metal, label)
    if rng.random() < 0.4:
        shade = ellipsoid((0, low - radius * 0.7, 0), (radius * 0.8,) * 3, cover, label)
        return Item([cord, shade], 2 * radius, ceiling, 2 * radius, low - 2 * radius), low - 1.6 * radius
    shade = frustum((0, low - 0.22, 0), 0.22, radius, radius * rng.uniform(0.3, 0.9), cover, label)
    return Item([cord, shade], 2 * radius, ceiling, 2 * radius, low - 0.22), low - 0.26
