"""--jobs from the command line to the pool: the plan is shown first, then runs are made in slots of so many threads."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import Script, tiny

from reproduce.running import execution
from reproduce.units import Unit

PLAN = ["--tasks", "edge", "--table", "sparsity", "--methods", "baseline,random", "--max_iters", "1"]


@pytest.fixture
def pools(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What pools were made with, and the runs that they were given; they do nothing."""
    made: list[dict[str, Any]] = []

    class Recorded:
        def __init__(self, environments: Sequence[dict[str, str]], report: object, lock: int) -> None:
            made.append({"slots": list(environments)})

        def run(self, units: Sequence[Unit]) -> None:
            made[-1]["runs"] = [unit.run.name for unit in units]

    monkeypatch.setattr(execution, "Pool", Recorded)
    monkeypatch.setattr(execution, "one_after_another", lambda units, report, lock: made.append({"alone": len(units)}))
    return made


@pytest.mark.parametrize(
    ("flags", "threads", "shown"),
    [
        (["--jobs", "2"], "3", "2 at a time, 3 threads each"),
        (["--jobs", "2", "--threads", "1"], "1", "2 at a time, 1 thread each"),
    ],
)
def test_runs_are_made_side_by_side_after_the_plan_is_shown(
    run_script: Script, rooms: Path, tmp_path: Path, pools: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch,
    flags: list[str], threads: str, shown: str,
) -> None:  # fmt: skip
    monkeypatch.setattr(torch, "get_num_threads", lambda: 6)
    monkeypatch.setattr(torch, "set_num_threads", lambda number: None)
    usual = [*tiny(rooms), "--device", "cpu", "--dest", tmp_path / "out"]
    result = run_script("reproduce_tables.py", *usual, *PLAN, *flags)
    assert result.returncode == 0, result.stderr
    names = ["sample_baseline_edge", "sample_random_90_edge"]
    assert pools == [{"slots": [{"OMP_NUM_THREADS": threads}] * 2, "runs": names}]
    assert all(f"  {name}\n" in result.stdout for name in names) and shown in result.stdout
    assert "In all about" in result.stdout


def test_without_it_they_come_one_after_another_with_all_threads(
    run_script: Script, rooms: Path, tmp_path: Path, pools: list[dict[str, Any]]
) -> None:
    result = run_script("reproduce_tables.py", *tiny(rooms), "--device", "cpu", "--dest", tmp_path / "out", *PLAN)
    assert result.returncode == 0 and pools == [{"alone": 2}]
