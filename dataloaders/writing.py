"""Files as a data set's layout has them, for what a network says."""

from pathlib import Path

import numpy as np
from PIL import Image
from torch import Tensor

from configs.paths import replacing
from dataloaders.base import Field


def write_values(stem: Path, field: Field, values: Tensor) -> Path:
    """Write final values [C, H, W] of a key as its layout does, whole or not at all; returns the file.

    Args:
        stem: of the file, without ``.png`` or ``.npy``.

    Raises:
        UserError: it cannot be written.
    """
    if field.encode is None:
        return _write_array(stem.with_name(f"{stem.name}.npy"), values)
    pixels = field.encode(values).numpy()
    path = stem.with_name(f"{stem.name}.png")
    with replacing(path) as temporary:
        Image.fromarray(pixels[0] if len(pixels) == 1 else pixels.transpose(1, 2, 0)).save(temporary, format="PNG")
    return path


def _write_array(path: Path, values: Tensor) -> Path:
    array = values.permute(1, 2, 0).numpy()
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.save(file, array[:, :, 0] if array.shape[2] == 1 else array, allow_pickle=False)
    return path
