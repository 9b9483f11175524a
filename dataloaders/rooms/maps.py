"""Edges and keypoints of a grey image, the two tasks whose labels come from the picture itself.

Both are those of Taskonomy (Zamir et al., CVPR 2018): Canny's gradient without thinning, and the response whose
peaks are SURF keypoints.
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

EDGE_SCALE = 1.0  # pixels, of the Gaussian before the gradient
KEYPOINT_SCALE = 2.0
KEYPOINT_GAIN = 0.15  # spreads responses over 0..0.005, the range that the Taskonomy layout uses


def grey(image: NDArray[np.uint8]) -> Array:
    """[H, W, 3] RGB in 0..255 as brightness in [0, 1] (the weights of ITU-R BT.601)."""
    red, green, blue = np.moveaxis(image / 255, -1, 0)
    return np.asarray(0.299 * red + 0.587 * green + 0.114 * blue)


def texture_edges(brightness: Array) -> Array:
    """Magnitude of the gradient [H, W] of the smoothed image, by Sobel's filters; brightness per pixel."""
    smooth = _blurred(brightness, EDGE_SCALE)
    across, along = (-0.5, 0.0, 0.5), (0.25, 0.5, 0.25)
    right = _filter(_filter(smooth, along, 0), across, 1)
    down = _filter(_filter(smooth, across, 0), along, 1)
    return np.hypot(right, down)


def keypoints(brightness: Array) -> Array:
    """Blobs and corners [H, W]: the determinant of the Hessian where positive (Bay et al., SURF, ECCV 2006).

    Its square root, which grows with contrast as edges do; that is how the values of real frames are spread.
    """
    smooth = _blurred(brightness, KEYPOINT_SCALE)
    second, first = (1.0, -2.0, 1.0), (-0.5, 0.0, 0.5)
    determinant = _filter(smooth, second, 0) * _filter(smooth, second, 1)
    determinant -= _filter(_filter(smooth, first, 0), first, 1) ** 2
    return np.asarray(KEYPOINT_GAIN * KEYPOINT_SCALE**2 * np.sqrt(np.maximum(determinant, 0)))


def _blurred(values: Array, scale: float) -> Array:
    """A Gaussian filter of this standard deviation in pixels."""
    reach = int(np.ceil(3 * scale))
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / scale) ** 2)
    weights /= weights.sum()
    return _filter(_filter(values, weights, 0), weights, 1)


def _filter(values: Array, weights: Array | tuple[float, ...], axis: int) -> Array:
    """Correlate along one axis; the border's values continue outside."""
    reach = len(weights) // 2
    padding = [(reach, reach) if dimension == axis else (0, 0) for dimension in range(2)]
    padded = np.pad(values, padding, mode="edge")
    length = values.shape[axis]
    total = np.zeros_like(values)
    for shift, weight in enumerate(weights):
        total += weight * padded.take(range(shift, shift + length), axis=axis)
    return total
