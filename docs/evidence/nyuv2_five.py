"""NYUv2 at a small size with five tasks: two more targets, computed from the picture and from the depth."""

from collections.abc import Collection
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor
from torch.nn import functional as F

from configs.errors import UserError
from dataloaders.base import Field
from dataloaders.datasets.nyuv2 import IGNORE, NYUv2

# Where each of the 40 classes goes among the 13 of Couprie et al. (ICLR 2013): bed, books, ceiling, chair, floor,
# furniture, objects, picture, sofa, table, television, wall, window.
THIRTEEN = (
    11, 4, 5, 0, 3, 8, 9, 11, 12, 5, 7, 5, 12, 9, 5, 12, 5, 6, 5, 4,
    6, 2, 1, 5, 10, 6, 6, 6, 6, 6, 6, 5, 6, 6, 6, 6, 6, 6, 5, 6,
)  # fmt: skip
BRIGHTNESS = (0.114, 0.587, 0.299)  # of blue, green and red (ITU-R BT.601)
SCALE = 1.0  # of the Gaussian whose derivatives give the gradient, in pixels of the small frame
EDGE_LIMIT = 0.16  # brightness per pixel; one pixel in twenty of the training frames has more
OCCLUSION_LIMIT = 0.08  # relative depth per pixel; likewise
IGNORED = 255.0


class NYUv2Five(NYUv2):
    """NYUv2's keys, and ``seg13`` (0..12, 255 ignored), ``edge`` and ``occlusion`` ([-1, 1], 255 ignored).

    Of labels, normals and depth the value at a small pixel's middle is taken; the image is averaged over its area.
    Small frames stay in memory, 0.2 MB each with five tasks, so a process reads a file once.

    Args:
        root, split, keys: as in the base class.
        size: height and width of the small frames, smaller than those of the files.
        num_train, num_test: use so many frames of the split, evenly spaced; by default all.
    """

    fields = {
        **NYUv2.fields,
        "seg13": Field(fill=IGNORE, dtype=torch.int64),
        "edge": Field(fill=IGNORED),
        "occlusion": Field(fill=IGNORED),
    }

    _memory: ClassVar[dict[tuple[str, Path, tuple[int, int]], Tensor]] = {}  # every validation opens the data anew

    def __init__(
        self,
        root: Path,
        split: str,
        keys: Collection[str],
        size: Collection[int] = (96, 128),
        num_train: int | None = None,
        num_test: int | None = None,
        **options: Any,
    ) -> None:
        super().__init__(root, split, keys, **options)
        self.size = _checked_size(size)
        chosen = _evenly_spaced(len(self), num_train if split == "train" else num_test, f"num_{split}")
        self._paths = {column: [paths[index] for index in chosen] for column, paths in self._paths.items()}

    def column(self, key: str) -> str:
        return {"seg13": "seg", "edge": "img", "occlusion": "depth"}.get(key, key)

    def read(self, index: int, key: str) -> Tensor:
        place = (key, self.path(index, key), self.size)
        if place not in self._memory:
            self._memory[place] = self._small(index, key)
        return self._memory[place]

    def _small(self, index: int, key: str) -> Tensor:
        if key == "edge":
            return edges(self.read(index, "img"))
        value = super().read(index, self.column(key))
        if key == "img":
            return averaged(value, self.size)
        value = sampled(value, self.size)
        if key == "seg13":
            return thirteen_classes(value)
        return occlusion_edges(value) if key == "occlusion" else value


def averaged(image: Tensor, size: tuple[int, int]) -> Tensor:
    """An image [3, H, W], uint8, of this size: each pixel the mean of the area it covers, rounded."""
    small = F.interpolate(image[None].float(), size, mode="area")[0]
    return small.round().to(torch.uint8)


def sampled(value: Tensor, size: tuple[int, int]) -> Tensor:
    """A map [C, H, W] of this size: each pixel the source's at the same middle."""
    for axis, wanted in zip((1, 2), size, strict=True):
        given = value.shape[axis]
        value = value.index_select(axis, (2 * torch.arange(wanted) + 1) * given // (2 * wanted))
    return value


def thirteen_classes(labels: Tensor) -> Tensor:
    """Labels 0..39 or 255, uint8, as 0..12 or 255."""
    table = torch.full((256,), IGNORE, dtype=torch.uint8)
    table[: len(THIRTEEN)] = torch.tensor(THIRTEEN, dtype=torch.uint8)
    return table[labels.long()]


def edges(image: Tensor) -> Tensor:
    """Gradient of the brightness of a BGR image [3, H, W]: -1 flat, 1 at ``EDGE_LIMIT`` and above; [1, H, W].

    Canny's gradient without thinning, as Taskonomy's texture edges are (Zamir et al., CVPR 2018).
    """
    brightness = (image.double() / 255 * torch.tensor(BRIGHTNESS, dtype=torch.float64)[:, None, None]).sum(0)
    return _gradient(brightness, EDGE_LIMIT)


def occlusion_edges(depth: Tensor) -> Tensor:
    """Gradient of the logarithm of depth [1, H, W], which is that of relative depth: -1 flat, 1 at ``OCCLUSION_LIMIT``.

    255 where the Gaussian touches a pixel without depth.
    """
    valid = depth[0] > 0
    result = _gradient(torch.where(valid, depth[0], 1).double().log(), OCCLUSION_LIMIT)
    reach = int(4 * SCALE + 0.5)  # where scipy cuts its Gaussian off
    touched = F.max_pool2d((~valid).float()[None], 2 * reach + 1, stride=1, padding=reach)
    return torch.where(touched > 0, IGNORED, result)


def _gradient(values: Tensor, limit: float) -> Tensor:
    magnitude = ndimage.gaussian_gradient_magnitude(values.numpy(), SCALE, mode="nearest")
    return torch.from_numpy(np.minimum(magnitude, limit) / limit * 2 - 1).float()[None]


def _checked_size(size: Collection[int]) -> tuple[int, int]:
    values = tuple(size) if isinstance(size, (list, tuple)) else ()
    if len(values) != 2 or not all(type(value) is int and value > 0 for value in values):
        raise UserError(f"data.options.size: {size!r} is not a height and a width in pixels, for instance [96, 128]")
    return values[0], values[1]


def _evenly_spaced(count: int, wanted: int | None, option: str) -> list[int]:
    """``wanted`` of the indices below ``count``; all if None."""
    if wanted is None:
        return list(range(count))
    if type(wanted) is not int or not 0 < wanted <= count:
        raise UserError(f"data.options.{option}: {wanted!r} is not a number of frames from 1 to {count}")
    return [index * count // wanted for index in range(wanted)]
