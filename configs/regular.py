"""Opening a file that somebody else made."""

import errno
import os
import stat
from io import BufferedReader
from pathlib import Path

KINDS = {
    stat.S_IFREG: "a regular file",
    stat.S_IFDIR: "a folder",
    stat.S_IFLNK: "a link",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def kind_of(mode: int) -> str:
    """What lies in a place, in words.

    Args:
        mode: ``os.stat_result.st_mode``.
    """
    return KINDS.get(stat.S_IFMT(mode), "something else")


def open_regular(path: Path) -> BufferedReader:
    """Open a file to read its bytes, at once and only if it has an end.

    Opening a FIFO would wait for a writer, perhaps for ever, and a device such as /dev/zero gives bytes without end.

    Raises:
        OSError: it cannot be opened, or is no regular file.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISREG(mode):
        return os.fdopen(descriptor, "rb")
    os.close(descriptor)
    number = errno.EISDIR if stat.S_ISDIR(mode) else errno.EINVAL
    raise OSError(number, f"it is {kind_of(mode)}, not a regular file", str(path))
