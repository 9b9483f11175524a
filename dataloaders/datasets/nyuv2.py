"""NYU Depth V2 in the layout of AdaShare: 480 x 640 frames with 40 classes, normals and depth."""

import numpy as np
import torch
from torch import Tensor

from dataloaders.base import Field, IndexedDataset
from dataloaders.readers import check_labels, read_coded, read_colour, read_floats, read_labels, size_of

CLASSES, IGNORE = 40, 255
INVALID = 255
X = 2  # the channel of a normal's x component: red, so the last one of BGR


def mirror_normals(normals: Tensor) -> Tensor:
    """Raw normals [3, h, w] of a mirrored image: x becomes -x, which is 255 - x in this coding.

    A pixel whose largest channel is 255 is invalid. It stays as it is, and no valid pixel becomes one: x = 0,
    the only value that would, becomes 254.
    """
    valid = normals.amax(0) < INVALID
    mirrored = normals.clone()
    mirrored[X] = torch.where(valid, (INVALID - normals[X]).clamp(max=INVALID - 1), normals[X])
    return mirrored


def encode_labels(labels: Tensor) -> Tensor:
    """Labels as an 8-bit image holds them."""
    return labels.to(torch.uint8)


def encode_normals(normals: Tensor) -> Tensor:
    """Raw normals (RGB) of the directions [3, H, W] of raw normals (BGR), as a network gives them.

    A raw normal r is that of the unit normal 2 r / 255 - 1, and only its direction is learned. Two lengths fit it, and
    the larger is taken: both have the same error. Where none fits, the length is that of the nearest direction.
    """
    total = normals.sum(0, keepdim=True)
    length = INVALID / 2 * (total + (total.square() - 2).clamp(min=0).sqrt())
    raw = (normals * length).clamp(min=0)
    raw = raw * ((INVALID - 1) / raw.amax(0, keepdim=True).clamp(min=1)).clamp(max=1)
    return raw.flip(0).round().to(torch.uint8)


class NYUv2(IndexedDataset):
    """Keys ``seg`` (0..39, 255 ignored), ``normal`` (raw 0..255, BGR) and ``depth`` (metres)."""

    index_file = "nyu_v2_3task.json"
    columns = ("img", "seg", "normal", "depth")
    fields = {
        "seg": Field(fill=IGNORE, dtype=torch.int64, encode=encode_labels),
        "normal": Field(fill=INVALID, mirror=mirror_normals, encode=encode_normals),
        "depth": Field(fill=0.0),
    }

    def image_size(self, index: int, key: str) -> tuple[int, int]:
        return size_of(self.path(index, key))

    def read(self, index: int, key: str) -> Tensor:
        path = self.path(index, key)
        if key == "seg":
            return check_labels(read_labels(path), CLASSES, path, IGNORE)
        if key == "depth":
            return read_floats(path, exactly=np.float32)
        return read_colour(path) if key == "img" else read_coded(path)
