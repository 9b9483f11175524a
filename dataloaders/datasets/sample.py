"""The sample rooms: a small data set in the Taskonomy layout that is rendered when it is first used."""

import errno
import fcntl
import os
import stat
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from configs.errors import UserError
from configs.paths import SAMPLE_DATA, prepare_folder
from dataloaders.datasets.taskonomy import Taskonomy
from dataloaders.rendering import Rendering, usual_workers

SMALLEST, LARGEST = 16, 4096  # pixels a side
MOST = 1_000_000  # images; to render them takes days


class SampleRooms(Taskonomy):
    """Rendered rooms, read as Taskonomy is; a root that does not exist yet is rendered first.

    Args:
        root, split, keys: as in the base class.
        size: height and width of the images in pixels.
        num_train, num_test: how many images to render.
        seed: other seeds give other rooms.
    """

    def __init__(
        self,
        root: Path,
        split: str,
        keys: Collection[str],
        size: int = 128,
        num_train: int = 64,
        num_test: int = 16,
        seed: int = 0,
        **options: Any,
    ) -> None:
        _render_if_missing(root, _rendering(size, num_train, num_test, seed))
        super().__init__(root, split, keys, size=size, **options)

    @classmethod
    def default_root(cls, options: Mapping[str, Any]) -> Path:
        """A folder for exactly these options: in the repository or, where that is read-only, in the user's cache.

        Raises:
            UserError: an option is wrong, or neither place can be written to.
        """
        known = {key: options[key] for key in ("size", "num_train", "num_test", "seed") if key in options}
        name = _rendering(**known).name
        if (SAMPLE_DATA / name).is_dir():
            return SAMPLE_DATA / name
        with suppress(UserError):
            return prepare_folder(SAMPLE_DATA) / name
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        return prepare_folder(cache / "meta-sparse" / "sample", "--data_root") / name


def _rendering(size: int = 128, num_train: int = 64, num_test: int = 16, seed: int = 0) -> Rendering:
    wanted = {
        "size": (size, SMALLEST, LARGEST),
        "num_train": (num_train, 1, MOST),
        "num_test": (num_test, 1, MOST),
        "seed": (seed, 0, 2**31 - 1),
    }
    for key, (value, least, most) in wanted.items():
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise UserError(f"data.options.{key}: {value!r} is not a whole number from {least} to {most:,}")
    return Rendering("taskonomy", num_train, num_test, (size, size), seed)


def _render_if_missing(root: Path, rendering: Rendering) -> None:
    try:
        if root.exists():
            return
    except OSError:  # not for us to look into: the index cannot be read either, and that says why
        return
    from dataloaders.rooms.folder import render_folder  # here, since most runs render nothing

    prepare_folder(root.parent, "--data_root")
    with _one_at_a_time(root):
        if root.exists():
            return
        try:
            render_folder(root, rendering, usual_workers())
        except UserError:
            if not (root / SampleRooms.index_file).is_file():  # else another process was faster
                raise


@contextmanager
def _one_at_a_time(root: Path) -> Iterator[None]:
    """Let other processes that want the same folder wait, as those of one torchrun do.

    On a disk without locks they all render, and the first to finish names the folder.

    Raises:
        UserError: the lock cannot be made, or something else is in its place.
    """
    lock = root.with_name(f".{root.name}.lock")
    try:
        descriptor = _locked(lock)
    except OSError as error:
        raise UserError(
            f"--data_root: cannot lock {lock}: {error.strerror}; remove what is there, or name another folder"
        ) from error
    try:
        yield
    finally:
        with suppress(OSError):
            lock.unlink()
        os.close(descriptor)


def _locked(lock: Path) -> int:
    """The lock, a file, open and locked. A link in its place is not followed, and a FIFO not waited for."""
    while True:
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o666)
        opened = os.fstat(descriptor)
        if not stat.S_ISREG(opened.st_mode):
            os.close(descriptor)
            raise FileExistsError(errno.EEXIST, "it is not a regular file")
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        with suppress(FileNotFoundError):
            if os.path.samestat(opened, lock.lstat()):
                return descriptor
        os.close(descriptor)  # who had it before has removed it, and others may have made one anew
