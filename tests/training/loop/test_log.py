"""The log of a run: what is in the file when, and what remains of it when the run goes on."""

from pathlib import Path

import pandas as pd
import pytest

from tasks import TASKS
from training.loop.ledger import Entry
from training.loop.log import KEEP, TrainingLog

TASK = {"a": TASKS["map"](name="a", channels=1, weight=2.0), "b": TASKS["map"](name="b", channels=1)}


def filled(path: Path, first: int, last: int, start: int = 0) -> TrainingLog:
    """Losses of step i are i and 10 i; every second step is validated, with an error of i / 100."""
    log = TrainingLog(path, TASK, start)
    log.begin()
    for i in range(first, last + 1):
        log.add(Entry(i, 0.1, (float(i), 10.0 * i)))
        if i % 2 == 0:
            log.add_results({"a": {"err": i / 100}, "b": {"err": float("nan")}})
    log.write()
    return log


def test_pandas_reads_it(tmp_path: Path) -> None:
    filled(tmp_path / "log.csv", 1, 3)
    frame = pd.read_csv(tmp_path / "log.csv")
    assert list(frame.columns) == ["iteration", "lr", "loss", "loss_a", "loss_b", "a_err", "b_err"]
    assert list(frame["loss"]) == [12, 24, 36]
    assert frame["a_err"].fillna(-1).to_list() == [-1, 0.02, -1]
    assert frame["b_err"].isna().all()


def test_numbers_are_those_that_were_given(tmp_path: Path) -> None:
    log = TrainingLog(tmp_path / "log.csv", TASK, 0)
    log.begin()
    log.add(Entry(1, 1e-5, (0.123456789, 3e30)))
    log.write()
    row = pd.read_csv(tmp_path / "log.csv").iloc[0]
    assert (row["lr"], row["loss_a"], row["loss_b"]) == (1e-5, 0.123456789, 3e30)


@pytest.mark.parametrize("tail", ["", "7,0.1,84", "7,0.1,84,7,7", "garbage"])
def test_rows_that_the_run_does_again_are_dropped(tmp_path: Path, tail: str) -> None:
    path, whole = tmp_path / "log.csv", tmp_path / "whole.csv"
    filled(whole, 1, 8)
    filled(path, 1, 6)
    with path.open("a") as file:
        file.write(tail)
    filled(path, 5, 8, start=4)
    assert path.read_text() == whole.read_text()


def test_a_new_run_begins_a_new_file(tmp_path: Path) -> None:
    filled(tmp_path / "log.csv", 1, 6)
    filled(tmp_path / "log.csv", 1, 2)
    assert list(pd.read_csv(tmp_path / "log.csv")["iteration"]) == [1, 2]


@pytest.mark.parametrize("before", ["", "other,columns\n1,2\n", "iteration\n"])
def test_a_foreign_or_missing_file_is_replaced(tmp_path: Path, before: str) -> None:
    path = tmp_path / "log.csv"
    path.write_text(before)
    filled(path, 5, 6, start=4)
    assert list(pd.read_csv(path)["iteration"]) == [5, 6]


def test_the_row_that_may_get_metrics_is_held_back(tmp_path: Path) -> None:
    log = TrainingLog(tmp_path / "log.csv", TASK, 0)
    log.begin()
    for i in range(1, KEEP + 2):
        log.add(Entry(i, 0.1, (1.0, 1.0)))
    assert len(pd.read_csv(tmp_path / "log.csv")) == KEEP
    log.add_results({"a": {"err": 0.5}, "b": {"err": 0.25}})
    log.write()
    frame = pd.read_csv(tmp_path / "log.csv")
    assert frame["b_err"].dropna().to_dict() == {KEEP: 0.25}
    assert list(frame["iteration"]) == list(range(1, KEEP + 2))


def test_a_row_that_was_written_right_before_the_run_was_cut_off_is_there_once(tmp_path: Path) -> None:
    path, whole = tmp_path / "log.csv", tmp_path / "whole.csv"
    filled(whole, 1, 4)
    filled(path, 1, 4)
    log = TrainingLog(path, TASK, 4)
    log.rows = [{"iteration": 4, "lr": 0.1, "loss": 48.0, "loss_a": 4.0, "loss_b": 40.0}]  # as the state has kept it
    log.begin()
    log.add_results({"a": {"err": 0.04}, "b": {"err": float("nan")}})
    log.write()
    assert path.read_text() == whole.read_text()


def test_before_it_begins_an_earlier_log_is_not_written_to(tmp_path: Path) -> None:
    earlier = filled(tmp_path / "log.csv", 1, 4).path.read_text()
    log = TrainingLog(tmp_path / "log.csv", TASK, 0)
    log.add(Entry(1, 0.1, (1.0, 1.0)))
    log.write()
    assert log.path.read_text() == earlier
    log.begin()
    log.write()
    assert list(pd.read_csv(log.path)["iteration"]) == [1]
