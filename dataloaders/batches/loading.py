"""Batches for training, scoring and evaluation, read by worker processes.

A training batch depends on the settings, the seed and its number alone: not on the number of workers, nor
on which batches were read before it. A run that is resumed just asks for the numbers that are left.
"""

from collections.abc import Collection, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from typing import Any

import torch

from configs import Config, UserError
from dataloaders.base import MultitaskDataset
from dataloaders.batches.fetching import ORDER, Answer, Batch, Reader, Request, seeded_generator
from dataloaders.batches.workers import in_processes
from dataloaders.registry import open_dataset


def training_loader(
    config: Config,
    keys: Collection[str],
    batches: Sequence[int],
    *,
    batch_size: int,
    seed: int,
    num_workers: int,
    part: tuple[int, int] = (0, 1),
    leaving_out: Collection[int] = (),
) -> "Loader":
    """Augmented batches of the split ``train``.

    The samples come from an endless stream, one random order of all after another; a data set may hold fewer than a
    batch. Batch b is the positions b * batch_size up to (b + 1) * batch_size of the stream.

    Args:
        config: the settings.
        keys: the keys wanted beside ``img`` and ``name``.
        batches: the numbers of the batches.
        batch_size: samples in a batch, over all processes together.
        seed: seed of the order and of the augmentation.
        num_workers: processes that read; 0 reads in this one.
        part: (rank, world): the contiguous share of each batch that this process gets.
        leaving_out: indices of samples that are not drawn; not all.

    Raises:
        UserError: as ``open_dataset``; a batch that cannot be shared evenly; and, while iterating, unreadable data.
    """
    rank, world = part
    share, rest = divmod(batch_size, world)
    if rest:
        raise UserError(
            f"a batch of {batch_size} cannot be shared evenly by {world} processes; "
            f"make data.batch_size a multiple of {world}"
        )
    dataset = open_dataset(config, "train", keys)
    positions = [range(start, start + share) for start in (batch * batch_size + rank * share for batch in batches)]
    samples = sorted(set(range(len(dataset))).difference(leaving_out))
    return Loader(Reader(dataset, config, seed), _Stream(samples, positions, seed), num_workers)


def evaluation_loader(
    config: Config,
    keys: Collection[str],
    *,
    batch_size: int,
    num_workers: int,
    split: str = "test",
    part: tuple[int, int] = (0, 1),
) -> "Loader":
    """Every sample of a split once, in order, whole and as it is; process ``rank`` gets samples rank::world.

    Raises:
        UserError: as ``open_dataset``; and, while iterating, a sample that cannot be read.
    """
    rank, world = part
    dataset = open_dataset(config, split, keys)
    indices = range(rank, len(dataset), world)
    starts = range(0, len(indices), batch_size)
    requests = [[Request(index) for index in indices[start : start + batch_size]] for start in starts]
    return Loader(Reader(dataset, config, seed=0), requests, num_workers)


class Loader:
    """Batches of a split: tensors [N, C, H, W] by key, and the list ``name``.

    ``skipped`` tells of each sample left out under ``data.on_error=skip``: its file and what is wrong.
    """

    def __init__(self, reader: Reader, requests: Sequence[list[Request]], num_workers: int) -> None:
        self._reader = reader
        self._requests = requests
        self._num_workers = min(num_workers, len(requests))
        self._skipped: dict[int, str] = {}

    @property
    def skipped(self) -> list[str]:
        return list(self._skipped.values())

    @property
    def dataset(self) -> MultitaskDataset:
        """Where the samples come from."""
        return self._reader.dataset

    def indices(self) -> list[int]:
        """The samples that the batches are made of, each once and in the order of its first use."""
        return list(dict.fromkeys(request.index for number in range(len(self)) for request in self._requests[number]))

    def __len__(self) -> int:
        return len(self._requests)

    def __iter__(self) -> Iterator[Batch]:
        anything = False
        with closing(self._answers()) as answers:  # ends the workers at once, whatever happens
            for answer in answers:
                self._skipped.update(answer.skipped)
                if answer.error is not None:
                    raise answer.error
                if answer.batch is not None:
                    anything = True
                    yield answer.batch
        # In evaluation one process's share may be unreadable while those of others are not.
        if not anything and self._skipped and not self._reader.any_readable():
            raise self._reader.nothing_readable(self.skipped[0])

    def _answers(self) -> Generator[Answer, None, None]:
        work, count = partial(_answer, self._reader, self._requests), len(self)
        if self._num_workers == 0:
            answers: Generator[Answer, None, None] = (work(number) for number in range(count))
        else:
            answers = in_processes(work, count, self._num_workers)
        # Asked of the process and not of the machine: work on the CPU shall not begin to use a GPU.
        return _pinned(answers) if torch.cuda.is_initialized() else answers


class _Stream(Sequence[list[Request]]):
    """The batches of a training stream of some samples, given the positions of each in it."""

    def __init__(self, samples: Sequence[int], positions: list[range], seed: int) -> None:
        self._samples, self._positions, self._seed = samples, positions, seed
        self._epoch, self._order = -1, torch.empty(0)

    def __len__(self) -> int:
        return len(self._positions)

    def __getitem__(self, number: Any) -> Any:
        return [Request(self._index(position), position) for position in self._positions[number]]

    def _index(self, position: int) -> int:
        epoch, place = divmod(position, len(self._samples))
        if epoch != self._epoch:
            self._epoch = epoch
            self._order = torch.randperm(len(self._samples), generator=seeded_generator(self._seed, ORDER, epoch))
        return self._samples[int(self._order[place])]


def _answer(reader: Reader, requests: Sequence[list[Request]], number: int) -> Answer:
    return reader.answer(requests[number])


def _pinned(answers: Generator[Answer, None, None]) -> Generator[Answer, None, None]:
    """The same in page-locked memory, each copied there by a thread while the one before is worked on."""

    def following() -> Answer | None:
        answer = next(answers, None)
        return answer and answer.pin_memory()

    device = torch.cuda.current_device()
    with closing(answers), ThreadPoolExecutor(1, initializer=torch.cuda.set_device, initargs=(device,)) as thread:
        coming = thread.submit(following)
        while (answer := coming.result()) is not None:
            coming = thread.submit(following)
            yield answer
