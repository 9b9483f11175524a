"""Things that stand on the floor, each built of a few solids with random sizes and materials."""

from itertools import product

import numpy as np

from dataloaders.rooms import palette
from dataloaders.rooms.geometry import box, ellipsoid, frustum, rotation
from dataloaders.rooms.items import Item, Rng, legs, pillow, row_of_books, screen_of, things_on_top
from dataloaders.rooms.palette import Label


def table(rng: Rng) -> Item:
    """A dining or coffee table, rectangular or round, with things on it."""
    height = rng.uniform(0.68, 0.78) if rng.random() < 0.65 else rng.uniform(0.36, 0.48)
    width, depth, thick = rng.uniform((0.9, 0.6, 0.025), (1.7, 0.95, 0.06))
    label, material = Label.TABLE, palette.timber_or_paint(rng)
    under = material if rng.random() < 0.6 else palette.metal(rng)
    if rng.random() < 0.3:
        radius = depth * 0.65
        width = depth = 2 * radius
        parts = [
            frustum((0, height - thick, 0), thick, radius, radius, material, label),
            frustum((0, 0.03, 0), height - thick - 0.03, 0.05, 0.04, under, label),
            frustum((0, 0, 0), 0.03, radius * 0.6, radius * 0.5, under, label),
        ]
    else:
        parts = [
            box((-width / 2, height - thick, -depth / 2), (width / 2, height, depth / 2), material, label)
        ]
        parts += legs(rng, width, depth, height - thick, under, label)
    return Item(parts + things_on_top(rng, 0.7 * width, 0.7 * depth, height), width, height, depth)


def chair(rng: Rng) -> Item:
    """Four legs, a seat, and a back of slats or one board."""
    width, depth, seat, top = rng.uniform((0.4, 0.4, 0.42, 0.8), (0.5, 0.5, 0.48, 1.0))
    label, frame = Label.CHAIR, palette.timber_or_paint(rng)
    cushion = palette.cloth(rng) if rng.random() < 0.6 else frame
    x, z = width / 2, depth / 2
    parts = [box((-x, seat - 0.05, -z), (x, seat, z), cushion, label)]
    parts += legs(rng, width, depth, seat - 0.05, frame, label)
    slats = rng.random() < 0.5
    post_top = top if slats else seat + 0.08
    for middle in (-0.9 * x, 0.9 * x):
        parts.append(box((middle - 0.02, seat, -z), (middle + 0.02, post_top, -z + 0.03), frame, label))
    if slats:
        for height in np.linspace(seat + 0.15, top - 0.04, int(rng.integers(2, 5))):
            parts.append(box((-x, height - 0.03, -z), (x, height + 0.03, -z + 0.025), frame, label))
    else:
        parts.append(box((-x, post_top, -z), (x, top, -z + 0.04), cushion, label))
    return Item(parts, width, top, depth)


def sofa(rng: Rng) -> Item:
    """A base with seats, arms, a back and a cushion or two; an armchair when narrow."""
    seats = int(rng.integers(1, 4))
    width = 0.4 + 0.6 * seats
    depth, seat, top, arm = rng.uniform((0.8, 0.38, 0.72, 0.1), (0.95, 0.46, 0.95, 0.2))
    body, label = palette.cloth(rng), Label.SOFA
    second = body if rng.random() < 0.6 else palette.cloth(rng)
    x, z, base = width / 2, depth / 2, seat - 0.12
    back = -z + 0.2
    parts = [
        box((-x, 0.08, -z), (x, base, z), body, label),
        box((-x, base, -z), (x, top, back), body, label),
        box((-x, base, back), (-x + arm, seat + 0.18, z), body, label),
        box((x - arm, base, back), (x, seat + 0.18, z), body, label),
    ]
    edges = np.linspace(-x + arm, x - arm, seats + 1)
    for left, right in zip(edges[:-1], edges[1:], strict=True):
        parts.append(box((left + 0.01, base, back), (right - 0.01, seat, z + 0.02), second, label))
        if rng.random() < 0.5:
            centre = ((left + right) / 2, seat + 0.17, back + 0.12)
            parts.append(pillow(rng, centre, (0.22, 0.2, 0.08), rng.uniform(-0.4, 0.4), -0.3, label))
    return Item(parts, width, top, depth)


def bed(rng: Rng) -> Item:
    """A frame, a mattress, a cover that hangs over its sides, pillows and a headboard."""
    width, depth, height, head = rng.uniform((0.95, 1.9, 0.4, 0.75), (1.8, 2.1, 0.55, 1.15))
    frame, cover = palette.timber_or_paint(rng), palette.cloth(rng)
    sheet = palette.paint(rng, saturation=0.3, low=0.6)
    x, z, label, fold = width / 2, depth / 2, Label.BED, rng.uniform(-0.5, 0.1)
    parts = [
        box((-x, 0.1, -z), (x, height - 0.2, z), frame, label),
        box((-x + 0.03, height - 0.2, -z + 0.05), (x - 0.03, height, z - 0.03), sheet, label),
        box((-x - 0.02, height - 0.25, fold), (x + 0.02, height + 0.03, z), cover, label),
        box((-x, 0, -z), (x, head, -z + 0.06), frame, label),
    ]
    for middle in (-x / 2, x / 2) if width > 1.3 else (0.0,):
        parts.append(pillow(rng, (middle, height + 0.07, -z + 0.35), (0.3, 0.1, 0.22), 0.0, 0.0, label))
    return Item(parts, width + 0.04, head, depth)


