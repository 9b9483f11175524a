"""A data set of rendered rooms: rendered by several processes into a folder that appears when it is whole."""

import fcntl
import glob
import os
import shutil
import sys
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from configs.errors import UserError
from configs.paths import prepare_folder
from dataloaders.pool import map_in_processes
from dataloaders.rendering import SPLITS, Rendering
from dataloaders.rooms.layouts import LAYOUTS, Entry, count_classes
from dataloaders.rooms.room import CLASSES, render_room

DIGITS = 8  # of a random number in a name
FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def check_free(path: Path, flag: str) -> None:
    """See that a new folder can be made at ``path``; an empty one that is there is removed.

    Raises:
        UserError: something is there, or the folder above cannot be written to.
    """
    try:
        if path.is_dir() and not any(path.iterdir()) and not path.samefile(Path.cwd()):
            path.rmdir()  # fails for a mount point, which a finished folder could not replace either
        taken = path.exists() or path.is_symlink()
    except OSError as error:
        raise UserError(f"{flag}: cannot use {path}: {error.strerror}; name a new folder") from error
    if taken:
        raise UserError(f"{flag}: {path} exists already and is not overwritten; name a new folder")
    prepare_folder(path.parent, flag)


def render_folder(path: Path, rendering: Rendering, workers: int) -> None:
    """Render a data set with a progress bar on stderr. ``path`` appears at the end, whole; never in part.

    Args:
        path: a folder that does not exist yet; the one above it does.
        rendering: what to render.
        workers: processes; 0 or 1 renders in this one. The result does not depend on it.

    Raises:
        UserError: the disk is full, a process died, or ``path`` exists by now.
    """
    layout = LAYOUTS[rendering.layout]
    tasks = [(split, index) for split, count in rendering.counts.items() for index in range(count)]
    entries: dict[str, list[Entry]] = {split: [] for split in SPLITS}
    pixels = np.zeros(len(CLASSES), dtype=np.int64)
    # Closing the processes before the folder: none may write into it while it is renamed or removed.
    with (
        _said_to_begin_anew(),
        _new_folder(path) as folder,
        closing(map_in_processes(partial(_render_one, folder, rendering), tasks, workers, "renders")) as results,
    ):
        bar = tqdm(results, "rendering rooms", len(tasks), unit="image", mininterval=0.5, file=sys.stderr)
        for (split, _), (entry, counted) in zip(tasks, bar, strict=True):
            entries[split].append(entry)
            pixels += counted * (split == "train")
        layout.finish(folder, entries, pixels)


@contextmanager
def _said_to_begin_anew() -> Iterator[None]:
    """An interrupt says what becomes of the images, since of most work something is kept."""
    try:
        yield
    except KeyboardInterrupt:
        raise KeyboardInterrupt("no image is kept; the same command renders all of them anew") from None


def _render_one(folder: Path, rendering: Rendering, task: tuple[str, int]) -> tuple[Entry, NDArray[np.int64]]:
    split, index = task
    frame = render_room(rendering.seed, split, index, rendering.size)
    return LAYOUTS[rendering.layout].write(folder, split, index, frame), count_classes(frame)


@contextmanager
def _new_folder(path: Path) -> Iterator[Path]:
    """A folder beside ``path`` that becomes ``path`` at the end, and is removed after an error or Ctrl-C.

    What processes that were killed have left of ``path`` is removed first.
    """
    try:
        for leftover in path.parent.glob(f".{glob.escape(path.name)}.{'[0-9a-f]' * DIGITS}.tmp"):
            _remove_unlocked(leftover)
        temporary, lock = _locked_folder(path)
    except OSError as error:
        raise _cannot_write(path, error) from error
    try:
        yield temporary
        temporary.rename(path)
    except OSError as error:
        raise _cannot_write(path, error) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        os.close(lock)


def _locked_folder(path: Path) -> tuple[Path, int]:
    """A new folder beside ``path``, locked while this process lives, and what has to be closed to unlock it."""
    while True:
        folder = path.with_name(f".{path.name}.{uuid.uuid4().hex[:DIGITS]}.tmp")
        folder.mkdir()
        # Before it was locked, another process may have taken it for a leftover.
        with suppress(FileNotFoundError):
            lock = os.open(folder, FOLDER)
            with suppress(OSError):  # on a disk without locks, where nothing counts as left behind
                fcntl.flock(lock, fcntl.LOCK_EX)
            if folder.exists():
                return folder, lock
            os.close(lock)


def _remove_unlocked(folder: Path) -> None:
    """Remove a folder unless a process that lives has locked it."""
    with suppress(OSError):
        lock = os.open(folder, FOLDER)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
        finally:
            os.close(lock)


def _cannot_write(path: Path, error: OSError) -> UserError:
    return UserError(f"cannot write {path}: {error.strerror or error}; free some space or name another folder")
