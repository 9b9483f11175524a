"""The sample rooms with targets that a small network can learn: depth around zero, edges and keypoints less fine."""

from pathlib import Path
from typing import ClassVar

import torch
from scipy import ndimage
from torch import Tensor

from dataloaders.base import Field
from dataloaders.datasets.sample import SampleRooms
from dataloaders.datasets.taskonomy import IGNORED, NO_DEPTH

WINDOW = 9  # pixels: the stride of the backbone, 8, and one for the middle
FINE = ("keypoint", "edge")
MIDDLE = 3 * 512  # 3 metres in the files' unit, about the geometric mean of the rooms' depth


def decode_log_depth(depth: Tensor) -> Tensor:
    """The binary logarithm of depth in units of 3 metres; 255 where there is no depth."""
    return torch.where(depth < NO_DEPTH, (depth.float().clamp(min=1) / MIDDLE).log2(), IGNORED)


class CoarseRooms(SampleRooms):
    """The sample rooms; ``keypoint`` and ``edge`` are averaged over 9 x 9 pixels, and ``log_depth`` is new.

    Losses look at every eighth pixel of a target and metrics at all of them. Of maps that differ from pixel to pixel
    a network learns what its metric then counts against it: alone on the fine keypoints, small networks end worse than
    the best constant. Likewise alone on ``depth``, whose values lie within a twentieth of 0.66: a short training does
    not hold the level so exactly.
    Samples stay in memory, 0.1 MB each, so a process reads a file once.
    """

    fields = {**SampleRooms.fields, "log_depth": Field(fill=IGNORED, decode=decode_log_depth)}

    _memory: ClassVar[dict[tuple[str, Path, int], Tensor]] = {}  # every validation opens the data anew

    def column(self, key: str) -> str:
        return "depth" if key == "log_depth" else super().column(key)

    def read(self, index: int, key: str) -> Tensor:
        place = (key, self.path(index, key), self.size)
        if place not in self._memory:
            value = super().read(index, key)
            self._memory[place] = coarse(value) if key in FINE else value
        return self._memory[place]


def coarse(response: Tensor) -> Tensor:
    """Means of [1, H, W] over windows around each pixel; the border's values continue outside."""
    means = ndimage.uniform_filter(response[0].float().numpy(), WINDOW, mode="nearest")
    return torch.from_numpy(means)[None]
