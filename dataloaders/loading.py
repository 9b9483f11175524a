"""Batches for training, scoring and evaluation, read by worker processes.

A training batch depends on the settings, the seed and its number alone: not on the number of workers, nor
on which batches were read before it. A run that is resumed just asks for the numbers that are left.
"""

import signal
import sys
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Any

import torch
from torch.utils.data import DataLoader

from configs import Config, UserError
from dataloaders.base import MultitaskDataset
from dataloaders.fetching import ORDER, Answer, Batch, Reader, Request, seeded_generator
from dataloaders.registry import open_dataset

INTERRUPTS = {signal.SIGINT, signal.SIGTERM}


def training_loader(
    config: Config,
    keys: Collection[str],
    batches: Sequence[int],
    *,
    batch_size: int,
    seed: int,
    num_workers: int,
    part: tuple[int, int] = (0, 1),
) -> "Loader":
    """Augmented batches of the split ``train``.

    The samples come from an endless stream: one random order of all samples after another, so a batch may
    reach into the next epoch, and a data set may hold fewer samples than a batch. Batch b is the positions
    b * batch_size up to (b + 1) * batch_size of the stream.

    Args:
        config: the settings.
        keys: the keys wanted beside ``img`` and ``name``.
        batches: the numbers of the batches.
        batch_size: samples in a batch, over all processes together.
        seed: seed of the order and of the augmentation.
        num_workers: processes that read; 0 reads in this one.
        part: (rank, world): the contiguous share of each batch that this process gets.

    Raises:
        UserError: as ``open_dataset``; a batch that cannot be shared evenly; and, while iterating, a sample
            that cannot be read.
    """
    rank, world = part
    if batch_size % world:
        raise UserError(
            f"a batch of {batch_size} cannot be shared evenly by {world} processes; "
            f"make data.batch_size a multiple of {world}"
        )
    dataset = open_dataset(config, "train", keys)
    share = batch_size // world
    starts = (batch * batch_size + rank * share for batch in batches)
    positions = [range(start, start + share) for start in starts]
    return Loader(Reader(dataset, config.data, seed), _Stream(len(dataset), positions, seed), num_workers)


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
    return Loader(Reader(dataset, config.data, seed=0), requests, num_workers)


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
        for answer in self._answers():
            self._skipped.update(answer.skipped)
            if answer.error is not None:
                raise answer.error
            if answer.batch is not None:
                anything = True
                yield answer.batch
        # In evaluation one process's share may be unreadable while those of others are not.
        if not anything and self._skipped and not self._reader.any_readable():
            raise self._reader.nothing_readable(self.skipped[0])

    def _answers(self) -> Iterator[Answer]:
        loader: DataLoader[Answer] = DataLoader(
            self._reader,
            batch_sampler=self._requests,
            num_workers=self._num_workers,
            collate_fn=_as_it_is,
            pin_memory=torch.cuda.is_available(),
            worker_init_fn=_start_worker,
            generator=torch.Generator(),  # else each pass would draw a number from the global generator
        )
        try:
            with _interrupts_held():
                answers = iter(loader)
            yield from answers
        except RuntimeError as error:
            if "DataLoader worker" not in str(error):
                raise
            raise UserError(
                f"a process that reads images ended ({error}); if memory or shared memory (/dev/shm) ran "
                f"out, use fewer of them, or none with --num_workers 0"
            ) from error


class _Stream(Sequence[list[Request]]):
    """The batches of a training stream, given the positions of each in it."""

    def __init__(self, length: int, positions: list[range], seed: int) -> None:
        self._length, self._positions, self._seed = length, positions, seed
        self._epoch, self._order = -1, torch.empty(0)

    def __len__(self) -> int:
        return len(self._positions)

    def __getitem__(self, number: Any) -> Any:
        return [Request(self._index(position), position) for position in self._positions[number]]

    def _index(self, position: int) -> int:
        epoch, place = divmod(position, self._length)
        if epoch != self._epoch:
            self._epoch = epoch
            self._order = torch.randperm(self._length, generator=seeded_generator(self._seed, ORDER, epoch))
        return int(self._order[place])


def _as_it_is(answer: Any) -> Any:
    return answer


def _start_worker(_: int) -> None:
    """Leave Ctrl-C and SIGTERM, which often reach all, to the main process, which ends its workers."""
    for number in INTERRUPTS:
        signal.signal(number, signal.SIG_IGN)
    sys.excepthook = _unless_main_is_gone
    torch.set_num_threads(1)


def _unless_main_is_gone(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Report an error, but not that the main process went away while a thread of ours was passing it a batch."""
    if not issubclass(kind, (EOFError, ConnectionError)):
        sys.__excepthook__(kind, error, trace)


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Interrupts wait while workers start, so that none of them meets one before it ignores it."""
    held = signal.pthread_sigmask(signal.SIG_BLOCK, INTERRUPTS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, held)
