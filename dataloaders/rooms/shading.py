"""The light that comes back from points of a scene."""

import numpy as np
from numpy.typing import NDArray

from dataloaders.rooms.geometry import Array
from dataloaders.rooms.scene import Light, Scene
from dataloaders.rooms.textures import reflectance

SHADOW_BIAS = 2e-3  # a point is lit if the lamp's ray comes this close to it, as a share of the way


def radiance(
    scene: Scene, eye: Array, points: Array, which: NDArray[np.intp], sample: tuple[float, float]
) -> Array:
    """Linear RGB light [3, M] from points [3, M] on solids ``which`` [M] towards the eye.

    Lambert's law and a Blinn-Phong highlight for every lamp, with cast shadows, and ambient light that is
    weaker in corners and from below.

    Args:
        sample: the point of each lamp that shines, in [-1, 1] along its two extents. Averaged over several
            samples, shadows have soft edges.
    """
    solids, materials = scene.solids, [part.material for part in scene.solids.parts]
    local = solids.local(points, which)
    own_normal, normal = solids.normals(local, which)
    colour = reflectance(materials, which, local, own_normal, solids.half[which].T)
    gloss = np.array([material.gloss for material in materials])[which]
    glow = np.array([material.glow for material in materials])[which]
    toward_eye = eye[:, None] - points
    toward_eye /= np.linalg.norm(toward_eye, axis=0)
    diffuse = scene.ambient[:, None] * _openness(scene, points, normal)
    highlight = np.zeros_like(points)
    for light in scene.lights:
        position = light.position + np.asarray(sample) @ light.reach
        toward_light, strength = _received(scene, light, position, points, normal)
        diffuse += light.colour[:, None] * strength
        halfway = toward_light + toward_eye
        halfway /= np.linalg.norm(halfway, axis=0)
        highlight += light.colour[:, None] * strength * np.maximum((halfway * normal).sum(0), 0) ** 40
    return np.asarray(colour * (diffuse + glow) + gloss * highlight)


def _received(
    scene: Scene, light: Light, position: Array, points: Array, normal: Array
) -> tuple[Array, Array]:
    """Unit directions to the lamp [3, M], and the share of its light that arrives [M]."""
    away = points - position[:, None]
    distance = np.linalg.norm(away, axis=0)
    toward_light = -away / distance
    facing = np.maximum((toward_light * normal).sum(0), 0)
    if light.facing is not None:
        facing = facing * np.maximum(-(light.facing[:, None] * toward_light).sum(0), 0)
    # From the lamp to the points, not back: so all rays have one origin, as `cast` needs, and a surface between them is
    # met before the point. Points that face away are dark without a ray.
    lit = np.flatnonzero(facing > 0)
    first_hit, _ = scene.solids.cast(position, away.take(lit, axis=1))
    strength = np.zeros(points.shape[1])
    # Softer than the square law, as light that other surfaces throw back fills in.
    strength[lit] = facing[lit] * (first_hit > 1 - SHADOW_BIAS) / (0.6 + 0.4 * distance[lit] ** 2)
    return toward_light, strength


def _openness(scene: Scene, points: Array, normal: Array) -> Array:
    """[M]: the share of ambient light that a point gets: less near the room's corners, less from below."""
    share = 0.75 + 0.25 * normal[1]
    for axis in range(3):
        for distance in (points[axis], scene.size[axis] - points[axis]):
            # A surface is not darkened by the wall it belongs to.
            other = 1 - np.abs(normal[axis])
            share = share * (1 - 0.35 * other * np.exp(-np.maximum(distance, 0) / 0.25))
    return np.asarray(share)
