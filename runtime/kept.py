"""Reading kept arrays: a file that cannot be used is made anew, whatever is wrong with it."""

import zipfile
from pathlib import Path

import numpy as np

MOST_BYTES = 1 << 32
"""Unpacked; what is kept of hundreds of layers and tasks stays far below, and a file of a few KB can claim more."""


def read_arrays(path: Path) -> dict[str, np.ndarray] | None:
    """All arrays of a .npz; None where there is no such file, or it is damaged or too large."""
    try:
        if not path.is_file():  # opening a pipe would wait for ever
            return None
        with zipfile.ZipFile(path) as archive:
            if sum(member.file_size for member in archive.infolist()) > MOST_BYTES:
                return None
        with np.load(path, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}
    except Exception:  # damaged bytes reach zlib and the parser of numpy's headers, which raise many kinds of errors
        return None
