"""Variables of MATLAB's files: v7.3, which is HDF5 with the dimensions in reverse, and the older ones."""

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from configs.errors import UserError
from configs.regular import open_regular

HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"
USER_BLOCK = 512  # bytes that MATLAB writes before HDF5 begins


class Hdf5:
    """A MATLAB v7.3 file, of which only what is asked for is read.

    Raises:
        UserError: the library h5py is missing, or the file is missing, cut short or of another kind.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        library = _h5py()
        with _told(path), open_regular(path):  # never a pipe, which might not end
            self._file = library.File(path, "r")

    def __enter__(self) -> "Hdf5":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def shape_of(self, name: str, kind: str, dimensions: int) -> tuple[int, ...]:
        """The shape of an array as it lies in the file.

        Args:
            kind: of its numbers, as numpy's ``dtype.kind``: "u" or "f".
            dimensions: how many there must be.

        Raises:
            UserError: no such variable, or another kind of array.
        """
        found = self._variable(name)
        if len(found.shape) != dimensions or found.dtype.kind != kind:
            numbers = {"u": "whole numbers", "f": "floats"}[kind]
            raise UserError(
                f"{self.path}: '{name}' is {found.dtype} {list(found.shape)}; expected {numbers} in {dimensions} "
                f"dimensions, as MATLAB writes them; fetch it again"
            )
        return tuple(found.shape)

    def read(self, name: str, row: int | None = None) -> NDArray:
        """A variable, or one row of its first dimension, as it lies in the file; raises UserError."""
        with _told(self.path):
            return np.asarray(self._variable(name)[() if row is None else row])

    def _variable(self, name: str) -> Any:
        with _told(self.path):
            found = self._file.get(name)
        if not hasattr(found, "dtype"):
            there = ", ".join(sorted(key for key in self._file if not key.startswith("#"))) or "nothing"
            raise UserError(f"{self.path}: no variable '{name}'; it holds {there}: name another file")
        return found


def read_numbers(path: Path, name: str) -> NDArray[np.int64]:
    """A variable of whole numbers of either kind of file, flattened.

    Raises:
        UserError: the file cannot be read, or has no such variable.
    """
    if _is_hdf5(path):
        with Hdf5(path) as file:
            values = file.read(name)
    else:
        values = _read_older(path, name)
    if values.dtype.kind not in "iuf" or not np.array_equal(values, np.rint(values)):
        raise UserError(f"{path}: '{name}' holds {values.dtype} that are no whole numbers; name another file")
    return values.ravel().astype(np.int64)


def _read_older(path: Path, name: str) -> NDArray:
    from scipy.io import loadmat  # here, since it takes time to load

    with _told(path), open_regular(path) as file:
        found = {key: value for key, value in loadmat(file).items() if not key.startswith("__")}
    if name not in found:
        raise UserError(f"{path}: no variable '{name}'; it holds {', '.join(found) or 'nothing'}: name another file")
    return np.asarray(found[name])


def _is_hdf5(path: Path) -> bool:
    with _told(path), open_regular(path) as file:
        start = file.read(USER_BLOCK + len(HDF5_SIGNATURE))
    return HDF5_SIGNATURE in (start[: len(HDF5_SIGNATURE)], start[USER_BLOCK:])


def _h5py() -> Any:
    """The library, which nothing else needs."""
    try:
        return importlib.import_module("h5py")
    except ImportError as error:
        raise UserError(f"reading MATLAB v7.3 files needs h5py ({error}); install it with: pip install h5py") from error


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """What goes wrong in reading, in one line that names the file."""
    try:
        yield
    except UserError:
        raise
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file; name the file that was downloaded, or its folder") from error
    except Exception as error:  # whatever damaged bytes lead the libraries to
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"{path}: not a whole MATLAB file ({reason}); fetch it again") from error
