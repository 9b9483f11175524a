"""A data set of rendered rooms: rendered by several processes into a folder that appears when it is whole."""

import os
import shutil
import signal
import sys
import threading
import uuid
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing, contextmanager
from functools import partial
from multiprocessing import connection, get_context, parent_process
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from configs.errors import UserError
from configs.paths import prepare_folder
from dataloaders.rendering import SPLITS, Rendering
from dataloaders.rooms.layouts import LAYOUTS, Entry, count_classes
from dataloaders.rooms.room import CLASSES, render_room

INTERRUPTS = {signal.SIGINT, signal.SIGTERM}


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
        _new_folder(path) as folder,
        closing(_in_processes(partial(_render_one, folder, rendering), tasks, workers)) as results,
    ):
        bar = tqdm(results, "rendering rooms", len(tasks), unit="image", mininterval=0.5, file=sys.stderr)
        for (split, _), (entry, counted) in zip(tasks, bar, strict=True):
            entries[split].append(entry)
            pixels += counted * (split == "train")
        layout.finish(folder, entries, pixels)


def _render_one(folder: Path, rendering: Rendering, task: tuple[str, int]) -> tuple[Entry, NDArray[np.int64]]:
    split, index = task
    frame = render_room(rendering.seed, split, index, rendering.size)
    return LAYOUTS[rendering.layout].write(folder, split, index, frame), count_classes(frame)


@contextmanager
def _new_folder(path: Path) -> Iterator[Path]:
    """A folder beside ``path`` that becomes ``path`` at the end, and is removed after an error or Ctrl-C."""
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.tmp")
    try:
        temporary.mkdir()
        yield temporary
        temporary.rename(path)
    except OSError as error:
        reason = error.strerror or error
        raise UserError(f"cannot write {path}: {reason}; free some space or name another folder") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _in_processes(
    work: Callable[[Any], Any], items: Iterable[Any], workers: int
) -> Generator[Any, None, None]:
    """``map`` over processes, in order."""
    if workers <= 1:
        yield from map(work, items)
        return
    # "spawn": a fork would copy a process that has threads of torch, and locks that they hold.
    with ProcessPoolExecutor(workers, get_context("spawn"), initializer=_start_worker) as pool:
        try:
            # Ctrl-C waits while processes start, so that none of them meets it before it ignores it.
            held = signal.pthread_sigmask(signal.SIG_BLOCK, INTERRUPTS)
            try:
                results = pool.map(work, items)
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, held)
            yield from results
        except BrokenProcessPool as error:
            raise UserError(
                f"a process that renders ended ({error}); if memory ran out, use fewer with --num_workers"
            ) from error
        finally:
            pool.shutdown(cancel_futures=True)


def _start_worker() -> None:
    """Leave Ctrl-C and SIGTERM to the main process, and end when that is gone, even if it was killed."""
    for number in INTERRUPTS:
        signal.signal(number, signal.SIG_IGN)
    parent = parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()


def _end_with(sentinel: int) -> None:
    connection.wait([sentinel])
    os._exit(1)
