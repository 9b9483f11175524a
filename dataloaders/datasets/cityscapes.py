"""Cityscapes in the layout of AdaShare: 256 x 512 arrays with labels at three levels of detail and depth."""

from collections.abc import Collection
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from configs.errors import UserError
from dataloaders.base import Field, IndexedDataset
from dataloaders.readers import check_labels, read_floats, read_unit_colour, read_whole_numbers, size_of

LABEL_SETS = (2, 7, 19)
IGNORE = -1


class Cityscapes(IndexedDataset):
    """Keys ``seg`` (-1 ignored) and ``depth`` (disparity-based).

    Args:
        root, split, keys: as in the base class.
        num_classes: 2, 7 or 19: which labels ``seg`` holds.
    """

    index_file = "cityscape.json"
    columns = ("img", "depth", "label2", "label7", "label19")
    fields = {"seg": Field(fill=IGNORE, dtype=torch.int64), "depth": Field(fill=0.0)}

    def __init__(
        self, root: Path, split: str, keys: Collection[str], num_classes: int = 19, **options: Any
    ) -> None:
        if num_classes not in LABEL_SETS:
            choices = ", ".join(map(str, LABEL_SETS))
            raise UserError(f"data.options.num_classes: {num_classes!r} is not one of {choices}")
        self.num_classes = num_classes
        super().__init__(root, split, keys, **options)

    def column(self, key: str) -> str:
        return f"label{self.num_classes}" if key == "seg" else key

    def image_size(self, index: int, key: str) -> tuple[int, int]:
        return size_of(self.path(index, key))

    def read(self, index: int, key: str) -> Tensor:
        path = self.path(index, key)
        if key == "seg":
            return check_labels(read_whole_numbers(path), self.num_classes, path, IGNORE)
        if key == "depth":
            return read_floats(path)
        return read_unit_colour(path)
