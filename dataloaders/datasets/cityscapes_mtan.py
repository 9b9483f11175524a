"""Cityscapes as arrays of MTAN: 128 x 256 (or 256 x 512) frames with 7 classes, or 2 or 19, and inverse depth."""

from collections.abc import Collection
from pathlib import Path
from typing import Any

from torch import Tensor

from configs.errors import UserError
from dataloaders.base import Field
from dataloaders.datasets.cityscapes import LABEL_SETS
from dataloaders.datasets.mtan import MtanArrays


def nearer(inverse_depth: Tensor, factor: float) -> Tensor:
    """Inverse depth of a picture that was enlarged by a factor. (The literature's loaders divide, as for depth.)"""
    return inverse_depth * factor


class CityscapesMtan(MtanArrays):
    """Keys ``seg`` (-1 ignored) and ``depth`` (inverse depth, 0 invalid).

    Args:
        root, split, keys: as in the base class.
        num_classes: 2, 7 or 19. Labels lie in ``label_<num_classes>`` or, where that is not there, in ``label``.
    """

    fields = {"seg": MtanArrays.fields["seg"], "depth": Field(fill=0.0, scaled=nearer)}

    def __init__(self, root: Path, split: str, keys: Collection[str], num_classes: int = 7, **options: Any) -> None:
        if num_classes not in LABEL_SETS:
            choices = ", ".join(map(str, LABEL_SETS))
            raise UserError(f"data.options.num_classes: {num_classes!r} is not one of {choices}")
        self.num_classes = num_classes
        super().__init__(root, split, keys, **options)
        numbered = f"label_{num_classes}"
        self._labels = numbered if (self._folder / numbered).is_dir() else "label"

    def column(self, key: str) -> str:
        return self._labels if key == "seg" else super().column(key)
