"""Surface normals from depth: a plane through the points around every pixel."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Camera:
    """A pinhole camera: focal lengths and principal point in pixels."""

    fx: float
    fy: float
    cx: float
    cy: float

    def scaled(self, across: float, down: float) -> "Camera":
        """The same camera for frames of so many times the columns and rows."""
        return Camera(
            self.fx * across, self.fy * down, (self.cx + 0.5) * across - 0.5, (self.cy + 0.5) * down - 0.5
        )


def plane_normals(depth: NDArray, camera: Camera, window: int) -> tuple[Array, NDArray[np.bool_]]:
    """Normals of the planes that fit the depth around each pixel best.

    A plane in space is one in 1/z too: aX + bY + cZ = 1 becomes a(u - cx)/fx + b(v - cy)/fy + c = 1/z. So its normal
    (a, b, c) follows from a least-squares fit of 1/z by columns u and rows v, over the valid pixels of a window that
    ends where the frame does.

    Args:
        depth: [H, W], metres along the optical axis; 0 or less, or not finite: no measurement.
        window: pixels a side, odd.

    Returns:
        unit normals [H, W, 3], (right, down, forward), facing the camera; and which pixels have one [H, W].
    """
    measured = np.isfinite(depth) & (depth > 0)
    weight = measured.astype(np.float64)
    inverse = np.where(measured, 1 / np.where(measured, depth, 1), 0.0)
    rows, columns = np.mgrid[: depth.shape[0], : depth.shape[1]].astype(np.float64)

    def total(values: Array) -> Array:
        return ndimage.uniform_filter(values * weight, window, mode="constant") * window**2

    count = np.maximum(total(weight), 1)
    u, v, q = total(columns) / count, total(rows) / count, total(inverse) / count
    uu, vv = total(columns**2) / count - u * u, total(rows**2) / count - v * v
    uv = total(columns * rows) / count - u * v
    uq, vq = total(columns * inverse) / count - u * q, total(rows * inverse) / count - v * q
    determinant = uu * vv - uv * uv
    fitted = measured & (determinant > 1e-6)  # points on one line carry many planes
    divisor = np.where(fitted, determinant, 1)
    across, down = (uq * vv - vq * uv) / divisor, (vq * uu - uq * uv) / divisor
    at_centre = q + across * (camera.cx - u) + down * (camera.cy - v)
    normals = -np.stack([across * camera.fx, down * camera.fy, at_centre], axis=-1)
    length = np.linalg.norm(normals, axis=-1)
    fitted &= length > 0
    return normals / np.where(fitted, length, 1)[..., None], fitted
