"""Several runs at a time: never more than asked for, none lost, none left when it ends."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from small_runs import Runs

from configs import UserError
from reproduce.running.outcomes import Report
from reproduce.running.pool import Pool, one_after_another


@pytest.fixture
def runs(tmp_path: Path) -> Runs:
    return Runs(tmp_path)


@pytest.fixture
def pool(tmp_path: Path) -> Iterator[Callable[[Report, int], Pool]]:
    lock = os.open(tmp_path / "lock", os.O_CREAT)
    yield lambda report, jobs: Pool([{"SLOT": f"slot {number}"} for number in range(jobs)], report, lock)
    os.close(lock)


def most_at_a_time(order: list[str]) -> int:
    running = most = 0
    for line in order:
        running += 1 if line.startswith("begin") else -1
        most = max(most, running)
    return most


@pytest.mark.parametrize("jobs", [1, 2])
def test_as_many_as_asked_for_run_at_a_time_and_never_more(runs: Runs, pool: Callable, jobs: int) -> None:
    others = dict(zip("abcd", "badc", strict=True))
    units = [runs.unit(name, until=other if jobs > 1 else "") for name, other in others.items()]
    report = runs.report(4)
    pool(report, jobs).run(units)
    report.close()
    assert most_at_a_time(runs.order) == jobs and sorted(runs.done) == list("abcd")
    slots = {(runs.folder / f"{name}.begun").read_text() for name in "abcd"}
    assert slots == {f"slot {number}" for number in range(jobs)}, "each run has the environment of its slot"


def test_the_commands_of_a_run_come_one_after_another_in_its_slot(runs: Runs, pool: Callable) -> None:
    pool(runs.report(3), 2).run([runs.unit("a", steps=2), runs.unit("b", until="a1")])
    order = runs.order
    assert order.index("end a") < order.index("begin a1") < order.index("end b")
    assert most_at_a_time(order) == 2
    assert (runs.folder / "a.begun").read_text() == (runs.folder / "a1.begun").read_text() == "slot 0"


def test_a_run_waits_for_the_one_that_it_starts_from(runs: Runs, pool: Callable) -> None:
    pool(runs.report(3), 3).run([runs.unit("b", after="a"), runs.unit("c"), runs.unit("a", until="c")])
    order = runs.order
    assert order.index("begin c") < order.index("end a") < order.index("begin b")


@pytest.mark.parametrize("jobs", [0, 2])
def test_a_failed_run_is_told_at_the_end_and_the_others_are_finished(
    runs: Runs, pool: Callable, capsys: pytest.CaptureFixture, jobs: int
) -> None:
    """Side by side, and one after another (0), by the same report."""
    units = [runs.unit("a", status=2, steps=2), runs.unit("b", after="a"), runs.unit("c"), runs.unit("d", status=2)]
    report = runs.report(5)
    if jobs:
        pool(report, jobs).run(units)
    else:
        one_after_another(units, report, os.open(os.devnull, os.O_RDONLY))
    assert runs.done == ["c"]
    assert not (runs.folder / "a1.begun").exists() and not (runs.folder / "b.begun").exists()
    with pytest.raises(UserError) as told:
        report.close()
    text = str(told.value)
    assert text.startswith("2 runs failed: ") and "the others are finished; the same command tries these again" in text
    assert f"its output: {runs.folder / 'a.log'}" in text and f"its output: {runs.folder / 'd.log'}" in text
    said = capsys.readouterr().out
    assert "[1/5] a" in said and "a: failed after" in said and ": a is broken" in said
    assert "b: not begun, since it starts from a network that is missing now" in said


def test_what_is_no_mistake_of_the_users_ends_with_status_1(
    runs: Runs, pool: Callable, capsys: pytest.CaptureFixture
) -> None:
    report = runs.report(2)
    pool(report, 2).run([runs.unit("a", status=2), runs.unit("b", status=1)])
    with pytest.raises(SystemExit) as end:
        report.close()
    assert end.value.code == 1 and "error: 2 runs failed: " in capsys.readouterr().err


def begun(folder: Path, *names: str) -> None:
    deadline = time.monotonic() + 30
    while not all((folder / f"{name}.begun").exists() for name in names) and time.monotonic() < deadline:
        time.sleep(0.01)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_every_child_and_begins_no_other(runs: Runs, pool: Callable, number: int) -> None:
    def interrupt() -> None:
        begun(runs.folder, "a", "b")
        os.kill(os.getpid(), number)

    thread = threading.Thread(target=interrupt)
    thread.start()
    before = signal.getsignal(number)
    with pytest.raises(KeyboardInterrupt, match="what is finished is kept; the same command goes on"):
        pool(runs.report(3), 2).run([runs.unit(name, until="never") for name in "abc"])
    thread.join()
    assert sorted(runs.order) == ["begin a", "begin b"] and runs.done == []
    assert signal.getsignal(number) is before


def test_a_child_that_somebody_else_interrupts_ends_all(runs: Runs, pool: Callable) -> None:
    with pytest.raises(KeyboardInterrupt):
        pool(runs.report(3), 2).run([runs.unit("a", "never"), runs.unit("b", status=130), runs.unit("c", "never")])
    assert "begin c" not in runs.order and "end a" not in runs.order


def test_a_log_that_cannot_be_written_ends_those_that_run(runs: Runs, pool: Callable) -> None:
    (runs.folder / "b.log").mkdir()
    with pytest.raises(UserError, match=r"b\.log"):
        pool(runs.report(2), 2).run([runs.unit("a", "never"), runs.unit("b")])
    assert not list(runs.folder.glob("b.begun"))
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)