def cabinet(rng: Rng) -> Item:
    """A wardrobe, or a chest or sideboard with things on it."""
    if rng.random() < 0.4:
        return _body_with_fronts(rng, rng.uniform(1.7, 2.1), int(rng.integers(2, 4)), 1)
    chest = _body_with_fronts(rng, rng.uniform(0.6, 1.1), int(rng.integers(1, 4)), int(rng.integers(1, 5)))
    props = things_on_top(rng, chest.width, chest.depth, chest.height)
    return Item(chest.parts + props, chest.width, chest.height, chest.depth)


def _body_with_fronts(rng: Rng, height: float, columns: int, rows: int) -> Item:
    """A body with doors or drawers set on it, and knobs."""
    width, depth = rng.uniform((0.8, 0.4), (1.5, 0.6))
    body, knob, label = palette.timber_or_paint(rng), palette.metal(rng), Label.CABINET
    front = body if rng.random() < 0.6 else palette.timber_or_paint(rng)
    z = depth / 2
    parts = [box((-width / 2, 0, -z), (width / 2, height, z - 0.02), body, label)]
    xs, ys = np.linspace(-width / 2, width / 2, columns + 1), np.linspace(0.06, height, rows + 1)
    for column, row in product(range(columns), range(rows)):
        left, right = xs[column] + 0.012, xs[column + 1] - 0.012
        low, high = ys[row] + 0.012, ys[row + 1] - 0.012
        parts.append(box((left, low, z - 0.02), (right, high, z), front, label))
        parts.append(ellipsoid(((left + right) / 2, (low + high) / 2, z + 0.012), [0.018] * 3, knob, label))
    return Item(parts, width, height, depth)


def television(rng: Rng) -> Item:
    """A low cabinet with a television on it."""
    stand = _body_with_fronts(rng, rng.uniform(0.4, 0.65), int(rng.integers(2, 4)), 1)
    width, y = rng.uniform(0.8, 1.3), stand.height
    case, label = palette.metal(rng), Label.TELEVISION
    parts = [
        *stand.parts,
        box((-0.2, y, -0.1), (0.2, y + 0.02, 0.1), case, label),
        box((-0.04, y + 0.02, -0.02), (0.04, y + 0.1, 0.0), case, label),
        *screen_of(rng, width, y + 0.06, -0.02),
    ]
    return Item(parts, max(width, stand.width), y + 0.06 + 0.58 * width, stand.depth)


def bookshelf(rng: Rng) -> Item:
    """An open shelf whose boards carry rows of books."""
    width, height, depth = rng.uniform((0.7, 1.2, 0.26), (1.3, 2.1, 0.36))
    material, label, x, z = palette.timber_or_paint(rng), Label.BOOKSHELF, width / 2, depth / 2
    parts = [
        box((-x, 0, -z), (x, height, -z + 0.015), material, label),
        box((-x, 0, -z), (-x + 0.024, height, z), material, label),
        box((x - 0.024, 0, -z), (x, height, z), material, label),
    ]
    boards = np.linspace(0.05, height - 0.012, int(rng.integers(4, 7)))
    for y in boards:
        parts.append(box((-x + 0.024, y - 0.012, -z + 0.015), (x - 0.024, y + 0.012, z), material, label))
    for y in boards[:-1] + 0.012:
        parts += row_of_books(rng, -x + 0.03, x - 0.03, y, boards[1] - boards[0], -z + 0.03, z)
    return Item(parts, width, height, depth)


def floor_lamp(rng: Rng) -> Item:
    """A foot, a pole and a shade."""
    height, radius, shade, taper = rng.uniform((1.3, 0.14, 0.2, 0.5), (1.75, 0.24, 0.35, 1.0))
    pole, cover, label = palette.metal(rng), palette.lamp_shade(rng), Label.LAMP
    parts = [
        frustum((0, 0, 0), 0.03, 0.15, 0.13, pole, label),
        frustum((0, 0.03, 0), height - shade - 0.03, 0.015, 0.015, pole, label),
        frustum((0, height - shade, 0), shade, radius, radius * taper, cover, label),
    ]
    return Item(parts, 2 * radius, height, 2 * radius)


def plant(rng: Rng) -> Item:
    """A pot and leaves that spread from its middle."""
    radius, pot, length, stem = rng.uniform((0.13, 0.22, 0.2, 0.05), (0.2, 0.4, 0.36, 0.4))
    label, green = Label.PLANT, palette.leaf(rng)
    parts = [
        frustum((0, 0, 0), pot, radius * 0.75, radius, palette.paint(rng), label),
        frustum((0, pot, 0), stem + 0.1, 0.02, 0.015, palette.wood(rng), label),
    ]
    for turn in range(rng.integers(9, 15)):
        leaf = ellipsoid((0, 0, length), (length * 0.28, 0.015, length), green, label)
        # Successive leaves of a stem are a golden angle apart, so few lie above another.
        golden_angle = rotation(2.4 * turn, rng.uniform(-1.2, -0.1))
        parts.append(leaf.moved(golden_angle, np.array([0, pot + stem * rng.random(), 0])))
    return Item(parts, 2.2 * length, pot + stem + 2 * length, 2.2 * length)
