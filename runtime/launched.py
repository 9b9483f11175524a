"""What ``torchrun`` tells the processes that it starts, and their end when it is gone."""

import os
import signal
import threading
import time

from configs.errors import UserError

VARIABLES = ("RANK", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")
"""What torchrun sets beside WORLD_SIZE, and what torch needs to join the others."""
LOOK_EVERY = 1.0
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
