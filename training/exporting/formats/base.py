"""What a form of an exported network is."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import ClassVar

from torch import Tensor, nn

from training.exporting.source import Source

Predict = Callable[[Tensor], Mapping[str, Tensor]]
"""Image [1, 3, H, W] -> task -> prediction."""


class Format(ABC):
    """One way to write a network to a file.

    Attributes:
        name: as ``--formats`` takes it.
        ending: of the file's name, after that of the run.
        needs: packages to install, by the name they are imported under.
        tolerance: how far its predictions may be from the checkpoint's (``source.difference``); 0: not at all.
    """

    name: ClassVar[str]
    ending: ClassVar[str]
    needs: ClassVar[Mapping[str, str]] = {}
    tolerance: ClassVar[float]

    @classmethod
    def missing(cls) -> list[str]:
        """Packages to install before this form can be written."""
        return [package for module, package in cls.needs.items() if find_spec(module) is None]

    @abstractmethod
    def write(self, source: Source, file: Path) -> None:
        """Write the network.

        Raises:
            OSError: the file cannot be written.
        """

    @abstractmethod
    def open(self, source: Source, file: Path) -> Predict:
        """What the file says, ready to predict on the device of the setup."""

    @abstractmethod
    def counted(self, source: Source) -> nn.Module:
        """The network whose parameters and multiply-adds the file holds; where it has masks, those they keep."""
