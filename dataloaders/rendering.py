"""What rendered rooms are asked for. The renderer itself (``dataloaders/rooms``) is loaded only when it is needed."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

RENDERER_VERSION = 2
"""Raised whenever a change in ``dataloaders/rooms`` makes other pictures of the same seed."""

SPLITS = ("train", "test")
MOST_WORKERS = 8  # each holds the renderer's libraries in memory


@dataclass(frozen=True)
class Published:
    """The images of a public data set: (height, width), and whether its loader takes only square ones."""

    size: tuple[int, int]
    square: bool = False


PUBLISHED = {
    "nyuv2": Published((480, 640)),
    "cityscapes": Published((256, 512)),
    "taskonomy": Published((256, 256), square=True),
}
"""Every layout that ``dataloaders/rooms/layouts.py`` can write."""


@dataclass(frozen=True)
class Rendering:
    """All that decides what is rendered: the layout, images in each split, (height, width) and the seed."""

    layout: str
    num_train: int
    num_test: int
    size: tuple[int, int]
    seed: int = 0

    @property
    def counts(self) -> Mapping[str, int]:
        return dict(zip(SPLITS, (self.num_train, self.num_test), strict=True))

    @property
    def name(self) -> str:
        """A folder's name that no other rendering, and no other version of the renderer, has."""
        height, width = self.size
        images = f"{self.num_train}+{self.num_test}"
        return f"{self.layout}-{images}-{height}x{width}-seed{self.seed}-v{RENDERER_VERSION}"


def usual_workers() -> int:
    """As many processes as there are cores, but not very many."""
    return min(os.cpu_count() or 1, MOST_WORKERS)
