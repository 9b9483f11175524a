"""What a preparation is: an official download, and how its frames become files of the layout that a loader reads."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from configs.errors import UserError
from configs.paths import replacing
from configs.regular import open_regular

EDGE = 1 << 20  # bytes at either end of a large file that tell it from others


@dataclass(frozen=True)
class Frame:
    """One sample of the data set to make.

    Attributes:
        split: "train", "val" or "test".
        origin: what the preparation knows it by.
        row: its line in the index: paths relative to the data root, one for each of the preparation's columns.
    """

    split: str
    origin: str
    row: tuple[str, ...]


class Preparation(ABC):
    """An official download. No torch here; a copy of it goes to every process that writes.

    Args:
        source: the download, a file or a folder.

    Raises:
        UserError: the download cannot be read, or is not what it should be.
    """

    index_file: ClassVar[str]
    columns: ClassVar[tuple[str, ...]]
    """What the paths of a row are, in the order of the loader's index."""
    takes: ClassVar[tuple[str, ...]] = ()
    """Further files that ``__init__`` may be given, each by a flag of that name."""
    in_place: ClassVar[bool] = False
    """Whether the files stay where they are, and only the index is made, in the download's own folder."""

    def __init__(self, source: Path) -> None:
        self.source = source

    @abstractmethod
    def frames(self) -> Sequence[Frame]:
        """Every sample, in the order of the index; raises UserError."""

    @property
    def made(self) -> Mapping[str, int]:
        """The columns whose files are made of this download, each with the bytes that a file takes at most."""
        return {}

    def write(self, frame: Frame, columns: Collection[str], root: Path) -> None:
        """Write a frame's files of these columns of ``made`` below ``root``, each whole; raises UserError."""
        return

    @property
    def identity(self) -> Mapping[str, str | None]:
        """What tells this download from others, part by part; None: that part is not there."""
        return {}

    @property
    def remarks(self) -> Sequence[str]:
        """What a user should know of the data set that is made, a line each."""
        return ()


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
