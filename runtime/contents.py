"""The data that a piece of work reads: which samples in which order, and what is in their files."""

import functools
import hashlib
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from configs.regular import open_regular
from dataloaders import MultitaskDataset

READ_WHOLE = 2 << 30
"""Bytes. Files that are no larger than this together are read; of more data only sizes and times are looked at."""
UNNAMED = "the data set does not name its files; give its class a method sources(index, key) (see docs/own_data.md)"
"""Why results of some data are not kept, and what to do."""
READERS, PART = 4, 64
"""Threads that read files, and how many files one of them takes at a time."""

Rows = Sequence[tuple[int, Sequence[Path]]]
"""Of each sample in the order of use: its index, and the files of its image and of every key."""


@dataclass(frozen=True)
class Contents:
    """What is known of some data.

    Attributes:
        data: a hash of rows and contents, of sizes where data are too large to be read; None: the data set does not
            say which files it reads.
        stamps: a hash of the times and places on disk of files that were not read; "" where all were. Where ``data`` is
            None it never is the same twice.
    """

    data: str | None
    stamps: str


def rows_of(dataset: MultitaskDataset, indices: Iterable[int]) -> Rows | None:
    """The files of these samples, in order; None if the data set does not name them."""
    rows = []
    for index in indices:
        files: list[Path] = []
        for key in ("img", *dataset.keys):
            named = dataset.sources(index, key)
            if named is None:
                return None
            files += map(Path, named)
        rows.append((index, files))
    return rows


def contents_of(rows: Rows | None, root: Path | None) -> Contents:
    """What these files hold; their names count relative to the data root, so that a data set may move."""
    if rows is None:
        return Contents(None, uuid4().hex[:16])
    files = list(dict.fromkeys(file for _, row in rows for file in row))
    stats = _side_by_side(_stat, files)
    read = sum(stat[0] for stat in stats if stat is not None) <= READ_WHOLE
    told = _side_by_side(_content, files, stats) if read else [_size(stat) for stat in stats]
    home = f"{root}/"
    named = {file: f"{str(file).removeprefix(home)}\0{what}" for file, what in zip(files, told, strict=True)}
    data = hashlib.sha256()
    for index, row in rows:
        data.update("\n".join([f"{index}", *(named[file] for file in row), ""]).encode(errors="surrogateescape"))
    stamps = "" if read else hashlib.sha256(f"{stats}".encode()).hexdigest()[:16]
    return Contents(data.hexdigest()[:16], stamps)


def _side_by_side(function: Callable[..., Any], *columns: Sequence) -> list:
    """The function of each row, in a few threads: disks, and those in a network more so, answer many at once."""

    def part(start: int) -> list:
        return list(map(function, *(column[start : start + PART] for column in columns)))

    with ThreadPoolExecutor(READERS) as pool:
        return [answer for answers in pool.map(part, range(0, len(columns[0]), PART)) for answer in answers]


Stat = tuple[int, int, int, int]
"""Size, time of the last writing, time of the last change of anything, inode."""


def _stat(file: Path) -> Stat | None:
    try:
        found = file.stat()
    except (OSError, ValueError):
        return None
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino


def _size(stat: Stat | None) -> str:
    return "missing" if stat is None else f"{stat[0]} bytes"


@functools.lru_cache(maxsize=1 << 18)
def _content(file: Path, stat: Stat | None) -> str:
    """A hash of a file's content; a file whose times did not change since is not read again by this process."""
    if stat is None:
        return "missing"
    try:
        with open_regular(file) as opened:  # a pipe or a device would never end
            return hashlib.file_digest(opened, "sha256").hexdigest()
    except OSError:
        return "unreadable"
