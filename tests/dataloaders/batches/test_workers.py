"""Processes that read ahead: in order, none left behind, none that holds up another, real ones throughout."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
import torch

from configs import UserError
from dataloaders.batches.workers import in_processes

SOON = 20  # seconds that a machine may take for what should be done at once


def square(number: int) -> torch.Tensor:
    return torch.tensor(number**2)


def its_process(number: int) -> int:
    return os.getpid()


def slow(number: int) -> int:
    time.sleep(0.01 if number else 0.3)
    return number


def running(process: int) -> bool:
    """Whether it is there and no zombie."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def gone(*processes: int) -> bool:
    limit = time.monotonic() + SOON
    while time.monotonic() < limit:
        if not any(map(running, processes)):
            return True
        time.sleep(0.05)
    return False


@pytest.mark.parametrize("processes", [1, 2, 3])
def test_results_come_in_order(processes: int) -> None:
    assert [int(result) for result in in_processes(square, 8, processes)] == [number**2 for number in range(8)]
    assert list(in_processes(slow, 6, processes)) == list(range(6))


def test_no_process_is_left_whichever_way_it_ends() -> None:
    whole = set(in_processes(its_process, 6, 2))
    assert len(whole) == 2 and gone(*whole)
    with closing(in_processes(its_process, 100, 2)) as results:
        early = {next(results), next(results)}
        assert all(map(running, early))
    assert gone(*early)


def fails_at_3(number: int) -> int:
    if number == 3:
        raise UserError("file 3: is damaged", details="  in line 7\n")
    return number


def interrupts_itself(number: int) -> int:
    raise KeyboardInterrupt


def leaves(number: int) -> int:
    raise GeneratorExit


@pytest.mark.parametrize(("work", "name"), [(interrupts_itself, "KeyboardInterrupt"), (leaves, "GeneratorExit")])
def test_what_is_no_error_travels_too(work: Callable, name: str, capfd: pytest.CaptureFixture) -> None:
    with pytest.raises(UserError, match=f"met {name} .*test_workers.py:[0-9]+, in {work.__name__}.; correct it"):
        next(in_processes(work, 3, 2))
    assert not capfd.readouterr().err


def test_a_users_mistake_travels_whole() -> None:
    results = in_processes(fails_at_3, 9, 2)
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(UserError, match=r"^file 3: is damaged$") as caught:
        next(results)
    assert caught.value.details == "  in line 7\n"


class Awkward(Exception):
    """One that cannot be made anew from its message, as pickle would."""

    def __init__(self, one: int, other: int) -> None:
        super().__init__(f"{one} and {other}")


def awkward(number: int) -> int:
    raise Awkward(1, 2)


def test_any_other_error_takes_along_where_it_was_raised() -> None:
    with pytest.raises(RuntimeError, match=r"(?s)Traceback.*line \d+, in awkward.*Awkward: 1 and 2"):
        next(in_processes(awkward, 4, 2))


class Unsendable:
    def __reduce__(self) -> str:
        raise RuntimeError("unable to allocate shared memory(shm) for file </torch_1>: No space left on device (28)")


def unsendable(number: int) -> Unsendable:
    return Unsendable()


def test_full_shared_memory_is_one_line() -> None:
    with pytest.raises(UserError, match=r"cannot pass on a batch \(.*No space left.*--num_workers 0"):
        next(in_processes(unsendable, 4, 2))


def killed_at_5(number: int) -> int:
    if number == 5:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def quits_at_1(number: int) -> int:
    if number == 1:
        os._exit(0)
    return number


@pytest.mark.parametrize(
    ("work", "last", "said"),
    [(killed_at_5, 4, "was ended by SIGKILL, perhaps since memory"), (quits_at_1, 0, "ended with status 0")],
)
def test_a_process_that_is_ended_is_noticed_at_once(work, last, said) -> None:
    results, numbers = in_processes(work, 1000, 2), []
    begun = time.monotonic()
    with pytest.raises(UserError, match=rf"^a process that reads images {said}.*--num_workers 0$"):
        for number in results:
            numbers.append(number)
    assert time.monotonic() - begun < SOON and numbers == list(range(last + 1))


def test_the_main_process_is_not_disturbed_when_one_is_killed() -> None:
    with closing(in_processes(its_process, 1000, 2)) as results:
        process = next(results)
        os.kill(process, signal.SIGKILL)
        assert gone(process)
        assert sum(range(10**5)) > 0, "where torch's handler of SIGCHLD would raise"
        with pytest.raises(UserError, match="ended by SIGKILL"):
            for _ in results:
                pass


def test_sigterm_counts_from_the_main_process_alone() -> None:
    with closing(in_processes(its_process, 1000, 2)) as results:
        one, other = next(results), next(results)
        for number in (signal.SIGTERM, signal.SIGINT):
            subprocess.run(["kill", f"-{number}", str(one)], check=True)
        assert sorted({next(results), next(results)}) == sorted({one, other})
        time.sleep(0.2)
        assert running(one)
        os.kill(one, signal.SIGTERM)
        assert gone(one) and running(other)


KEPT = []


def main_process(pipe: Connection, end: str) -> None:
    """Begins to read, tells who reads, and ends without a word to them."""
    results = in_processes(its_process, 100, 2)
    pipe.send([next(results), next(results)])
    KEPT.append(results)  # as a traceback keeps them
    if end == "killed":
        time.sleep(60)
    if end == "at once":
        os._exit(1)
    if end == "by an error":
        sys.exit(0)


@pytest.mark.parametrize("end", ["killed", "at once", "by an error", "of itself"])
def test_processes_follow_the_main_one(end: str) -> None:
    context = get_context("fork")
    ours, theirs = context.Pipe()
    main = context.Process(target=main_process, args=(theirs, end))
    main.start()
    theirs.close()
    processes = ours.recv()
    assert len(processes) == 2
    if end == "killed":
        main.kill()
    main.join(SOON)  # multiprocessing ends the others with SIGTERM, and waits for them, which was for ever
    assert main.exitcode is not None
    assert gone(*processes)
