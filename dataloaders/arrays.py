"""Opening one ``.npy`` file; whatever is wrong with it is said in one line that names the file. No torch here."""

import math
import os
from pathlib import Path
from typing import BinaryIO

import numpy as np

from configs.errors import UserError
from configs.regular import open_regular
from dataloaders.images import check_pixels, unreadable

NPY_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
LONGEST_REASON = 200


def read_npy(path: Path, channels: int) -> np.ndarray:
    """An array of numbers [H, W] or [H, W, channels] as [H, W, channels], in the machine's order of bytes.

    Raises:
        UserError: the file is missing or damaged, or holds something else.
    """
    try:
        with open_regular(path) as file:
            shape, in_columns, dtype = _npy_header(path, file)
            _check_shape(path, shape, channels)
            count = math.prod(shape)
            if file.tell() + count * dtype.itemsize > os.fstat(file.fileno()).st_size:
                raise UserError(f"{path}: not a whole .npy array (too short for {list(shape)}); fetch it again")
            array = np.fromfile(file, dtype, count)
    except OSError as error:
        raise unreadable(path, error) from error
    array = array.reshape(shape[::-1]).transpose() if in_columns else array.reshape(shape)
    array = array.astype(dtype.newbyteorder("="), copy=False)
    return array[:, :, None] if array.ndim == 2 else array


def npy_size(path: Path) -> tuple[int, int]:
    """Height and width of an array [H, W, ...], from its header.

    Raises:
        UserError: the file is missing, or its header is damaged or of something else.
    """
    try:
        with open_regular(path) as file:
            shape, _, _ = _npy_header(path, file)
    except OSError as error:
        raise unreadable(path, error) from error
    _check_shape(path, shape, (*shape, 1, 1, 1)[2])
    return shape[0], shape[1]


def _npy_header(path: Path, file: BinaryIO) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Shape, whether it is in column order, and type of an array of numbers."""
    try:
        version = np.lib.format.read_magic(file)
        if version not in NPY_HEADERS:
            raise ValueError(f"version {version[0]}.{version[1]}")
        shape, in_columns, dtype = NPY_HEADERS[version](file)
    except OSError:
        raise
    except Exception as error:  # the header is parsed as Python's words, of which anything may come
        reason = " ".join(f"{error}".split())[:LONGEST_REASON]
        raise UserError(f"{path}: not a whole .npy array ({reason}); fetch it again") from error
    if dtype.kind not in "biufc":
        raise UserError(f"{path}: not a whole .npy array of numbers, but of {dtype}; write the file as numbers")
    return tuple(map(int, shape)), in_columns, dtype


def _check_shape(path: Path, shape: tuple[int, ...], channels: int) -> None:
    if len(shape) not in (2, 3) or (*shape, 1)[2] != channels or not all(0 < length < 2**31 for length in shape):
        expected = "[H, W]" if channels == 1 else f"[H, W, {channels}]"
        found = f"{list(shape)}"[:LONGEST_REASON]
        raise UserError(f"{path}: expected an array {expected}, found {found}; correct the file")
    check_pixels(path, *shape[:2])
