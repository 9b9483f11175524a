"""What is left of a plan, run by run, and in which order it may be done."""

from pathlib import Path

import pytest
from small_tables import finish, leave_last, leave_pruned, plans, rooms_at

from reproduce.plan import TablePlan
from reproduce.progress import Step, steps_of
from reproduce.units import Schedule, Unit, chains_of, key_of, makespan, units_of

METHODS = ("baseline", "disparse_static", "disparse_pt", "magnitude")


@pytest.fixture
def plan(rooms: Path, tmp_path: Path) -> TablePlan:
    """A dense network, one pruned at initialisation, and two that begin with the dense one."""
    flags = ["--tasks", "edge", "--dest", tmp_path / "out", *rooms_at(rooms)]
    return plans("sample", *flags, tables=["sparsity"], methods=METHODS, max_iters=4)["sparsity"]


def left(plan: TablePlan) -> list[Unit]:
    return units_of(steps_of(list(plan.runs), force=False))


def shown(units: list[Unit]) -> dict[str, list[str]]:
    """Run -> its commands."""
    return {unit.run.name.split("_", 1)[1].removesuffix("_edge"): [step.kind for step in unit.steps] for unit in units}


def test_a_unit_is_what_is_left_of_a_run(plan: TablePlan) -> None:
    whole = ["prune", "train", "evaluate"]
    names = ["disparse_static_90", "disparse_pt_90", "magnitude_90"]
    assert shown(left(plan)) == {"baseline": ["train", "evaluate"], **dict.fromkeys(names, whole)}
    dense, static, after_training, _ = plan.runs
    finish(dense)
    leave_pruned(static)
    leave_last(static, 2)
    leave_pruned(after_training)
    leave_last(after_training, 4)
    assert shown(left(plan)) == {
        "disparse_static_90": ["train", "evaluate"], "disparse_pt_90": ["evaluate"], "magnitude_90": whole,
    }  # fmt: skip
    for run in plan.runs:
        finish(run)
    assert left(plan) == []


def test_a_run_is_ready_once_the_network_that_it_starts_from_is_there(plan: TablePlan) -> None:
    dense, static, pruned, magnitude = units = left(plan)
    assert [unit.after for unit in units] == [None, None, dense.key, dense.key]
    schedule = Schedule(units)
    assert (schedule.next(), schedule.next(), schedule.next()) == (dense, static, None)
    assert schedule.end(static, well=True) == [] and schedule.next() is None
    assert schedule.end(dense, well=True) == []
    assert (schedule.next(), schedule.next(), schedule.next()) == (pruned, magnitude, None)
    finish(dense.run)
    assert Schedule(left(plan)[1:]).next() == pruned, "a source that is done is not waited for"


def test_what_needs_a_run_that_failed_is_lost(plan: TablePlan) -> None:
    dense, static, pruned, magnitude = units = left(plan)
    schedule = Schedule(units)
    assert schedule.next() == dense
    assert schedule.end(dense, well=False) == [pruned, magnitude]
    assert (schedule.next(), schedule.next()) == (static, None)


def test_chains_hold_what_needs_one_another(plan: TablePlan) -> None:
    dense, static, pruned, magnitude = units = left(plan)
    assert chains_of(units) == [[dense, pruned, magnitude], [static]]


def test_the_time_of_all_runs_so_many_at_a_time(plan: TablePlan) -> None:
    dense, static, *others = units = left(plan)
    lengths = {dense.key: 2.0, static.key: 9.0, **dict.fromkeys((unit.key for unit in others), 3.0)}

    def seconds(step: Step) -> float:
        return lengths[key_of(step.run)]

    # With its two or three commands the dense one takes 4 s, the static one 27 s, the others 9 s each after the dense.
    assert [makespan(units, jobs, seconds) for jobs in (1, 2, 3, 9)] == [49, 27, 27, 27]
    lengths[static.key] = 1.0
    assert [makespan(units, jobs, seconds) for jobs in (1, 2, 3)] == [25, 4 + 9, 4 + 9]
