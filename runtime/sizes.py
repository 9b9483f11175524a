"""Whether the files of every sample have one size: looked at once, before work starts, and not again."""

import hashlib
import json
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from tqdm import tqdm

from configs import Config, UserError
from configs.paths import read_regular, write_text
from configs.plugins import users_code
from dataloaders import MultitaskDataset, open_dataset
from dataloaders.registry import asked_for

LONGEST_NOTE = 1 << 12
READERS, PART = 8, 64
"""Threads that look at files, and how many samples one of them takes at a time: disks answer many at once."""
MOMENT = 1.0  # seconds after which a bar is shown

Size = tuple[int, int]


def check_sizes(config: Config, split: str, keys: Sequence[str], world: int, dest: Path) -> None:
    """See from the headers of all files of a split that a sample's have one size, and those of a batch to evaluate.

    What was found right is noted in ``dest`` and not looked at again, until the list of samples, a setting that
    decides what is read, or a folder of theirs changes. (A file that is overwritten later is told when it is read.)
    Nothing is done where unreadable samples are to be skipped, and where the data set does not know sizes.

    Args:
        world: processes that share the evaluation.

    Raises:
        UserError: naming a file whose size differs, that is missing, or whose header is damaged.
    """
    if config.data.on_error == "skip":
        return
    dataset = open_dataset(config, split, keys)
    batch = config.train.eval_batch_size or config.data.batch_size
    note, found = dest / f".sizes_{split}.txt", f"{_key(config, dataset, batch, world)}: {len(dataset)} samples\n"
    with suppress(UserError):  # there is none
        if read_regular(note, LONGEST_NOTE) == found.encode():
            return
    sizes = list(_sizes(config, dataset))
    if None in sizes:
        return
    if split != "train":
        for rank in range(world):
            _check_batches(dataset, sizes, range(rank, len(sizes), world), batch)
    with suppress(UserError):  # where it cannot be noted, it is looked at again
        write_text(note, found)


def _key(config: Config, dataset: MultitaskDataset, batch: int, world: int) -> str:
    """A hash of what decides whether the sizes may have changed; no look at every file, which may be millions."""
    places = {0, len(dataset) // 2, len(dataset) - 1}
    files = [Path(dataset.source(place, key)) for place in sorted(places) for key in ("img", *dataset.keys)]
    folders = dict.fromkeys(file.parent for file in files)
    digest = hashlib.sha256()
    settings = [config.data.dataset, config.data.options, dataset.keys, f"{dataset.root.resolve()}", batch, world]
    times = [_time(folder) for folder in folders]
    digest.update(json.dumps([*settings, *times], default=str).encode())
    for index in range(len(dataset)):
        digest.update(f"{dataset.name(index)}\n".encode(errors="surrogateescape"))
    return digest.hexdigest()[:16]


def _time(folder: Path) -> int | None:
    try:
        return folder.stat().st_mtime_ns
    except (OSError, ValueError):
        return None


def _sizes(config: Config, dataset: MultitaskDataset) -> Iterator[Size | None]:
    """The size of each sample's image, if those of its other keys are the same; None: not known."""

    def part(start: int) -> list[Size | None]:
        with users_code(asked_for(config), config.data.dataset):
            return [_size(dataset, index) for index in range(start, min(start + PART, len(dataset)))]

    with (
        ThreadPoolExecutor(READERS) as pool,
        tqdm(desc=f"sizes of {dataset.split}", total=len(dataset), unit="sample", delay=MOMENT, file=sys.stderr) as bar,
    ):
        for found in pool.map(part, range(0, len(dataset), PART)):
            bar.update(len(found))
            yield from found


def _size(dataset: MultitaskDataset, index: int) -> Size | None:
    image = dataset.image_size(index, "img")
    for key in dataset.keys:
        if dataset.fields[key].image_level:
            continue
        size = dataset.image_size(index, key)
        if size is None or image is None:
            return None
        if size != image:
            raise dataset.sizes_differ(index, key, size, image)
    return image


def _check_batches(dataset: MultitaskDataset, sizes: Sequence[Size | None], indices: range, batch: int) -> None:
    for start in range(0, len(indices), batch):
        first, *others = indices[start : start + batch]
        for index in others:
            if sizes[index] != sizes[first]:
                named = (f"{_text(sizes[i])} in '{dataset.name(i)}'" for i in (first, index))
                raise UserError(
                    f"{dataset.root}: images of the split '{dataset.split}' differ in size ({', '.join(named)}) and "
                    f"cannot be evaluated together; evaluate them one by one with --set train.eval_batch_size=1"
                )


def _text(size: Size | None) -> str:
    return "?" if size is None else f"{size[0]} x {size[1]}"
