"""Solids, and where rays meet them: boxes, ellipsoids and frustums, each with its own axes.

World axes: x and z along the floor, y up, metres. Rays are [3, M] arrays that share one origin (the camera's
eye, or a lamp), so that one product with all directions tells which rays can meet which solid at all.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from dataloaders.rooms.textures import Material

Array = NDArray[np.float64]

BOX, ELLIPSOID, FRUSTUM = range(3)
NEAR = 1e-6  # a ray that starts on a surface does not meet it again
PARALLEL = 1e-12  # stands for 0 in a direction, so that slabs need no special case


@dataclass(frozen=True)
class Part:
    """One solid.

    Attributes:
        shape: BOX, ELLIPSOID or FRUSTUM (a cylinder or cone along its own y axis, with flat ends).
        centre: [3], world coordinates.
        half: [3], half the extents along the own axes; of a frustum: lower radius, half height, upper radius.
        label: its class, or -1: unlabelled.
        turn: [3, 3], the own axes as columns, in world coordinates.
    """

    shape: int
    centre: Array
    half: Array
    material: Material
    label: int
    turn: Array = field(default_factory=lambda: np.eye(3))

    def moved(self, turn: Array, offset: Array) -> "Part":
        """The same solid, turned about the origin, then shifted."""
        return replace(self, centre=turn @ self.centre + offset, turn=turn @ self.turn)


def box(low: Sequence[float], high: Sequence[float], material: Material, label: int) -> Part:
    """An upright box between two corners."""
    first, second = np.asarray(low, float), np.asarray(high, float)
    return Part(BOX, (first + second) / 2, (second - first) / 2, material, label)


def frustum(
    foot: Sequence[float], height: float, radius: float, top: float, material: Material, label: int
) -> Part:
    """An upright cylinder or cone that stands on ``foot``; ``top`` is its upper radius."""
    centre = np.asarray(foot, float) + [0, height / 2, 0]
    return Part(FRUSTUM, centre, np.array([radius, height / 2, top]), material, label)


def ellipsoid(centre: Sequence[float], half: Sequence[float], material: Material, label: int) -> Part:
    return Part(ELLIPSOID, np.asarray(centre, float), np.asarray(half, float), material, label)


def turned(turn: Array, vectors: Array) -> Array:
    """``turn @ vectors`` for [3, 3] and [3, M].

    Without a linear algebra library, whose threads would crowd each other where one process a core renders,
    and whose last digits differ between machines.
    """
    return np.asarray(np.einsum("ij,jm->im", turn, vectors))


def rotation(yaw: float, pitch: float = 0.0, roll: float = 0.0) -> Array:
    """Turn about y by ``yaw``, after about x by ``pitch``, after about z by ``roll`` (radians)."""
    # scipy's Rotation goes by quaternions and differs in the last digit, which some pictures show.
    (cy, cp, cr), (sy, sp, sr) = np.cos([yaw, pitch, roll]), np.sin([yaw, pitch, roll])
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_x = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    about_z = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    return about_y @ about_x @ about_z


class Solids:
    """Many solids as arrays, for casting rays at all of them."""

    def __init__(self, parts: Sequence[Part]) -> None:
        self.parts = tuple(parts)
        self.shape = np.array([part.shape for part in parts])
        self.label = np.array([part.label for part in parts])
        self.centre = np.stack([part.centre for part in parts])
        self.half = np.stack([part.half for part in parts])
        self.turn = np.stack([part.turn for part in parts])
        self.radius = np.linalg.norm(self.half, axis=1)  # of a sphere around the solid
        cone = self.shape == FRUSTUM
        widest = np.maximum(self.half[cone, 0], self.half[cone, 2])
        self.radius[cone] = np.hypot(widest, self.half[cone, 1])  # its farthest points are the wider rim

    def cast(self, origin: Array, rays: Array) -> tuple[Array, NDArray[np.intp]]:
        """How far along each ray the first solid is, and which.

        Args:
            origin: [3], where all rays start; not inside a solid.
            rays: [3, M], directions of any length.

        Returns:
            [M] distances in lengths of the direction (inf: nothing is met) and [M] indices of solids.
        """
        nearest = np.full(rays.shape[1], np.inf)
        which = np.zeros(rays.shape[1], dtype=np.intp)
        candidates = self._may_meet(origin, rays)
        for index, (part, row) in enumerate(zip(self.parts, candidates, strict=True)):
            chosen = np.flatnonzero(row)
            if not chosen.size:
                continue
            # In the solid's own axes it is upright and around 0; turning changes no distance along a ray.
            start = part.turn.T @ (origin - part.centre)
            distance = _MEET[part.shape](
                start[:, None], turned(part.turn.T, rays.take(chosen, axis=1)), part.half
            )
            closer = distance < nearest[chosen]
            chosen = chosen[closer]
            nearest[chosen] = distance[closer]
            which[chosen] = index
        return nearest, which

    def _may_meet(self, origin: Array, rays: Array) -> NDArray[np.bool_]:
        """[N, M]: whether the ray meets the sphere around the solid."""
        toward = self.centre - origin
        square = (toward**2).sum(1)
        tangent = np.sqrt(np.maximum(square - self.radius**2, 0))
        # A ray meets the sphere if the part of `toward` along it is longer than the tangent. Single precision
        # is enough with a little slack, and halves the time.
        tangent = np.where(square > self.radius**2, tangent * (1 - 1e-5) - 1e-5, -np.inf)
        unit = (rays / np.linalg.norm(rays, axis=0)).astype(np.float32)
        along = np.einsum("ni,im->nm", toward.astype(np.float32), unit)
        return np.asarray(along >= tangent.astype(np.float32)[:, None])

    def local(self, points: Array, which: NDArray[np.intp]) -> Array:
        """Points [3, M] on solids ``which`` [M], in the own axes of these."""
        shifted = points - self.centre[which].T
        return np.einsum("mij,im->jm", self.turn[which], shifted)

    def normals(self, local: Array, which: NDArray[np.intp]) -> tuple[Array, Array]:
        """Outward unit normals at points given in own axes: [3, M] in own axes, and [3, M] in world axes."""
        half, shape = self.half[which].T, self.shape[which]
        own = _box_normal(local, half)
        for kind, normal in ((ELLIPSOID, _ellipsoid_normal), (FRUSTUM, _frustum_normal)):
            chosen = shape == kind
            if chosen.any():
                own[:, chosen] = normal(local[:, chosen], half[:, chosen])
        return own, np.einsum("mij,jm->im", self.turn[which], own)


def _meet_box(start: Array, ray: Array, half: Array) -> Array:
    # A box is where three slabs overlap (Kay and Kajiya, 1986): a ray is inside from where it has entered the last of
    # them until it leaves the first.
    ray = np.where(np.abs(ray) < PARALLEL, PARALLEL, ray)
    first, second = (-half[:, None] - start) / ray, (half[:, None] - start) / ray
    enter = np.minimum(first, second).max(axis=0)
    leave = np.maximum(first, second).min(axis=0)
    return np.where((enter <= leave) & (enter > NEAR), enter, np.inf)


def _meet_ellipsoid(start: Array, ray: Array, half: Array) -> Array:
    # Squeezed to a unit sphere, with the ray: distances in lengths of the ray stay the same. Of the two solutions only
    # the nearer one is of use, since no ray starts inside.
    start, ray = start / half[:, None], ray / half[:, None]
    a, b, c = (ray * ray).sum(0), (start * ray).sum(0), (start * start).sum(0) - 1
    root = b * b - a * c
    distance = (-b - np.sqrt(np.maximum(root, 0))) / a
    return np.where((root > 0) & (distance > NEAR), distance, np.inf)


def _meet_frustum(start: Array, ray: Array, half: Array) -> Array:
    # On the side, x^2 + z^2 = (middle + slope * y)^2: a quadratic equation in the distance, b being half its middle
    # factor. Both solutions are tried: the nearer one may lie beyond the ends, or on the other half of the double cone.
    height = half[1]
    middle, slope = (half[0] + half[2]) / 2, (half[2] - half[0]) / (2 * height)
    (x, y, z), (dx, dy, dz) = start, ray
    at_start = middle + slope * y
    a = dx * dx + dz * dz - (slope * dy) ** 2
    a = np.where(np.abs(a) < PARALLEL, PARALLEL, a)
    b = x * dx + z * dz - slope * dy * at_start
    root = b * b - a * (x * x + z * z - at_start**2)
    spread = np.sqrt(np.maximum(root, 0))
    best = np.full(ray.shape[1], np.inf)
    for sign in (-1, 1):
        distance = (-b + sign * spread) / a
        fits = (root > 0) & (distance > NEAR) & (np.abs(y + distance * dy) <= height)
        best = np.where(fits & (distance < best), distance, best)
    flat = np.where(np.abs(dy) < PARALLEL, PARALLEL, dy)
    for end, radius in ((-height, half[0]), (height, half[2])):
        distance = (end - y) / flat
        inside = (x + distance * dx) ** 2 + (z + distance * dz) ** 2 <= radius**2
        best = np.where(inside & (distance > NEAR) & (distance < best), distance, best)
    return best


_MEET = {BOX: _meet_box, ELLIPSOID: _meet_ellipsoid, FRUSTUM: _meet_frustum}


def _box_normal(local: Array, half: Array) -> Array:
    # Rounding leaves a point a little off its face; it belongs to the nearest.
    axis = np.argmin(np.abs(half - np.abs(local)), axis=0)
    on_axis = np.arange(3)[:, None] == axis
    return np.where(on_axis, np.where(local < 0, -1.0, 1.0), 0.0)


def _ellipsoid_normal(local: Array, half: Array) -> Array:
    gradient = local / half**2  # of (x / a)^2 + (y / b)^2 + (z / c)^2, which is 1 on the surface
    return np.asarray(gradient / np.linalg.norm(gradient, axis=0))


def _frustum_normal(local: Array, half: Array) -> Array:
    slope = (half[2] - half[0]) / (2 * half[1])
    radius = (half[0] + half[2]) / 2 + slope * local[1]
    # Half the gradient of x^2 + z^2 - radius(y)^2, which is 0 on the side.
    side = np.stack([local[0], -slope * radius, local[2]])
    side /= np.maximum(np.linalg.norm(side, axis=0), PARALLEL)
    end = np.stack([np.zeros_like(radius), np.sign(local[1]), np.zeros_like(radius)])
    # A point belongs to the surface that it is nearer to, as of a box.
    at_end = half[1] - np.abs(local[1]) < np.abs(radius - np.hypot(local[0], local[2]))
    return np.where(at_end, end, side)
