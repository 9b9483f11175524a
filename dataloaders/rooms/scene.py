"""A random furnished room: what stands where, and what lights it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import product

import numpy as np

from dataloaders.rooms import fittings, furniture, palette
from dataloaders.rooms.geometry import Array, Part, Solids, box, rotation
from dataloaders.rooms.items import Item, Rng
from dataloaders.rooms.palette import Label

TRIES = 12  # random positions tried for an item before it is left out
MARGIN = 0.03  # free space around an item, metres
SHELL = 0.2  # thickness of walls, floor and ceiling, metres

LARGE = 30.0  # square metres, from which on a room gets twice the furniture

Likely = tuple[Callable[[Rng], Item], float]
"""What builds an item, and how probably a room gets it."""

ALONG_WALLS: tuple[Likely, ...] = (
    (furniture.bed, 0.5),
    (furniture.sofa, 0.65),
    (furniture.sofa, 0.3),
    (furniture.cabinet, 0.75),
    (furniture.cabinet, 0.4),
    (furniture.bookshelf, 0.75),
    (furniture.television, 0.5),
    (furniture.table, 0.3),
    (furniture.plant, 0.5),
    (furniture.floor_lamp, 0.5),
)
STANDING_FREE: tuple[Likely, ...] = (
    (furniture.plant, 0.5),
    (furniture.chair, 0.5),
    (furniture.chair, 0.5),
    (furniture.floor_lamp, 0.4),
)
ON_WALLS: tuple[Likely, ...] = (
    (fittings.picture, 0.85),
    (fittings.picture, 0.85),
    (fittings.wall_television, 0.5),
    (fittings.wall_shelf, 0.5),
    (fittings.picture, 0.6),
)


@dataclass(frozen=True)
class Light:
    """A small lamp, or a window's light.

    Attributes:
        position: [3] metres.
        colour: [3] linear RGB, strength at one metre.
        reach: [2, 3] half the lamp's extent in two directions, for soft shadows.
        facing: [3] the side to which it shines, or None: all around.
    """

    position: Array
    colour: Array
    reach: Array
    facing: Array | None = None


@dataclass(frozen=True)
class Scene:
    """A room from x, y, z = 0 to ``size``; ``ambient`` is the light [3] that comes from everywhere."""

    size: Array
    solids: Solids
    lights: Sequence[Light]
    ambient: Array
    taken: Sequence[tuple[Array, Array]] = ()


@dataclass
class _Room:
    """A room that is being furnished."""

    rng: Rng
    size: Array
    parts: list[Part] = field(default_factory=list)
    taken: list[tuple[Array, Array]] = field(default_factory=list)
    lights: list[Light] = field(default_factory=list)

    def put(self, item: Item, yaw: float, x: float, z: float) -> bool:
        """Put an item there if nothing else is; True if it was put."""
        turn, offset = rotation(yaw), np.array([x, 0.0, z])
        low = np.array([-item.width / 2, item.bottom, -item.depth / 2])
        high = np.array([item.width / 2, item.height, item.depth / 2 + item.clearance])
        # A box along the room's axes around the turned item: large for slanting ones, but never too small.
        corners = np.array(list(product(*zip(low, high, strict=True)))) @ turn.T + offset
        first, last = corners.min(0) + 1e-3, corners.max(0) - 1e-3  # what touches a wall is still inside
        if (first[[0, 2]] < 0).any() or (last > self.size).any():
            return False
        if any(((first - MARGIN < b) & (last + MARGIN > a)).all() for a, b in self.taken):
            return False
        self.taken.append((first, last))
        self.parts += [part.moved(turn, offset) for part in item.parts]
        return True

    def put_at_wall(self, item: Item) -> tuple[float, Array] | None:
        """Put an item with its back to a wall; its yaw and position, or None where there was no room."""
        for _ in range(TRIES):
            # The yaw names the wall: an item's front, +z, is turned to look into the room from it.
            yaw = int(self.rng.integers(4)) * np.pi / 2
            inward, along = np.array([np.sin(yaw), 0, np.cos(yaw)]), np.array([np.cos(yaw), 0, -np.sin(yaw)])
            length, across = np.abs(self.size @ along), np.abs(self.size @ inward)
            slack = (length - item.width) / 2
            if slack < 0:
                continue
            position = self.size / 2 * [1, 0, 1] + along * self.rng.uniform(-slack, slack)
            position += inward * (item.depth / 2 - across / 2)
            if self.put(item, yaw, position[0], position[2]):
                return yaw, position
        return None

    def put_anywhere(self, item: Item) -> tuple[float, Array] | None:
        """Put an item somewhere on the floor, turned at random; its yaw and position, or None."""
        for _ in range(TRIES):
            x, z = self.rng.uniform(0, self.size[[0, 2]])
            yaw = self.rng.uniform(0, 2 * np.pi)
            if self.put(item, yaw, x, z):
                return yaw, np.array([x, 0.0, z])
        return None


def random_scene(rng: Rng) -> Scene:
    """Build, furnish and light a room."""
    size = rng.uniform((3.0, 2.35, 3.0), (7.5, 3.0, 7.0))
    room = _Room(rng, size)
    _fit_out(room)
    _furnish(room)
    _lay_rug(room)
    room.parts += _shell(rng, size)
    warm = rng.uniform(0.85, 1.1)
    ambient = rng.uniform(0.12, 0.3) * np.array([warm, 1.0, 2 - warm])
    return Scene(size, Solids(room.parts), tuple(room.lights), ambient, tuple(room.taken))


def _shell(rng: Rng, size: Array) -> list[Part]:
    """Floor, ceiling, walls (one of them perhaps in another finish) and skirting boards."""
    w, h, d = size
    t, label = SHELL, Label.WALL
    walls = [palette.wall_finish(rng)] * 4
    if rng.random() < 0.4:
        walls[int(rng.integers(4))] = palette.wall_finish(rng)
    parts = [
        box((-t, -t, -t), (w + t, 0, d + t), palette.floor_finish(rng), Label.FLOOR),
        box((-t, h, -t), (w + t, h + t, d + t), palette.ceiling_finish(rng), Label.CEILING),
        box((-t, 0, -t), (w + t, h, 0), walls[0], label),
        box((-t, 0, 0), (0, h, d), walls[1], label),
        box((-t, 0, d), (w + t, h, d + t), walls[2], label),
        box((w, 0, 0), (w + t, h, d), walls[3], label),
    ]
    if rng.random() < 0.7:
        board, high, thick = palette.timber_or_paint(rng), rng.uniform(0.06, 0.12), 0.015
        for x, z, x_end, z_end in (
            (0, 0, w, thick),
            (0, 0, thick, d),
            (0, d - thick, w, d),
            (w - thick, 0, w, d),
        ):
            parts.append(box((x, 0, z), (x_end, high, z_end), board, Label.UNLABELLED))
    return parts


def _fit_out(room: _Room) -> None:
    """Ceiling lamp, pillar, windows and doors."""
    rng, size = room.rng, room.size
    lamp, shines_from = fittings.ceiling_lamp(rng, size[1])
    x, z = size[[0, 2]] * rng.uniform(0.35, 0.65, 2)
    room.put(lamp, 0.0, x, z)
    colour = np.array([1.0, rng.uniform(0.75, 1.0), rng.uniform(0.5, 0.95)]) * rng.uniform(0.8, 2.0)
    room.lights.append(Light(np.array([x, shines_from, z]), colour, 0.07 * np.eye(3)[[0, 2]]))
    if rng.random() < 0.25:
        side = rng.uniform(0.3, 0.55)
        pillar = box(
            (-side / 2, 0, -side / 2), (side / 2, size[1], side / 2), palette.wall_finish(rng), Label.WALL
        )
        room.put_at_wall(Item([pillar], side, size[1], side))
    for _ in range(rng.integers(1, 4)):
        pane = fittings.window(rng)
        found = room.put_at_wall(pane)
        if found and len(room.lights) < 2:
            room.lights.append(_daylight(rng, *found, (pane.bottom + pane.height) / 2))
    for _ in range(rng.integers(1, 3)):
        room.put_at_wall(fittings.door(rng))


def _daylight(rng: Rng, yaw: float, position: Array, height: float) -> Light:
    """Light that enters by a window: it shines into the room only, from a little before the pane."""
    inward, along = np.array([np.sin(yaw), 0, np.cos(yaw)]), np.array([np.cos(yaw), 0, -np.sin(yaw)])
    colour = np.array([rng.uniform(0.75, 1.0), 0.95, 1.0]) * rng.uniform(0.8, 3.0)
    reach = np.stack([0.2 * along, [0.0, 0.2, 0.0]])
    return Light(position + 0.12 * inward + [0, height, 0], colour, reach, inward)


def _furnish(room: _Room) -> None:
    """Furniture in a random choice and order, then things for the walls."""
    rng = room.rng
    choices = ALONG_WALLS * (2 if room.size[0] * room.size[2] > LARGE else 1)
    for chosen in rng.permutation(len(choices)):
        build, likely = choices[chosen]
        if rng.random() < likely:
            room.put_at_wall(build(rng))
    if rng.random() < 0.85:
        _table_with_chairs(room)
    for build, likely in STANDING_FREE:
        if rng.random() < likely:
            room.put_anywhere(build(rng))
    for build, likely in ON_WALLS:
        if rng.random() < likely:
            room.put_at_wall(build(rng))


def _table_with_chairs(room: _Room) -> None:
    """A table in the room; one of full height has one to four chairs drawn up, all of one make."""
    rng = room.rng
    table, chair = furniture.table(rng), furniture.chair(rng)
    found = room.put_anywhere(table)
    if found is None or table.height < 0.6:
        return
    yaw, centre = found
    table_space = room.taken.pop()  # chairs reach under the table
    for side in rng.permutation(4)[: rng.integers(1, 5)]:
        turn = yaw + side * np.pi / 2
        away = np.array([np.sin(turn), 0, np.cos(turn)])
        reach = (table.width if side % 2 else table.depth) / 2 + rng.uniform(0.0, 0.3)
        x, _, z = centre + away * reach
        # The chair's front looks back at the table.
        room.put(chair, turn + np.pi + rng.normal(0, 0.15), x, z)
    room.taken.append(table_space)


def _lay_rug(room: _Room) -> None:
    """Rugs lie under furniture, so only the walls limit them."""
    furnished, room.taken = room.taken, []
    if room.rng.random() < 0.75:
        room.put_anywhere(fittings.rug(room.rng))
    room.taken = furnished
