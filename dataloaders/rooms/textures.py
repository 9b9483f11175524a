"""Materials and procedural textures: the reflectance of a point on a solid."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Colour = tuple[float, float, float]


@dataclass(frozen=True)
class Material:
    """What a surface looks like.

    Attributes:
        first, second: the two colours of the pattern, linear RGB reflectances in [0, 1].
        kind: a key of PATTERNS.
        scale: size of the pattern's unit (a tile, a board, a book), metres.
        seed: makes two surfaces of one kind different.
        glow: light that the surface gives off by itself, as a multiple of its colour.
        gloss: strength of the highlight, 0: matt.
        readable: False where a depth camera gets no reading, as through a window pane.
    """

    first: Colour
    second: Colour = (0.0, 0.0, 0.0)
    kind: str = "plain"
    scale: float = 0.1
    seed: int = 0
    glow: float = 0.0
    gloss: float = 0.0
    readable: bool = True


@dataclass(frozen=True)
class Spots:
    """M points that share a pattern: all that a pattern may depend on.

    Attributes:
        position: [3, M] in the solid's own axes, metres.
        across, up: [M] the two coordinates along the face, metres.
        share_across, share_up: [M] the same as shares of the face's half extents, in [-1, 1].
        scale, seed: [M].
    """

    position: Array
    across: Array
    up: Array
    share_across: Array
    share_up: Array
    scale: Array
    seed: NDArray[np.uint32]


def reflectance(
    materials: Sequence[Material], which: NDArray[np.intp], local: Array, normal: Array, half: Array
) -> Array:
    """[3, M] linear colour of points on solids.

    Args:
        materials: of all solids.
        which: [M] solid of each point.
        local, normal, half: [3, M] position and normal in own axes, and half extents.
    """
    first = np.array([material.first for material in materials])[which].T
    second = np.array([material.second for material in materials])[which].T
    scale = np.array([material.scale for material in materials])[which]
    seed = np.array([material.seed for material in materials], dtype=np.uint32)[which]
    kinds = np.array([list(PATTERNS).index(material.kind) for material in materials])[which]
    # The axis that a face looks along, and the two that span it: y is up on an upright face, z on a level one.
    axis = np.argmax(np.abs(normal), axis=0)
    columns = np.arange(which.size)
    side, top = np.array([2, 0, 0])[axis], np.array([1, 2, 1])[axis]
    across, up = local[side, columns], local[top, columns]
    share_across, share_up = across / half[side, columns], up / half[top, columns]
    colour = first
    for number, pattern in enumerate(PATTERNS.values()):
        chosen = np.flatnonzero(kinds == number)
        if pattern is None or not chosen.size:
            continue
        shares = share_across[chosen], share_up[chosen]
        spots = Spots(local[:, chosen], across[chosen], up[chosen], *shares, scale[chosen], seed[chosen])
        mixed = pattern(spots)
        if mixed.ndim == 1:
            mixed = first[:, chosen] * (1 - mixed) + second[:, chosen] * mixed
        colour[:, chosen] = mixed
    return colour


def hashed(*values: NDArray[np.generic] | int) -> Array:
    """Uniform-looking numbers in [0, 1) from whole numbers, the same on every machine."""
    # A generator gives numbers in a row, but here each depends on where its point lies, whichever points are asked for
    # together. So whole numbers are mixed as Murmur hashes do (Appleby, 2011), modulo 2^32.
    state = np.uint32(0x9E3779B9) * np.ones(
        np.broadcast_shapes(*(np.shape(v) for v in values)), dtype=np.uint32
    )
    for value in values:
        state = (state ^ np.asarray(value).astype(np.int64).astype(np.uint32)) * np.uint32(0x85EBCA6B)
        state ^= state >> np.uint32(13)
        state *= np.uint32(0xC2B2AE35)
        state ^= state >> np.uint32(16)
    return state / 2.0**32


def noise(points: Array, seed: NDArray[np.uint32]) -> Array:
    """Value noise [M] in [0, 1) at points [D, M]: random at the corners of unit cells, smooth between."""
    # ndimage.map_coordinates interpolates too, but in an array, and these lattices have no ends.
    cell = np.floor(points).astype(np.int64)
    part = points - cell
    part = part * part * (3 - 2 * part)  # level at both ends, so that cells join without a crease
    total = np.zeros(points.shape[1])
    for corner in np.ndindex(*(2,) * len(points)):
        weight = np.ones(points.shape[1])
        for along, share in zip(corner, part, strict=True):
            weight = weight * (share if along else 1 - share)
        total += weight * hashed(*(c + o for c, o in zip(cell, corner, strict=True)), seed)
    return total


def _wood(at: Spots) -> Array:
    """Boards a few units wide, each with its own tone and grain along ``up``."""
    board = np.floor(at.across / (at.scale * 4))
    tone = hashed(board, at.seed)
    grain = noise(np.stack([at.across / at.scale * 6, at.up / at.scale * 0.5 + tone * 50]), at.seed)
    rings = noise(
        np.stack([at.across / at.scale, at.up / at.scale * 0.15 + tone * 50]), at.seed + np.uint32(1)
    )
    waves = 0.5 + 0.5 * np.sin(rings * 40)
    gap = np.abs(at.across / (at.scale * 4) - board - 0.5) > 0.485
    return np.where(gap, 1.0, np.clip(0.35 * tone + 0.35 * grain + 0.3 * waves - 0.1, 0, 1))


def _checks(at: Spots) -> Array:
    return np.asarray((np.floor(at.across / at.scale) + np.floor(at.up / at.scale)) % 2)


def _tiles(at: Spots) -> Array:
    """Square tiles of slightly different tones, with joints."""
    column, row = np.floor(at.across / at.scale), np.floor(at.up / at.scale)
    edge = np.maximum(np.abs(at.across / at.scale - column - 0.5), np.abs(at.up / at.scale - row - 0.5))
    return np.where(edge > 0.47, 1.0, 0.35 * hashed(column, row, at.seed))


def _bricks(at: Spots) -> Array:
    """Staggered bricks; the second colour is the mortar's."""
    row = np.floor(at.up / at.scale)
    along = at.across / (at.scale * 2.6) + 0.5 * (row % 2)
    column = np.floor(along)
    mortar = (np.abs(along - column - 0.5) > 0.47) | (np.abs(at.up / at.scale - row - 0.5) > 0.43)
    rough = noise(np.stack([at.across, at.up]) / at.scale * 8, at.seed)
    return np.where(mortar, 1.0, 0.4 * hashed(column, row, at.seed) + 0.15 * rough)


