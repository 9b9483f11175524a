"""Where files go, how they get there whole, and which files are read at all."""

import errno
import fcntl
import os
import re
import secrets
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from configs.errors import UserError
from configs.locks import is_running
from configs.regular import kind_of, open_regular

REPOSITORY = Path(__file__).resolve().parent.parent
SAMPLE_DATA = REPOSITORY / "data" / "sample"

REMEDY = "name a regular file, or one that is not there yet"


def prepare_folder(path: Path, flag: str = "--dest") -> Path:
    """Make the folder and see that it can be written to, before any work is done.

    Raises:
        UserError: it cannot be made or written to, or its name is not UTF-8.
    """
    try:
        _check_name(path)
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(
            f"{flag}: cannot write to {path}: {_reason(error)}; name a folder you may write to"
        ) from error
    return path


def check_file(path: Path, flag: str) -> None:
    """See, before any work is done, that ``replacing`` would not refuse to write ``path``.

    Raises:
        UserError: a folder, link, device, FIFO or socket is there, or it cannot be a name.
    """
    obstacle = _obstacle(path)
    if obstacle:
        raise UserError(f"{flag}: {path} {obstacle}; {REMEDY}")


@contextmanager
def replacing(path: Path, *, synced: bool = True) -> Iterator[Path]:
    """A new empty file beside ``path`` to write to; renamed to ``path`` at the end, removed after an error.

    A reader sees the old file or the new one, never half of one, even after a crash or on a full disk. Only a
    regular file is replaced. A link is refused and not followed, since in a folder that others may write to it could
    lead to any file of the user's. What processes that were killed here have left of ``path`` is removed first.

    Args:
        synced: wait until it is on the disk, so that it stays whole if the machine stops. Of thousands of files each
            would wait; who writes those can call ``os.sync`` once.

    Raises:
        UserError: something else than a regular file is there, or the file cannot be written (full disk, no
            permission); the old file is left as it was.
    """
    obstacle = _obstacle(path)
    if obstacle:
        raise UserError(f"cannot write {path}: it {obstacle}; {REMEDY}")
    remove_leftovers(path)
    try:
        with _temporary(path) as (temporary, descriptor):
            yield temporary
            if synced:
                os.fsync(descriptor)
            temporary.replace(path)
            if synced:
                _sync_folder(path.parent)
    except OSError as error:
        remedy = "free some space or name another --dest"
        if error.errno == errno.ENAMETOOLONG:
            remedy = "choose a shorter name"
        raise UserError(f"cannot write {path}: {_reason(error)}; {remedy}") from error


@contextmanager
def _temporary(path: Path) -> Iterator[tuple[Path, int]]:
    """A new, empty, locked file beside ``path`` and its descriptor; removed at the end unless it was renamed."""
    # A name that nobody can foretell, and O_EXCL: neither a file nor a link that someone has placed is written to.
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(6)}.tmp")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(temporary, flags, 0o666)
    try:
        with suppress(OSError):  # on a disk without locks
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield temporary, descriptor
    finally:
        os.close(descriptor)
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def set_aside(path: Path) -> Path:
    """Give a file the name ``<stem>.earlier<suffix>``, in place of what was set aside before; returns that.

    Raises:
        UserError: the folder cannot be written to.
    """
    earlier = path.with_name(f"{path.stem}.earlier{path.suffix}")
    try:
        path.replace(earlier)
    except OSError as error:
        raise UserError(f"{path}: cannot be renamed to {earlier.name}: {error.strerror}; move it yourself") from error
    return earlier


def write_text(path: Path, text: str) -> None:
    """Write a text file whole or not at all.

    Raises:
        UserError: as ``replacing``, or the text has characters that UTF-8 has not.
    """
    with replacing(path) as temporary:
        try:
            temporary.write_text(text, encoding="utf-8")
        except UnicodeEncodeError as error:
            raise UserError(f"cannot write {path}: {error}; remove that character from the names") from error


def remove_leftovers(path: Path) -> None:
    """Remove what processes that were killed while writing ``path`` have left beside it."""
    # Earlier versions had no random part in the name.
    pattern = re.compile(rf"\.{re.escape(path.name)}\.([0-9]{{1,9}})(\.[0-9a-f]+)?\.tmp")
    with suppress(OSError):
        for leftover in path.parent.iterdir():
            found = pattern.fullmatch(leftover.name)
            if found and not is_running(int(found[1])) and not _is_locked(leftover):
                leftover.unlink(missing_ok=True)


def read_regular(path: Path, most: int) -> bytes:
    """The bytes of a regular file; a link to one is followed.

    Args:
        most: bytes that such a file has at most.

    Raises:
        UserError: it cannot be read, is larger, or is a folder, device, FIFO or socket, which might never end.
    """
    try:
        with open_regular(path) as file:
            content = file.read(most + 1)
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read: {_reason(error)}; name a file that can be") from error
    if len(content) > most:
        raise UserError(f"{path}: cannot be read: it has more than {most:,} bytes; name another file")
    return content


def _obstacle(path: Path) -> str | None:
    """Why a file is not to be written in this place; None if nothing speaks against it."""
    try:
        _check_name(path)
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        return f"cannot be a file ({_reason(error)})"
    return None if stat.S_ISREG(mode) else f"is {kind_of(mode)}"


def _check_name(path: Path) -> None:
    try:
        str(path).encode()
    except UnicodeEncodeError as error:  # the system would take it, but it could be neither printed nor noted in JSON
        raise ValueError("the name is not UTF-8") from error


def _reason(error: BaseException) -> str:
    if isinstance(error, RecursionError):
        return "too many folders in one another"
    return getattr(error, "strerror", None) or str(error)


def _sync_folder(folder: Path) -> None:
    """Bring the new name to the disk too, where the file system knows how to."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _is_locked(leftover: Path) -> bool:
    """Whether a process still writes it, perhaps in another container, whose process numbers say nothing here."""
    try:
        descriptor = os.open(leftover, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False
