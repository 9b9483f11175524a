"""Pictures of furnished rooms, with exact labels for five tasks.

Rays are cast from a pinhole camera into a room of boxes, ellipsoids and frustums. Depth, normals and classes
are taken at the middle of each pixel; the colour is the mean of four rays, with shadows, exposure and sensor
noise.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dataloaders.rendering import SPLITS
from dataloaders.rooms.camera import Camera, random_camera
from dataloaders.rooms.geometry import Array, turned
from dataloaders.rooms.maps import grey, keypoints, texture_edges
from dataloaders.rooms.palette import CLASSES
from dataloaders.rooms.scene import Scene, random_scene
from dataloaders.rooms.shading import radiance

__all__ = ["CLASSES", "Frame", "render", "render_room"]

RAYS_AT_ONCE = 2**15  # keeps the working set of a tile in the cache
SAMPLES = ((-0.25, -0.25), (-0.25, 0.25), (0.25, -0.25), (0.25, 0.25))


@dataclass(frozen=True)
class Frame:
    """One picture and its maps.

    Attributes:
        image: uint8 [H, W, 3], RGB.
        label: int8 [H, W], classes 0..16 (`CLASSES`), -1 where unlabelled.
        depth: float32 [H, W], metres along the optical axis.
        normal: float32 [H, W, 3], unit vectors in camera coordinates: x right, y up, z towards the viewer.
        measurable: bool [H, W], False where a depth camera would get no reading: window panes.
        edge, keypoint: float32 [H, W], texture edges and corner response, from the finished image.
        focal: focal length in pixels; the principal point is the middle of the image.
    """

    image: NDArray[np.uint8]
    label: NDArray[np.int8]
    depth: NDArray[np.float32]
    normal: NDArray[np.float32]
    measurable: NDArray[np.bool_]
    edge: NDArray[np.float32]
    keypoint: NDArray[np.float32]
    focal: float


def render_room(seed: int, split: str, index: int, size: tuple[int, int]) -> Frame:
    """Room number ``index`` of a split, as a picture of ``size`` (height, width) pixels.

    A pure function of its arguments: other rooms need not be rendered first.
    """
    rng = np.random.default_rng([seed, SPLITS.index(split), index])
    scene = random_scene(rng)
    camera = random_camera(rng, scene)
    return render(scene, camera, size, rng)


def render(scene: Scene, camera: Camera, size: tuple[int, int], rng: np.random.Generator) -> Frame:
    """A picture of any scene from any camera; ``rng`` gives exposure and noise."""
    height, width = size
    step = max(1, RAYS_AT_ONCE // width)
    tiles = [range(top, min(top + step, height)) for top in range(0, height, step)]
    light = [_colours(scene, camera, size, tile) for tile in tiles]
    image = _develop(np.concatenate(light, axis=1).reshape(3, height, width), rng)
    depth, which, normal = (
        np.concatenate(part, axis=-1)
        for part in zip(*(_geometry(scene, camera, size, tile) for tile in tiles), strict=True)
    )
    brightness = grey(image)
    readable = np.array([part.material.readable for part in scene.solids.parts])
    return Frame(
        image=image,
        label=scene.solids.label[which].reshape(size).astype(np.int8),
        depth=depth.reshape(size).astype(np.float32),
        normal=normal.T.reshape(height, width, 3).astype(np.float32),
        measurable=readable[which].reshape(size),
        edge=texture_edges(brightness).astype(np.float32),
        keypoint=keypoints(brightness).astype(np.float32),
        focal=camera.focal * width,
    )


def _geometry(
    scene: Scene, camera: Camera, size: tuple[int, int], rows: range
) -> tuple[Array, NDArray[np.intp], Array]:
    """Depth [M], solid [M] and camera-space normal [3, M] at the pixel centres of some rows."""
    rays = camera.rays(*size, rows)
    depth, which = scene.solids.cast(camera.eye, rays)
    local = scene.solids.local(camera.eye[:, None] + depth * rays, which)
    _, normal = scene.solids.normals(local, which)
    return depth, which, turned(camera.axes.T, normal)


def _colours(scene: Scene, camera: Camera, size: tuple[int, int], rows: range) -> Array:
    """Linear RGB [3, M] of some rows, the mean of four rays a pixel."""
    total = np.zeros((3, len(rows) * size[1]))
    for down, right in SAMPLES:
        rays = camera.rays(*size, rows, (down, right))
        depth, which = scene.solids.cast(camera.eye, rays)
        # Another point of the lamps for each ray of a pixel: 4x for -1..1.
        sample = (4 * right, -4 * down)
        total += radiance(scene, camera.eye, camera.eye[:, None] + depth * rays, which, sample)
    return total / len(SAMPLES)


def _develop(light: Array, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Linear light [3, H, W] as an 8-bit picture [H, W, 3]: exposure, white balance, film curve, noise."""
    # By the picture's mean, as a camera meters; the random part leaves rooms of different brightness.
    exposure = rng.uniform(0.18, 0.32) / light.mean()
    balance = rng.uniform(0.93, 1.07, 3)[:, None, None]
    shown = 1 - np.exp(-1.3 * exposure * balance * light)
    shown = shown ** (1 / 2.2)
    strength = rng.uniform(0.006, 0.018)
    shown += rng.normal(0, strength, shown.shape)
    return np.round(np.clip(shown, 0, 1) * 255).astype(np.uint8).transpose(1, 2, 0)
