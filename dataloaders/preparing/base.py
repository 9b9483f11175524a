"""What a preparation is: an official download, and how its frames become files of the layout that a loader reads."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar


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
