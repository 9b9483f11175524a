"""Edges and keypoints of a grey image, the two tasks whose labels come from the picture itself.

Both are those of Taskonomy (Zamir et al., CVPR 2018): Canny's gradient without thinning, and the response whose
peaks are SURF keypoints. The border's values continue outside of the picture.
"""

from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Array = NDArray[np.float64]

EDGE_SCALE = 1.0  # pixels, of the Gaussian before the gradient
KEYPOINT_SCALE = 2.0
KEYPOINT_GAIN = 0.15  # spreads responses over 0..0.005, the range that the Taskonomy layout uses

_blurred = partial(ndimage.gaussian_filter, mode="nearest", truncate=3.0)


def grey(image: NDArray[np.uint8]) -> Array:
    """[H, W, 3] RGB in 0..255 as brightness in [0, 1] (the weights of ITU-R BT.601)."""
    # Pillow's conversion to "L" has the same weights but rounds to 256 steps, which the gradients would show.
    red, green, blue = np.moveaxis(image / 255, -1, 0)
    return np.asarray(0.299 * red + 0.587 * green + 0.114 * blue)


def texture_edges(brightness: Array) -> Array:
    """Magnitude of the gradient [H, W] of the smoothed image, by Sobel's filters; brightness per pixel."""
    smooth = _blurred(brightness, EDGE_SCALE)
    # Sobel's whole numbers add up to eight times the slope.
    return np.asarray(ndimage.generic_gradient_magnitude(smooth, ndimage.sobel, mode="nearest") / 8)


def keypoints(brightness: Array) -> Array:
    """Blobs and corners [H, W]: the determinant of the Hessian where positive (Bay et al., SURF, ECCV 2006).

    Its square root, which grows with contrast as edges do; that is how the values of real frames are spread.
    """
    smooth = _blurred(brightness, KEYPOINT_SCALE)
    # Differences of neighbours; the Gaussian's own derivatives (``order=2``) would be other labels.
    second = partial(ndimage.correlate1d, weights=(1.0, -2.0, 1.0), mode="nearest")
    first = partial(ndimage.correlate1d, weights=(-0.5, 0.0, 0.5), mode="nearest")
    determinant = second(smooth, axis=0) * second(smooth, axis=1) - first(first(smooth, axis=0), axis=1) ** 2
    return np.asarray(KEYPOINT_GAIN * KEYPOINT_SCALE**2 * np.sqrt(np.maximum(determinant, 0)))
