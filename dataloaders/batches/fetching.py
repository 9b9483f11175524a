"""What a worker process does: read the samples of a batch and augment them."""

import math
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from configs import Config, UserError
from configs.plugins import users_code
from dataloaders.base import MultitaskDataset
from dataloaders.batches.augmentation import Window, cut, draw_window, write_padded
from dataloaders.registry import asked_for

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
    """What is made of the requests of a batch: the batch, unless no sample of it could be read, and what was skipped.

    An error is a part of it, so that what was skipped before is not lost.
    """

    batch: Batch | None = None
    skipped: tuple[tuple[int, str], ...] = ()
    """Index of each sample that could not be read, and the reason, which begins with the file."""
    error: UserError | None = None

    def pin_memory(self) -> "Answer":
        """The same in page-locked memory, from which a GPU copies while it works."""
        batch = self.batch and {key: _pinned(value) for key, value in self.batch.items()}
        return replace(self, batch=batch)


class Reader:
    """Answers lists of requests; a copy of it lives in every worker."""

    def __init__(self, dataset: MultitaskDataset, config: Config, seed: int) -> None:
        self.dataset, self._settings, self._seed = dataset, config.data, seed
        self._asked_for = asked_for(config)

    def answer(self, requests: list[Request]) -> Answer:
        """Read and augment what is asked for. A UserError is given in the answer, not raised."""
        skipped: dict[int, str] = {}
        batch = _Batch(self.dataset, len(requests))
        try:
            with self._users_code():
                for request in requests:
                    self._add(request, batch, skipped)
            return Answer(batch.finished(), tuple(skipped.items()))
        except UserError as error:
            return Answer(skipped=tuple(skipped.items()), error=error)
        except MemoryError as error:
            advice = "lower --num_workers, data.crop or the batch size"
            return Answer(skipped=tuple(skipped.items()), error=UserError(f"memory ran out ({error}); {advice}"))

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
            with self._users_code(f", sample {index}"):
                return self.dataset.sample(index)
        except UserError as error:
            if self._settings.on_error == "raise":
                raise
            skipped[index] = str(error)
            return None

    def _users_code(self, where: str = "") -> AbstractContextManager[None]:
        return users_code(f"{self._asked_for}{where}", self._settings.dataset)


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
            shape = (self._size, len(part), *(part.shape[1:] if field.image_level else window.padded))
            if key not in self._tensors:
                self._tensors[key] = _room_for(key, shape, field.dtype)
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


def _room_for(key: str, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    try:
        return torch.empty(shape, dtype=dtype)
    except RuntimeError as error:  # torch's own words for too little memory name a line of its source
        gigabytes = math.prod(shape) * dtype.itemsize / 1e9
        advice = "lower data.crop or the batch size"
        raise UserError(f"no memory for '{key}' of a batch, {list(shape)}, {gigabytes:.1f} GB; {advice}") from error


def _pinned(value: Any) -> Any:
    return value.pin_memory() if isinstance(value, Tensor) else value


def seeded_generator(*parts: int) -> torch.Generator:
    """A generator that depends on these integers, and is independent of those of other integers."""
    entropy = np.random.SeedSequence([part % 2**64 for part in parts])
    return torch.Generator().manual_seed(int(entropy.generate_state(1, np.uint64)[0]))
