"""Processes that read batches ahead of time.

Each has a pipe of its own and shares neither queue nor lock with the others. So one that is killed from outside holds
up nobody, and its pipe ends for whoever waits for its answer. In torch's DataLoader it may take a lock with it, and is
noticed by a signal handler that raises wherever the main process happens to be, such as in the middle of a step.
"""

import os
import random
import signal
import sys
import traceback
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from types import TracebackType
from typing import Any

import numpy as np
import torch
from torch import multiprocessing

from configs import UserError
from dataloaders.following import follow, interrupts_held

AHEAD = 2  # pieces of work that a process may have begun before they are asked for
PATIENCE = 5.0  # seconds for a process to end by itself
MOMENT = 1.0  # seconds for the system to note that a process has ended
FEWER = "use fewer of them, or none with --num_workers 0"

Work = Callable[[int], Any]


def in_processes(work: Work, count: int, processes: int) -> Generator[Any, None, None]:
    """``work(0)``, ``work(1)``, ... up to ``count``, in order, computed by so many processes.

    Raises:
        UserError: a process cannot be started, was ended from outside, or cannot pass on what it gave.
    """
    with _started(work, processes) as crew:
        for number in range(min(AHEAD * processes, count)):
            crew[number % processes].ask(number)
        for number in range(count):
            worker = crew[number % processes]
            result = worker.answer()
            if number + AHEAD * processes < count:
                worker.ask(number + AHEAD * processes)
            yield result


@dataclass(frozen=True)
class _Worker:
    process: BaseProcess
    pipe: Connection

    def ask(self, number: int | None) -> None:
        """Have a piece of work begun; None: there is no more."""
        with suppress(OSError):  # a process that is gone; whoever waits for its answer is told
            self.pipe.send(number)

    def answer(self) -> Any:
        """The result of what was asked for first; raises the error if it has ended in one."""
        try:
            result, error = self.pipe.recv()
        except (EOFError, OSError, RuntimeError) as failure:
            self.process.join(MOMENT)
            raise UserError(f"a process that reads images {self._end(failure)}; {FEWER}") from failure
        if error is not None:
            raise error
        return result

    def _end(self, failure: Exception) -> str:
        status = self.process.exitcode
        if status is None:
            return f"gave what cannot be received ({failure})"
        if status >= 0:
            return f"ended with status {status}"
        remark = ", perhaps since memory or shared memory (/dev/shm) ran out"
        return f"was ended by {_signal_name(-status)}{remark}"


def _signal_name(number: int) -> str:
    """``SIGKILL`` for 9; ``signal 40`` for one that has no name."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


@contextmanager
def _started(work: Work, count: int) -> Iterator[list[_Worker]]:
    crew: list[_Worker] = []
    try:
        with interrupts_held():
            for number in range(count):
                crew.append(_start(work, number))
        yield crew
        for worker in crew:
            worker.ask(None)
        for worker in crew:
            worker.process.join(PATIENCE)
    finally:
        for worker in crew:
            worker.process.kill()
        for worker in crew:
            worker.process.join()
            worker.pipe.close()


def _start(work: Work, number: int) -> _Worker:
    context = multiprocessing.get_context()
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(work, theirs, number, os.getpid()), daemon=True)
    try:
        process.start()
    except OSError as error:
        ours.close()
        raise UserError(f"cannot start a process that reads images: {error.strerror}; {FEWER}") from error
    finally:
        theirs.close()  # then the pipe ends with the process
    return _Worker(process, ours)


# What a process does.


def _serve(work: Work, pipe: Connection, number: int, main: int) -> None:
    _settle(number, main)
    with suppress(EOFError, ConnectionError), closing(pipe):  # the main process went away
        while (asked := pipe.recv()) is not None:
            answer = _attempt(work, asked)
            try:
                pipe.send(answer)
            except RuntimeError as error:  # torch's, where shared memory is full
                problem = UserError(f"a process that reads images cannot pass on a batch ({error}); {FEWER}")
                pipe.send((None, problem))


def _attempt(work: Work, number: int) -> tuple[Any, Exception | None]:
    """The result or an error that can travel; one of ours takes along where it was made."""
    try:
        return work(number), None
    except UserError as error:
        return None, error
    except Exception:
        return None, RuntimeError(f"in a process that reads images:\n{traceback.format_exc()}")
    except BaseException as error:  # here no signal raises KeyboardInterrupt; what does is the code that reads
        place = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{place.filename}:{place.lineno}, in {place.name}"
        return None, UserError(f"a process that reads images met {type(error).__name__} ({where}); correct it there")


def _settle(number: int, main: int) -> None:
    follow(main)
    sys.excepthook = _unless_main_is_gone
    torch.set_num_threads(1)
    # Else every process would draw the same numbers, should a user's own code draw any.
    random.seed(number)
    np.random.seed(number)
    torch.manual_seed(number)


def _unless_main_is_gone(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Report an error, but not that the main process went away while a thread of ours was passing it a batch."""
    if not issubclass(kind, (EOFError, ConnectionError)):
        sys.__excepthook__(kind, error, trace)
