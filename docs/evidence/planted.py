"""Tasks of which the truth is known, planted beside a real one: the negative, coarser, another picture's, and noise.

A copy needs no class: it is a further task with the same ``target``.
"""

from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from nyuv2_five import NYUv2Five
from sample_five import CoarseRooms
from scipy import ndimage
from torch import Tensor
from torch.nn import functional as F

from dataloaders.base import Field, IndexedDataset

IGNORED = 255.0
WINDOW = 25  # pixels that a coarser map is averaged over, along each axis: more than a quarter of a picture
CELLS = 6  # of noise, along each axis: as coarse as what a network can tell from a crop
METRES = 3  # about the geometric mean of the frames' depth

# Where each of the 13 classes of NYUv2Five goes: 0 to sit or lie on, 1 other things, 2 what rooms are made of.
THREE_OF_THIRTEEN = (0, 1, 2, 0, 2, 1, 1, 1, 0, 1, 1, 2, 2)


class Planting(IndexedDataset):
    """To be mixed in before a data set: the keys in ``beside`` get company.

    Of a map ``key``: ``key_negative``, ``key_coarse`` (averaged over ``WINDOW``), ``key_other`` (that of another
    picture, always the same), ``key_noise`` (normal, smooth). Of labels: ``key_negative`` (the same classes under other
    numbers), ``key_coarse`` (fewer classes), ``key_other``, ``key_noise`` (every class as often).
    """

    beside: Mapping[str, tuple[int, ...] | None]
    """Keys of maps -> None; of labels -> the class among fewer that each one becomes."""

    def column(self, key: str) -> str:
        return super().column(self._split(key)[0])

    def sources(self, index: int, key: str) -> tuple[Path, ...]:
        return super().sources(self._picture(index, key), key)

    def source(self, index: int, key: str) -> str:
        return super().source(self._picture(index, key), key)

    def read(self, index: int, key: str) -> Tensor:
        known, kind = self._split(key)
        value = super().read(self._picture(index, key), known)
        if not kind:
            return value
        decode = self.fields[known].decode
        value = value if decode is None else decode(value)
        classes = self.beside[known]
        if kind == "noise":
            return noise(value, index, classes)
        if kind == "negative":
            return negative(value) if classes is None else renumbered(value, np.roll(np.arange(len(classes)), 1))
        if kind == "coarse":
            return coarse(value) if classes is None else renumbered(value, np.array(classes))
        return value

    def _split(self, key: str) -> tuple[str, str]:
        """A key that the data set has, and what is planted beside it; "" for its own keys."""
        known, _, kind = key.rpartition("_")
        return (known, kind) if known in self.beside else (key, "")

    def _picture(self, index: int, key: str) -> int:
        other = self._split(key)[1] == "other"
        return (index + len(self) // 2) % len(self) if other else index


def planted_fields(fields: Mapping[str, Field], beside: Mapping[str, tuple[int, ...] | None]) -> dict[str, Field]:
    """The fields of a data set and of what is planted, which is read in its final form."""
    kinds = ("negative", "coarse", "other", "noise")
    return {**fields, **{f"{key}_{kind}": replace(fields[key], decode=None) for key in beside for kind in kinds}}


def log_depth(depth: Tensor) -> Tensor:
    """The binary logarithm of depth in units of 3 metres; 255 where there is no depth."""
    return torch.where(depth > 0, (depth.clamp(min=1e-3) / METRES).log2(), IGNORED)


class PlantedNYUv2(Planting, NYUv2Five):
    """``NYUv2Five`` with ``log_depth``, and company for it and for ``seg13``."""

    beside = {"log_depth": None, "seg13": THREE_OF_THIRTEEN}
    fields = planted_fields({**NYUv2Five.fields, "log_depth": Field(fill=IGNORED, decode=log_depth)}, beside)

    def column(self, key: str) -> str:
        column = super().column(key)
        return "depth" if column == "log_depth" else column

    def _small(self, index: int, key: str) -> Tensor:
        return super()._small(index, "depth" if key == "log_depth" else key)


class PlantedTestFrames(Planting, NYUv2Five):
    """NYUv2's 654 test frames in the place of its training frames, with company for the two computed tasks."""

    beside = {"edge": None, "occlusion": None}
    fields = planted_fields(NYUv2Five.fields, beside)

    def __init__(self, root: Path, split: str, keys: Collection[str], **options: Any) -> None:
        super().__init__(root, "test", keys, **options)


class PlantedRooms(Planting, CoarseRooms):
    """``CoarseRooms`` with company for ``log_depth``."""

    beside = {"log_depth": None}
    fields = planted_fields(CoarseRooms.fields, beside)


def negative(value: Tensor) -> Tensor:
    """A map with its sign changed."""
    return torch.where(value == IGNORED, value, -value)


def coarse(value: Tensor) -> Tensor:
    """Means of a map [1, H, W] over the valid pixels of a window around each pixel."""
    valid = value != IGNORED
    total, count = (
        ndimage.uniform_filter(part[0].double().numpy(), WINDOW, mode="nearest")
        for part in (torch.where(valid, value, 0), valid)
    )
    means = torch.from_numpy(total / np.maximum(count, 1e-9)).float()[None]
    return torch.where(valid, means, IGNORED)


def renumbered(labels: Tensor, numbers: np.ndarray) -> Tensor:
    """Labels [1, H, W] as other numbers, at the place of each class; what is no class stays."""
    table = torch.arange(256)
    table[: len(numbers)] = torch.from_numpy(numbers)
    return table[labels.long()].to(labels.dtype)


def noise(value: Tensor, index: int, classes: tuple[int, ...] | None) -> Tensor:
    """Noise in the places of a map's or of labels' valid pixels; the same whenever the picture comes again."""
    generator = torch.Generator().manual_seed(index)
    valid = value != IGNORED
    if classes is not None:
        drawn = torch.randint(0, len(classes), (1, 1, CELLS, CELLS), generator=generator).float()
        drawn = F.interpolate(drawn, value.shape[1:])[0]
    else:
        drawn = F.interpolate(torch.randn(1, 1, CELLS, CELLS, generator=generator), value.shape[1:], mode="bilinear")[0]
    return torch.where(valid, drawn.to(value.dtype), value)
