"""What a worker process does: read the samples of a batch and augment them."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from configs import UserError
from configs.schema import DataConfig
from dataloaders.augmentation import Window, cut, draw_window, write_padded
from dataloaders.base import MultitaskDataset

Batch = dict[str, Any]
ORDER, AUGMENTATION = 0, 1  # what a generator is for


@dataclass(frozen=True)
class Request:
    """One sample of a batch: its index and, when training, its position in the stream.

    The position seeds the augmentation; without one the sample is given as it is.
    """

    index: int
    position: int | None = None


@dataclass(frozen=True)
class Answer:
    """What a worker sends back: a batch, unless no sample of it could be read, and what it skipped.

    An error travels as a value, since a worker's exceptions reach the main process wrapped in tracebacks.
    """

    batch: Batch | None = None
    skipped: tuple[tuple[int, str], ...] = ()
    """Index of each sample that could not be read, and the reason, which begins with the file."""
    error: UserError | None = None

    def pin_memory(self) -> "Answer":
        """The same in page-locked memory; DataLoader asks for it where there is a GPU."""
        batch = self.batch and {key: _pinned(value) for key, value in self.batch.items()}
        return replace(self, batch=batch)


class Reader(Dataset[Answer]):
    """Answers lists of requests; a copy of it lives in every worker."""

    def __init__(self, dataset: MultitaskDataset, settings: DataConfig, seed: int) -> None:
        self.dataset, self._settings, self._seed = dataset, settings, seed

    def __getitems__(self, requests: list[Request]) -> Answer:
        skipped: dict[int, str] = {}
        batch = _Batch(self.dataset, len(requests))
        try:
            for request in requests:
                self._add(request, batch, skipped)
        except UserError as error:
            return Answer(skipped=tuple(skipped.items()), error=error)
        return Answer(batch.finished(), tuple(skipped.items()))

    def any_readable(self) -> bool:
        """Whether at least one sample of the split can be read."""
        return any(self._read(index, {}) is not None for index in range(len(self.dataset)))

    def nothing_readable(self, reason: str) -> UserError:
        """The error to raise if not even one can, with the reason of one of them."""
        return UserError(f"no sample of the split '{self.dataset.split}' can be read, for instance {reason}")

    def _add(self, request: Request, batch: "_Batch", skipped: dict[int, str]) -> None:
        """Add the sample to the batch; one that is to be skipped is replaced in training, else left out."""
        index, sample = request.index, self._read(request.index, skipped)
        if sample is None and request.position is None:
            return
        if sample is None:
            index, sample = self._next_readable(request.index, skipped)
        batch.add(index, sample, self._window(sample["img"], request.position))

    def _window(self, image: Tensor, position: int | None) -> Window:
        height, width = image.shape[1:]
        if position is None:
            return Window.whole(height, width)
        settings, generator = self._settings, seeded_generator(self._seed, AUGMENTATION, position)
        return draw_window((height, width), settings.crop, settings.scale, settings.mirror, generator)

    def _next_readable(self, start: int, skipped: dict[int, str]) -> tuple[int, dict[str, Tensor]]:
        for step in range(1, len(self.dataset)):
            index = (start + step) % len(self.dataset)
            sample = self._read(index, skipped)
            if sample is not None:
                return index, sample
        raise self.nothing_readable(skipped[start])

    def _read(self, index: int, skipped: dict[int, str]) -> dict[str, Tensor] | None:
        try:
            return self.dataset.sample(index)
        except UserError as error:
            if self._settings.on_error == "raise":
                raise
            skipped[index] = str(error)
            return None


class _Batch:
    """Samples side by side, each written at once to where it stays.

    Making every sample by itself and stacking them would pass through twice the memory, which takes longer than
    the augmentation.
    """

    def __init__(self, dataset: MultitaskDataset, size: int) -> None:
        self.dataset, self._size = dataset, size
        self._names: list[str] = []
        self._tensors: dict[str, Tensor] = {}

    def add(self, index: int, sample: dict[str, Tensor], window: Window) -> None:
        name = self.dataset.name(index)
        for key, value in sample.items():
            field = self.dataset.field(key)
            part = cut(value, window, field, is_image=key == "img")
            shape = (self._size, len(part), *window.padded)
            if key not in self._tensors:
                self._tensors[key] = torch.empty(shape, dtype=field.dtype)
            if self._tensors[key].shape != shape:
                raise UserError(
                    f"sample '{name}': {key} is {list(shape[1:])}, but {list(self._tensors[key].shape[1:])} in "
                    f"'{self._names[0]}' of the same batch; if images differ in size, evaluate them one by one "
                    f"with --set train.eval_batch_size=1"
                )
            write_padded(part, self._tensors[key][len(self._names)], field.fill)
        self._names.append(name)

    def finished(self) -> Batch | None:
        """The batch of what was added; None if that was nothing."""
        if not self._names:
            return None
        tensors = {key: tensor[: len(self._names)] for key, tensor in self._tensors.items()}
        return {**tensors, "name": self._names}


def _pinned(value: Any) -> Any:
    return value.pin_memory() if isinstance(value, Tensor) else value


def seeded_generator(*parts: int) -> torch.Generator:
    """A generator that depends on these integers, and is independent of those of other integers."""
    entropy = np.random.SeedSequence([part % 2**64 for part in parts])
    return torch.Generator().manual_seed(int(entropy.generate_state(1, np.uint64)[0]))
