"""Rendered rooms as points."""

import numpy as np


def back_project(frame) -> np.ndarray:
    """[H, W, 3] points in camera axes: x right, y up, z towards the viewer."""
    height, width = frame.depth.shape
    column, row = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    x, y = (column - width / 2) / frame.focal, (height / 2 - row) / frame.focal
    return np.stack([x, y, -np.ones_like(x)], -1) * frame.depth[..., None].astype(float)
