"""What a data set is: an index of samples, and how to read one key of a sample."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from torch import Tensor

Sample = dict[str, Any]


@dataclass(frozen=True)
class Field:
    """How one key of a sample is treated when samples are scaled, mirrored and padded.

    Attributes:
        fill: the value of padding: what the losses of this data set ignore.
        mirror: applied to the tensor after it was flipped left to right, for values that depend on direction.
    """

    fill: float
    mirror: Callable[[Tensor], Tensor] | None = None


class MultitaskDataset(ABC):
    """A split of a data set on disk. Subclasses say where samples are and how to read each key.

    Args:
        root: the data root.
        split: "train" or "test".
        keys: the keys wanted beside ``img`` and ``name``; files of other keys are never opened.

    Raises:
        UserError: the index is missing or malformed, or a wanted key is not one this data set has.
    """

    fields: ClassVar[Mapping[str, Field]]
    """Every key that ``read`` can give beside ``img``."""

    def __init__(self, root: Path, split: str, keys: Collection[str], **options: Any) -> None: ...

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def name(self, index: int) -> str:
        """The sample's name."""

    @abstractmethod
    def read(self, index: int, key: str) -> Tensor:
        """One key of one sample, [C, H, W], as FORMATS describes it; raises UserError naming the file."""
