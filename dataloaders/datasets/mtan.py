"""Arrays as MTAN prepared them (Liu et al., CVPR 2019), which LibMTL, Nash-MTL, FAMO and others read.

One ``.npy`` file a sample in ``{train,val}/{image,label,depth,normal}/``, called 0.npy, 1.npy, ... There is no index.
"""

import re
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from configs.errors import UserError
from dataloaders.base import Field, MultitaskDataset
from dataloaders.readers import check_labels, read_floats, read_unit_colour, read_whole_numbers, size_of

FOLDERS = {"train": "train", "test": "val"}
IGNORE = -1
INVALID = 255.0  # of normals: what pixels without one hold, and padding
NUMBERED = re.compile(r"(0|[1-9][0-9]*)\.npy")


def decode_normals(normals: Tensor) -> Tensor:
    """Unit normals [3, h, w] in which a pixel without one, all zero, holds ``INVALID``."""
    return torch.where((normals == 0).all(0), INVALID, normals)


def mirror_normals(normals: Tensor) -> Tensor:
    """Decoded normals [3, h, w] of a mirrored image: x, the first channel, becomes -x where there is a normal."""
    turned = torch.where(normals[:1] < INVALID, -normals[:1], normals[:1])
    return torch.cat([turned, normals[1:]])


def nearer(depth: Tensor, factor: float) -> Tensor:
    """Depth of a picture that was enlarged by a factor: what looks larger is nearer."""
    return depth / factor


class MtanArrays(MultitaskDataset):
    """Keys ``seg`` (-1 ignored), ``depth`` (0 invalid) and, where there are any, ``normal`` (255 invalid).

    ``val`` plays the part of the split ``test``, as in the literature. Subclasses say which keys there are.
    """

    fields = {
        "seg": Field(fill=IGNORE, dtype=torch.int64),
        "depth": Field(fill=0.0, scaled=nearer),
        "normal": Field(fill=INVALID, decode=decode_normals, mirror=mirror_normals),
    }

    num_classes: int

    def __init__(self, root: Path, split: str, keys: Collection[str], **options: Any) -> None:
        super().__init__(root, split, keys, **options)
        self._folder = root / FOLDERS.get(split, split)
        self._count = _count(self._folder / "image")

    def __len__(self) -> int:
        return self._count

    def name(self, index: int) -> str:
        return f"{index}.npy"

    def column(self, key: str) -> str:
        """The folder that a key is read from."""
        return {"img": "image", "seg": "label"}.get(key, key)

    def path(self, index: int, key: str) -> Path:
        """The file of a key."""
        return self._folder / self.column(key) / f"{index}.npy"

    def source(self, index: int, key: str) -> str:
        return str(self.path(index, key))

    def sources(self, index: int, key: str) -> Sequence[Path]:
        return (self.path(index, key),)

    def image_size(self, index: int, key: str) -> tuple[int, int]:
        return size_of(self.path(index, key))

    def read(self, index: int, key: str) -> Tensor:
        path = self.path(index, key)
        if key == "img":
            return read_unit_colour(path)
        if key == "seg":
            return check_labels(read_whole_numbers(path), self.num_classes, path, IGNORE)
        return read_floats(path, channels=3 if key == "normal" else 1)


def _count(folder: Path) -> int:
    """How many images there are.

    Raises:
        UserError: there is no such folder, or not all from 0 to the last are there.
    """
    try:
        numbers = {int(found[1]) for file in folder.iterdir() if (found := NUMBERED.fullmatch(file.name))}
    except OSError as error:
        reason = f"{error.strerror}; --data_root must name the folder of train/ and val/"
        raise UserError(f"{folder}: cannot be read: {reason}") from error
    if not numbers:
        raise UserError(f"{folder}: holds no 0.npy, 1.npy, ...; --data_root must name the folder of train/ and val/")
    absent = next((number for number in range(len(numbers)) if number not in numbers), None)
    if absent is not None:
        raise UserError(f"{folder}: {absent}.npy is missing, but there is a {max(numbers)}.npy; fetch the data again")
    return len(numbers)
