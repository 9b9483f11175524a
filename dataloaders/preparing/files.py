"""Files of a prepared data set, and what tells a download from others."""

import hashlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from configs.errors import UserError
from configs.paths import replacing
from configs.regular import open_regular

EDGE = 1 << 20  # bytes at either end of a large file that tell it from others


def save_png(path: Path, pixels: NDArray[np.uint8]) -> None:
    """Write an image [H, W] or [H, W, 3] whole or not at all."""
    with replacing(path, synced=False) as temporary:
        Image.fromarray(np.ascontiguousarray(pixels)).save(temporary, format="PNG")


def save_npy(path: Path, array: NDArray) -> None:
    """Write an array whole or not at all."""
    with replacing(path, synced=False) as temporary, temporary.open("wb") as file:
        np.save(file, np.ascontiguousarray(array))


def told_by_its_ends(path: Path) -> str:
    """A hash of a file's size and of both its ends: enough to see that it is another one, without reading gigabytes.

    Raises:
        UserError: it cannot be read.
    """
    try:
        with open_regular(path) as file:
            digest = hashlib.sha256(file.read(EDGE))
            size = file.seek(0, 2)
            file.seek(max(0, size - EDGE))
            digest.update(file.read())
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}; name the file that was downloaded") from error
    return f"{size} bytes, {digest.hexdigest()[:16]}"
