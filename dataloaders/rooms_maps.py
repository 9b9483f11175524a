"""Edges and keypoints of a grey image, the two tasks whose labels come from the picture itself."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

WINDOW = (0.05, 0.25, 0.4, 0.25, 0.05)  # about a Gaussian of one pixel: the neighbourhood of a keypoint
KEYPOINT_GAIN = 4.0  # spreads responses over 0..0.005, the range that the Taskonomy layout uses


def grey(image: NDArray[np.uint8]) -> Array:
    """[H, W, 3] RGB in 0..255 as brightness in [0, 1] (the weights of ITU-R BT.601)."""
    red, green, blue = np.moveaxis(image / 255, -1, 0)
    return np.asarray(0.299 * red + 0.587 * green + 0.114 * blue)


def gradients(brightness: Array) -> tuple[Array, Array]:
    """Sobel derivatives right and down, per pixel, of [H, W]."""
    smooth, slope = (0.25, 0.5, 0.25), (-0.5, 0.0, 0.5)
    return _filter(_filter(brightness, smooth, 0), slope, 1), _filter(
        _filter(brightness, slope, 0), smooth, 1
    )


def texture_edges(brightness: Array) -> Array:
    """Magnitude of the gradient [H, W], brightness per pixel; no blurring first, so textures count."""
    return np.hypot(*gradients(brightness))


def keypoints(brightness: Array) -> Array:
    """Corner response [H, W]: the smaller eigenvalue of the structure tensor (Shi and Tomasi, CVPR 1994)."""
    right, down = gradients(brightness)
    products = (right * right, right * down, down * down)
    xx, xy, yy = (_filter(_filter(product, WINDOW, 0), WINDOW, 1) for product in products)
    smaller = (xx + yy) / 2 - np.sqrt(((xx - yy) / 2) ** 2 + xy**2)
    return np.asarray(KEYPOINT_GAIN * np.maximum(smaller, 0))


def _filter(values: Array, weights: tuple[float, ...], axis: int) -> Array:
    """Correlate along one axis; the border's values continue outside."""
    reach = len(weights) // 2
    padding = [(reach, reach) if dimension == axis else (0, 0) for dimension in range(2)]
    padded = np.pad(values, padding, mode="edge")
    length = values.shape[axis]
    total = np.zeros_like(values)
    for shift, weight in enumerate(weights):
        total += weight * padded.take(range(shift, shift + length), axis=axis)
    return total
