"""Where a picture of a room is taken from."""

from dataclasses import dataclass

import numpy as np

from dataloaders.rooms.geometry import Array, rotation, turned
from dataloaders.rooms.items import Rng
from dataloaders.rooms.palette import Label
from dataloaders.rooms.scene import Scene

GRID = 20  # rays across and down that judge a view
VIEWS = 8  # views compared


@dataclass(frozen=True)
class Camera:
    """A pinhole camera.

    Attributes:
        eye: [3] metres, world coordinates.
        axes: [3, 3], its axes as columns: right, up, and back towards the viewer.
        focal: focal length in image widths.
    """

    eye: Array
    axes: Array
    focal: float

    def rays(self, height: int, width: int, rows: range, offset: tuple[float, float] = (0.0, 0.0)) -> Array:
        """[3, len(rows) * width] directions through pixels, each one metre long along the optical axis.

        Pixel (row, column) has its centre at (row + 0.5, column + 0.5); ``offset`` (down, right) moves the
        ray within the pixel. The principal point is the middle of the image.
        """
        column, row = np.meshgrid(np.arange(width) + 0.5 + offset[1], np.asarray(rows) + 0.5 + offset[0])
        pixels = self.focal * width
        x, y = (column - width / 2) / pixels, (height / 2 - row) / pixels
        return turned(self.axes, np.stack([x.ravel(), y.ravel(), -np.ones(x.size)]))


def random_camera(rng: Rng, scene: Scene) -> Camera:
    """The best of a few random views: many classes to be seen, and nothing close before the lens."""
    views = [_random_view(rng, scene) for _ in range(VIEWS)]
    return max(views, key=lambda view: _interest(scene, view))


def _random_view(rng: Rng, scene: Scene) -> Camera:
    """Stand somewhere free and look at something, with a hand-held camera's tilt."""
    eye = scene.size * 0.5
    for _ in range(50):
        eye = rng.uniform((0.3, 1.2, 0.3), (scene.size[0] - 0.3, 1.7, scene.size[2] - 0.3))
        if not any(((eye > low - 0.25) & (eye < high + 0.25)).all() for low, high in scene.taken):
            break
    centres = np.array([(low + high) / 2 for low, high in scene.taken])
    # Something in the farther half, a little below its middle: a view across the room, with some floor.
    far = np.linalg.norm((centres - eye)[:, [0, 2]], axis=1)
    target = centres[rng.choice(np.argsort(far)[len(far) // 2 :])] * [1, 0.6, 1] + [0, 0.2, 0]
    forward = target + rng.normal(0, 0.25, 3) - eye
    yaw = np.arctan2(-forward[0], -forward[2])
    pitch = np.arctan2(forward[1], np.hypot(forward[0], forward[2]))
    focal = 0.5 / np.tan(rng.uniform(np.deg2rad(58), np.deg2rad(70)) / 2)
    return Camera(eye, rotation(yaw, float(np.clip(pitch, -0.6, 0.35)), rng.normal(0, 0.03)), focal)


def _interest(scene: Scene, view: Camera) -> float:
    """Classes that take up 1 % or more, less what bare walls and surfaces nearer than 60 cm spoil."""
    depth, which = scene.solids.cast(view.eye, view.rays(GRID, GRID, range(GRID)))
    shares = np.bincount(scene.solids.label[which] + 1, minlength=18)[1:] / which.size  # [1:]: without unlabelled
    bare = shares[[Label.WALL, Label.FLOOR, Label.CEILING]].sum()
    return float((shares >= 0.01).sum() - 12 * (depth < 0.6).mean() - 10 * bare)
