"""What ``torchrun`` tells the processes that it starts, and their end when it is gone."""

import os
import signal
import socket
import threading
import time

from configs.errors import UserError

VARIABLES = ("RANK", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")
"""What torchrun sets beside WORLD_SIZE, and what torch needs to join the others."""
LOOK_EVERY = 1.0
TOGETHER = "start all processes with one torchrun, or one alone with: unset WORLD_SIZE"
TIME_TO_SAVE = 15.0
"""Seconds from the end of torchrun to that of a process: it may wait for ever for one that is gone already."""


def processes_from_environment() -> tuple[int, int]:
    """Number of processes, and the number of this one among those of this host.

    Raises:
        UserError: WORLD_SIZE is there without the others, or one of them is not a number that fits.
    """
    world = _number("WORLD_SIZE", 1)
    if world < 2:
        return 1, 0
    missing = [name for name in VARIABLES if not os.environ.get(name)]
    if missing:
        raise UserError(
            f"WORLD_SIZE={world} is in the environment without {', '.join(missing)}; start several processes with "
            f"torchrun, or one with: unset WORLD_SIZE"
        )
    if _number("RANK", 0) >= world:
        raise UserError(f"RANK={os.environ['RANK']} is not below WORLD_SIZE={world}; start the processes with torchrun")
    return world, _number("LOCAL_RANK", 0)


def wait_for_first(seconds: float) -> None:
    """Wait until the process that all others meet at can be reached; the first one need not.

    Torch would wait as well, and print the frames of its C++ if it waits in vain.

    Raises:
        UserError: it cannot be reached within this time.
    """
    if _number("RANK", 0) == 0:
        return
    place, until = (os.environ["MASTER_ADDR"], _number("MASTER_PORT", 0)), time.monotonic() + seconds
    while True:
        try:
            socket.create_connection(place, timeout=LOOK_EVERY).close()
            return
        except (OSError, OverflowError, UnicodeError) as error:
            if time.monotonic() > until or not isinstance(error, OSError):
                where = f"MASTER_ADDR={place[0]}, MASTER_PORT={place[1]}, waited {seconds:.0f} s"
                raise UserError(f"the first process cannot be reached ({where}: {error}); {TOGETHER}") from error
        time.sleep(LOOK_EVERY / 10)


def end_with_parent() -> None:
    """From now on, end when the process that started this one is gone: as interrupted, and after a while at once."""
    threading.Thread(target=_watch, args=(os.getppid(),), daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(LOOK_EVERY)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(TIME_TO_SAVE)
    os.kill(os.getpid(), signal.SIGKILL)  # a kernel or a collective does not look at signals


def _number(name: str, usual: int) -> int:
    text = os.environ.get(name, str(usual)).strip()
    if not (text.isdecimal() and len(text) < 10):
        raise UserError(f"{name}='{text}' in the environment is not a whole number; torchrun sets it, or unset {name}")
    return int(text)