def _stripes(at: Spots) -> Array:
    return np.asarray((at.across / at.scale) % 1 < 0.3 + 0.4 * hashed(at.seed), dtype=float)


def _bands(at: Spots) -> Array:
    """Stripes the other way round, wide and narrow."""
    row = np.floor(at.up / at.scale)
    return np.asarray(hashed(row, at.seed) > 0.55, dtype=float)


def _speckle(at: Spots) -> Array:
    """Carpet, plaster, cloth: noise in three dimensions."""
    fine = noise(at.position / at.scale, at.seed)
    return np.clip(0.7 * fine + 0.6 * noise(at.position / at.scale * 3.1, at.seed) - 0.15, 0, 1)


def _dots(at: Spots) -> Array:
    column, row = np.floor(at.across / at.scale), np.floor(at.up / at.scale)
    distance = np.hypot(at.across / at.scale - column - 0.5, at.up / at.scale - row - 0.5)
    return np.asarray(distance < 0.3, dtype=float)


def _hues(*values: NDArray[np.generic]) -> Array:
    """[3, M] colours, one for each combination of whole numbers."""
    return np.stack([hashed(*values, channel) ** 1.5 * 0.85 + 0.02 for channel in (1, 2, 3)])


def _spines(at: Spots) -> Array:
    """A row of books: one colour each, with a title band."""
    along = at.across / at.scale
    along = along + 0.35 * np.sin(along * 2.3 + hashed(at.seed) * 6)  # thick and thin volumes
    book = np.floor(along)
    colour = _hues(book, at.seed)
    band = np.abs(at.share_up - 0.9 * hashed(book, at.seed, 7)) < 0.12
    crease = np.abs(along - book - 0.5) > 0.44
    return np.where(crease, 0.25 * colour, np.where(band, 0.75 - 0.6 * colour, colour))


def _blocks(at: Spots) -> Array:
    """An abstract picture: a few coloured fields of uneven size."""
    left = np.floor(1.7 * at.share_across + 0.8 * np.sin(2.2 * at.share_across + hashed(at.seed) * 6))
    low = np.floor(1.7 * at.share_up + 0.8 * np.sin(1.9 * at.share_up + hashed(at.seed, 3) * 6))
    return _hues(left, low, at.seed)


def _landscape(at: Spots) -> Array:
    """A view: sky that pales towards hills, and ground."""
    ridge = 0.7 * noise(np.stack([at.share_across * 1.5 + 9, 0 * at.across]), at.seed) - 0.45
    far, sky = at.share_up - ridge, np.clip(at.share_up * 0.5 + 0.5, 0, 1)
    above = np.stack([0.75 - 0.5 * sky, 0.85 - 0.35 * sky, 0.95 - 0.1 * sky])
    leaves = noise(np.stack([at.share_across, at.share_up]) * 7, at.seed + np.uint32(5))
    below = _hues(at.seed) * 0.3 + np.stack([0.1 + 0.2 * leaves, 0.18 + 0.3 * leaves, 0.05 + 0.1 * leaves])
    return np.where(far > 0, above, below)


PATTERNS: dict[str, Callable[[Spots], Array] | None] = {
    "plain": None,
    "wood": _wood,
    "checks": _checks,
    "tiles": _tiles,
    "bricks": _bricks,
    "stripes": _stripes,
    "bands": _bands,
    "speckle": _speckle,
    "dots": _dots,
    "spines": _spines,
    "blocks": _blocks,
    "landscape": _landscape,
}
"""How strongly a point shows the material's second colour, [M], or its colour itself, [3, M]."""
