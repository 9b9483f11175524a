"""NYU Depth V2 in the layout of AdaShare: 480 x 640 frames with 40 classes, normals and depth."""

import numpy as np
import torch
from torch import Tensor

from dataloaders.base import Field, IndexedDataset
from dataloaders.readers import check_labels, read_coded, read_colour, read_floats, read_labels

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


class NYUv2(IndexedDataset):
    """Keys ``seg`` (0..39, 255 ignored), ``normal`` (raw 0..255, BGR) and ``depth`` (metres)."""

    index_file = "nyu_v2_3task.json"
    columns = ("img", "seg", "normal", "depth")
    fields = {
        "seg": Field(fill=IGNORE, dtype=torch.int64),
        "normal": Field(fill=INVALID, mirror=mirror_normals),
        "depth": Field(fill=0.0),
    }

    def read(self, index: int, key: str) -> Tensor:
        path = self.path(index, key)
        if key == "seg":
            return check_labels(read_labels(path), CLASSES, path, IGNORE)
        if key == "depth":
            return read_floats(path, exactly=np.float32)
        return read_colour(path) if key == "img" else read_coded(path)
