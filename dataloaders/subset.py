"""A part of a split, in the place of a split that a data set does not have."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from dataloaders.base import Field, MultitaskDataset
from dataloaders.normalisation import Channels, Normalisation

VALIDATION = 0x5EED
"""Seed of the choice of samples that are held out. Not the run's: all runs are to be judged on the same ones."""


class Subset(MultitaskDataset):
    """Some samples of a data set.

    Args:
        whole: the data set.
        split: what the part is called.
        indices: of the samples in it.
    """

    def __init__(self, whole: MultitaskDataset, split: str, indices: Sequence[int]) -> None:
        self.whole, self.indices = whole, list(indices)
        self.root, self.split, self.keys = whole.root, split, whole.keys

    @property
    def fields(self) -> Mapping[str, Field]:  # type: ignore[override]
        return self.whole.fields

    @property
    def channels(self) -> Channels:  # type: ignore[override]
        return self.whole.channels

    @property
    def normalisation(self) -> Normalisation:  # type: ignore[override]
        return self.whole.normalisation

    def __len__(self) -> int:
        return len(self.indices)

    def name(self, index: int) -> str:
        return self.whole.name(self.indices[index])

    def read(self, index: int, key: str) -> Tensor:
        return self.whole.read(self.indices[index], key)

    def check(self) -> None:
        self.whole.check()

    def source(self, index: int, key: str) -> str:
        return self.whole.source(self.indices[index], key)

    def sources(self, index: int, key: str) -> Sequence[Path] | None:
        return self.whole.sources(self.indices[index], key)

    def image_size(self, index: int, key: str) -> tuple[int, int] | None:
        return self.whole.image_size(self.indices[index], key)

    def field(self, key: str) -> Field:
        return self.whole.field(key)

    def target(self, index: int, key: str) -> Tensor:
        return self.whole.target(self.indices[index], key)

    def sample(self, index: int) -> dict[str, Tensor]:
        return self.whole.sample(self.indices[index])


def held_out(samples: int, share: float) -> tuple[list[int], list[int]]:
    """The samples left for training and those held out, each in order; at least one of either.

    Args:
        samples: how many there are, two or more.
        share: of them that is held out, above 0 and below 1.
    """
    count = min(max(1, round(samples * share)), samples - 1)
    order = torch.randperm(samples, generator=torch.Generator().manual_seed(VALIDATION)).tolist()
    return sorted(order[count:]), sorted(order[:count])
