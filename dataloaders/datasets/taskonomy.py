"""Tiny-Taskonomy in the layout of AdaShare or of the Omnidata downloader; five tasks, 17 classes."""

import math
from collections.abc import Collection
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from configs.errors import UserError
from dataloaders.base import Field, IndexedDataset
from dataloaders.readers import check_labels, read_coded, read_colour, read_grey16, read_labels, size_of

LABELS = 18  # 0 is unlabelled background, 1..17 are the classes
IGNORED = 255
NO_DEPTH = 64500
KEYPOINT_LIMIT, EDGE_LIMIT = 0.005, 0.08
OMNIDATA_NAMES = {"segmentsemantic": "segment_semantic"}  # folders that the downloader spells otherwise


def decode_labels(labels: Tensor) -> Tensor:
    """Classes 0..16: the unlabelled background becomes class 0, as label 1 does."""
    return labels.clamp(min=1) - 1


def decode_normals(normals: Tensor) -> Tensor:
    """Normals in [-1, 1], channels x, y, z."""
    return normals / 255 * 2 - 1


def decode_depth(depth: Tensor) -> Tensor:
    """Logarithmic depth in [0, 1]."""
    return torch.log1p(depth.float()) / math.log(2**16)


def decode_depth_mask(depth: Tensor) -> Tensor:
    """1 where depth is valid."""
    return (depth < NO_DEPTH).float()


def decode_keypoints(response: Tensor) -> Tensor:
    """Keypoint response in [-1, 1]."""
    return _decode_response(response, KEYPOINT_LIMIT)


def decode_edges(response: Tensor) -> Tensor:
    """Edge response in [-1, 1]."""
    return _decode_response(response, EDGE_LIMIT)


def _decode_response(response: Tensor, limit: float) -> Tensor:
    return (response / 2**16).clamp(0, limit) / limit * 2 - 1


def encode_labels(classes: Tensor) -> Tensor:
    """Labels 1..17 of classes 0..16."""
    return (classes + 1).to(torch.uint8)


def encode_normals(normals: Tensor) -> Tensor:
    """Bytes of normals in [-1, 1]."""
    return ((normals.clamp(-1, 1) + 1) / 2 * 255).round().to(torch.uint8)


def encode_depth(depth: Tensor) -> Tensor:
    """Depth in 1/512 m of logarithmic depth; never one that stands for none."""
    return torch.expm1(depth * math.log(2**16)).round().clamp(0, NO_DEPTH - 1).int().to(torch.uint16)


def encode_keypoints(response: Tensor) -> Tensor:
    """16-bit responses of those in [-1, 1]."""
    return _encode_response(response, KEYPOINT_LIMIT)


def encode_edges(response: Tensor) -> Tensor:
    """16-bit responses of those in [-1, 1]."""
    return _encode_response(response, EDGE_LIMIT)


def _encode_response(response: Tensor, limit: float) -> Tensor:
    return ((response.clamp(-1, 1) + 1) / 2 * limit * 2**16).round().int().to(torch.uint16)


def mirror_normals(normals: Tensor) -> Tensor:
    """Normals [3, h, w] of a mirrored image: x, the first channel, becomes -x."""
    return torch.cat([-normals[:1], normals[1:]])


def _exists(path: Path) -> bool:
    try:
        path.stat()
    except OSError:  # also where Path.exists would raise: no permission, a name that is too long
        return False
    return True


class Taskonomy(IndexedDataset):
    """Keys ``seg``, ``normal``, ``depth``, ``keypoint`` and ``edge``, 255 being ignored, and ``depth_mask``.

    Args:
        root, split, keys: as in the base class.
        size: everything is resized to size x size pixels (nearest).
    """

    index_file = "taskonomy.json"
    columns = ("img", "seg", "normal", "depth", "keypoint", "edge")
    fields = {
        "seg": Field(fill=IGNORED, decode=decode_labels, encode=encode_labels, dtype=torch.int64),
        "normal": Field(fill=IGNORED, decode=decode_normals, encode=encode_normals, mirror=mirror_normals),
        "depth": Field(fill=IGNORED, decode=decode_depth, encode=encode_depth),
        "depth_mask": Field(fill=0.0, decode=decode_depth_mask),
        "keypoint": Field(fill=IGNORED, decode=decode_keypoints, encode=encode_keypoints),
        "edge": Field(fill=IGNORED, decode=decode_edges, encode=encode_edges),
    }

    def __init__(
        self, root: Path, split: str, keys: Collection[str], size: int = 256, **options: Any
    ) -> None:
        if not isinstance(size, int) or size < 1:
            raise UserError(f"data.options.size: {size!r} is not a number of pixels of 1 or more")
        self.size = size
        self._depth: tuple[Path | None, Tensor] = (None, torch.empty(0))
        super().__init__(root, split, keys, **options)

    def name(self, index: int) -> str:
        """The image's path in one word, since files of different buildings share their names."""
        return self._paths["img"][index].replace("/", "-")

    def column(self, key: str) -> str:
        return "depth" if key == "depth_mask" else key

    def locate(self, relative: str) -> Path:
        """The file at <building>/<domain>/<file> or, failing that, <domain>/taskonomy/<building>/<file>."""
        path = super().locate(relative)
        parts = Path(relative).parts
        if len(parts) != 3 or _exists(path):
            return path
        building, domain, file = parts
        for folder in (domain, OMNIDATA_NAMES.get(domain, domain)):
            other = self.root / folder / "taskonomy" / building / file
            if _exists(other):
                return other
        return path

    def image_size(self, index: int, key: str) -> tuple[int, int]:
        size_of(self.path(index, key))  # for what may be wrong with the file; it may have any size
        return self.size, self.size

    def read(self, index: int, key: str) -> Tensor:
        path = self.path(index, key)
        if key == "seg":
            return self._resize(check_labels(read_labels(path), LABELS, path))
        if key == "img":
            return self._resize(read_colour(path))
        if key == "normal":
            return self._resize(read_coded(path, "RGB"))
        if self.column(key) != "depth":
            return self._resize(read_grey16(path))
        if self._depth[0] != path:  # depth and its mask come from one file, one after the other
            self._depth = (path, self._resize(read_grey16(path)))
        return self._depth[1]

    def _resize(self, value: Tensor) -> Tensor:
        for axis, length in ((1, value.shape[1]), (2, value.shape[2])):
            if length != self.size:
                value = value.index_select(axis, torch.arange(self.size) * length // self.size)
        return value
