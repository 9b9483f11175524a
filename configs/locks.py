"""One process at a time: a lock that says who holds it, and that ends with its holder."""

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from configs.errors import UserError


@contextmanager
def held(path: Path, work: str, by_children: bool = False) -> Iterator[int]:
    """Hold a lock inside; the file is there only as long as somebody holds it. Yields its descriptor.

    The operating system gives the lock back when the holder ends, however it ends. On a disk without locks the host and
    the process that the file names decide: a process of this host that is gone holds nothing any more.

    Args:
        path: of the lock; its folder exists.
        work: what one process at a time may do, for the message ("train 'sample_baseline' in results").
        by_children: children are given the descriptor and hold the lock on if they outlive this process; so the file
            stays, since a lock on one that was removed would keep nobody out.

    Raises:
        UserError: another process holds it, or something that is no file is there.
    """
    descriptor = _open(path)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise _taken(path, work) from error
        except OSError:  # no locks on this disk
            host, pid = _owner(path)
            if pid and pid != os.getpid() and (host != socket.gethostname() or is_running(pid)):
                raise _taken(path, work) from None
        os.truncate(descriptor, 0)
        os.pwrite(descriptor, f"{socket.gethostname()} {os.getpid()}\n".encode(), 0)
        try:
            yield descriptor
        finally:
            if not by_children:
                with suppress(OSError):
                    path.unlink(missing_ok=True)  # while it is held, so that nobody has just taken it
    finally:
        os.close(descriptor)


def is_running(pid: int) -> bool:
    """Whether there is a process of this number on this host."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True


def _open(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
    except OSError as error:
        raise UserError(f"{path}: cannot be a lock ({error.strerror}); remove what is there") from error


def _owner(path: Path) -> tuple[str, int]:
    with suppress(OSError, ValueError):
        host, pid = path.read_text(encoding="utf-8")[:300].split()
        return host, int(pid)
    return "", 0


def _taken(path: Path, work: str) -> UserError:
    host, pid = _owner(path)
    who = f"process {pid} on {host}" if pid else "another process"
    return UserError(f"cannot {work}: {who} does so already ({path}); wait for its end, or stop it")
