"""What a thing in a room is, and what several of them have in common."""

from dataclasses import dataclass
from itertools import product

import numpy as np

from dataloaders.rooms import palette
from dataloaders.rooms.geometry import Part, box, ellipsoid, frustum, rotation
from dataloaders.rooms.palette import Label
from dataloaders.rooms.textures import Material

Rng = np.random.Generator


@dataclass(frozen=True)
class Item:
    """Solids around x = z = 0 above y = 0, their back towards -z and their front towards +z; metres.

    Attributes:
        width, depth: extent along x and z.
        height: of its top above the floor.
        bottom: of its lowest point, for what hangs on a wall.
        clearance: free floor that it needs in front, as a door does.
    """

    parts: list[Part]
    width: float
    height: float
    depth: float
    bottom: float = 0.0
    clearance: float = 0.0


def legs(rng: Rng, width: float, depth: float, height: float, material: Material, label: int) -> list[Part]:
    """Four legs below a board of this size, square or round."""
    thick = rng.uniform(0.02, 0.04)
    x, z = width / 2 - thick * 1.2, depth / 2 - thick * 1.2
    feet = [(sx * x, sz * z) for sx, sz in product((-1, 1), repeat=2)]
    if rng.random() < 0.5:
        return [frustum((fx, 0, fz), height, thick * 0.7, thick, material, label) for fx, fz in feet]
    return [
        box((fx - thick, 0, fz - thick), (fx + thick, height, fz + thick), material, label) for fx, fz in feet
    ]


def things_on_top(rng: Rng, width: float, depth: float, height: float) -> list[Part]:
    """Books, cups, boxes and bowls on a surface at ``height``; all but the books are unlabelled."""
    parts: list[Part] = []
    for slot in rng.permutation(4)[: rng.integers(1, 4)]:
        x = (slot - 1.5) / 4 * width + rng.uniform(-0.04, 0.04) * width
        z = rng.uniform(-0.25, 0.25) * depth
        kind = rng.integers(4)
        if kind <= 1:
            parts += _book_pile(rng, x, height, z)
        elif kind == 2:
            parts.append(frustum((x, height, z), 0.1, 0.03, 0.045, palette.paint(rng), Label.UNLABELLED))
        else:
            w, h, d = rng.uniform(0.05, 0.12, 3)
            material = palette.paint(rng)
            parts.append(box((x - w, height, z - d), (x + w, height + h, z + d), material, Label.UNLABELLED))
    return parts


def row_of_books(
    rng: Rng, left: float, right: float, shelf: float, room: float, back: float, front: float
) -> list[Part]:
    """Runs of books with gaps between them, on a shelf at height ``shelf`` with ``room`` above it."""
    parts = []
    while left < right - 0.07:
        end = min(left + rng.uniform(0.12, 0.45), right)
        if rng.random() < 0.8:
            top, edge = shelf + room * rng.uniform(0.55, 0.85), front - rng.uniform(0.02, 0.1)
            parts.append(box((left, shelf, back), (end, top, edge), palette.book_row(rng), Label.BOOKS))
        left = end + rng.uniform(0.0, 0.06)
    return parts


def screen_of(rng: Rng, width: float, bottom: float, back: float) -> list[Part]:
    """A flat television: its case, and the screen that stands out a little."""
    top, half, case = bottom + 0.58 * width, width / 2, palette.metal(rng)
    return [
        box((-half, bottom, back), (half, top, back + 0.04), case, Label.TELEVISION),
        box(
            (-half + 0.025, bottom + 0.025, back + 0.02),
            (half - 0.025, top - 0.025, back + 0.043),
            palette.screen(rng),
            Label.TELEVISION,
        ),
    ]


def _book_pile(rng: Rng, x: float, y: float, z: float) -> list[Part]:
    parts = []
    for _ in range(rng.integers(1, 5)):
        thick, half_width, half_depth = rng.uniform((0.02, 0.08, 0.1), (0.045, 0.13, 0.16))
        book = box(
            (-half_width, 0, -half_depth), (half_width, thick, half_depth), palette.paint(rng), Label.BOOKS
        )
        parts.append(book.moved(rotation(rng.uniform(-0.5, 0.5)), np.array([x, y, z])))
        y += thick
    return parts


def pillow(
    rng: Rng,
    centre: tuple[float, float, float],
    half: tuple[float, float, float],
    yaw: float,
    pitch: float,
    label: int,
) -> Part:
    """A cushion of some cloth, turned and leaning."""
    return ellipsoid((0, 0, 0), half, palette.cloth(rng), label).moved(rotation(yaw, pitch), np.array(centre))
