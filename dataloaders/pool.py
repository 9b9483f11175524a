"""``map`` over processes that need no torch: what makes data sets."""

import os
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from typing import Any

from configs.errors import UserError
from dataloaders.following import follow, interrupts_held


def map_in_processes(
    work: Callable[[Any], Any], items: Iterable[Any], workers: int, doing: str
) -> Generator[Any, None, None]:
    """What ``work`` gives for every item, in order; to be closed by who does not go through all of it.

    Args:
        workers: processes; 0 or 1 works in this one.
        doing: what such a process does, for the message if one ends: "renders".

    Raises:
        UserError: a process ended, as it does where memory runs out.
    """
    if workers <= 1:
        yield from map(work, items)
        return
    # "spawn": a fork would copy a process that has threads of torch, and locks that they hold.
    with ProcessPoolExecutor(workers, get_context("spawn"), initializer=follow, initargs=(os.getpid(),)) as pool:
        try:
            with interrupts_held():
                results = pool.map(work, items)
            yield from results
        except BrokenProcessPool as error:
            raise UserError(
                f"a process that {doing} ended ({error}); if memory ran out, use fewer with --num_workers"
            ) from error
        finally:
            pool.shutdown(cancel_futures=True)
