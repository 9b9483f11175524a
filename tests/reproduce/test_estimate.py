"""Estimates of time and disk space, on numbers that can be checked by hand."""

from collections.abc import Callable
from pathlib import Path

import pytest
from small_tables import leave_last, plans, rooms_at

from reports.costs import duration
from reproduce.estimate import Estimate
from reproduce.plan import TablePlan
from reproduce.planned import AnyRun
from reproduce.progress import steps_of
from runtime.setup import Setup

TINY = ["--set", "model.width=4", "--set", "model.head_channels=4", "--set", "data.crop=32"]


class HandEstimate(Estimate):
    """A backbone of 60 multiply-adds and heads of 20; 2 s a step, 8 images to evaluate in 0.5 s each, 10 s to start."""

    multiply_adds = {"": 60, "edge": 20, "depth": 20}  # type: ignore[assignment]
    test_images, step, image = 8, 2.0, 0.5  # type: ignore[assignment]

    def __init__(self, setup: Setup) -> None:
        self.setup, self.start = setup, 10.0


Planner = Callable[..., TablePlan]


@pytest.fixture
def planned(rooms: Path, tmp_path: Path) -> Planner:
    """A table of two tasks."""

    def make(table: str, *words: object, max_iters: int | None = None, **wanted: object) -> TablePlan:
        flags = ["--tasks", "edge,depth", "--dest", tmp_path, *rooms_at(rooms), "--set", "data.batch_size=8", *words]
        return plans("sample", *flags, tables=[table], max_iters=max_iters, **wanted)[table]

    return make


def seconds(plan: TablePlan, title: str, base: TablePlan | None = None) -> float:
    """Of the one step of this title."""
    runs: list[AnyRun] = [*plan.studies, *plan.runs]
    estimate = HandEstimate((base or plan).setup)
    return next(estimate.seconds(step) for step in steps_of(runs, force=False) if step.title == title)


def test_training_scales_with_steps_tasks_and_validations(planned: Planner) -> None:
    plan = planned("cotraining", "--set", "train.eval_interval=40", max_iters=100)
    # 100 steps of 2 s and 3 validations (40, 80, 100) of 8 images; one task is 80 of the 100 multiply-adds.
    assert seconds(plan, "train sample_baseline_edge_depth") == pytest.approx(10 + 200 + 3 * 8 * 0.5)
    assert seconds(plan, "train sample_baseline_edge") == pytest.approx(10 + 0.8 * (200 + 3 * 8 * 0.5))
    assert seconds(plan, "evaluate sample_baseline_edge") == pytest.approx(10 + 0.8 * 8 * 0.5)


def test_a_larger_batch_takes_longer(planned: Planner) -> None:
    plan = planned("cotraining", "--set", "data.batch_size=16", max_iters=10)
    base = planned("cotraining", max_iters=10)
    assert seconds(plan, "train sample_baseline_edge_depth", base) == pytest.approx(10 + 10 * 4 + 4)


def test_what_is_done_takes_no_time_and_the_rest_of_a_run_less(planned: Planner) -> None:
    plan = planned("cotraining", "--set", "train.eval_interval=40", max_iters=100)
    leave_last(plan.runs[2], 80)
    assert seconds(plan, "train sample_baseline_edge_depth") == pytest.approx(10 + 20 * 2 + 8 * 0.5)
    leave_last(plan.runs[2], 100)
    assert seconds(plan, "train sample_baseline_edge_depth") == 0


def test_scoring_goes_backwards_once_for_each_task(planned: Planner) -> None:
    plan = planned("sparsity", max_iters=10, methods=["disparse_static"])
    # 10 batches, each (1 + 2 * 2) / 3 training steps.
    assert seconds(plan, "prune sample_disparse_static_90_edge_depth") == pytest.approx(10 + 10 * 2 * 5 / 3)
    similarity = planned("similarity")
    assert seconds(similarity, "similarity") == pytest.approx(10 + 25 * 2 * 5 / 3)


def test_dynamic_training_pays_for_its_updates(planned: Planner) -> None:
    plan = planned("sparsity", max_iters=400, methods=["disparse_dynamic"])
    # Every 10th of 300 of the 400 steps costs 5 / 3 steps more; 4 validations.
    expected = 10 + 400 * 2 * (1 + 0.75 * 5 / 3 / 10) + 4 * 8 * 0.5
    assert seconds(plan, "train sample_disparse_dynamic_90_edge_depth") == pytest.approx(expected)


def test_multiply_adds_and_bytes_of_a_network(planned: Planner) -> None:
    plan = planned("sparsity", *TINY, methods=["baseline", "disparse_static"])
    work = Estimate(plan.setup)
    head = work.net.heads["edge"].state_dict().values()
    assert work.multiply_adds["edge"] == work.multiply_adds["depth"] > 0
    assert work.bytes["edge"] == sum(t.numel() * t.element_size() for t in head)
    weights = sum(work.bytes.values())
    dense, sparse = plan.runs
    # last_ with two moments, best_, final_, and room for a second last_ while it is written; a pruned network more.
    assert work.disk([dense]) == (3 + 1 + 1 + 3) * weights
    assert work.disk([dense, sparse]) == (5 + 6 + 3) * weights
    assert work.disk([]) == 0
    dense.job.last.write_bytes(b"x" * 1000)
    assert work.disk([dense]) == 8 * weights - 1000


def test_steps_and_images_are_measured(planned: Planner) -> None:
    work = Estimate(planned("sparsity", *TINY, "--num_workers", 0).setup)
    assert 0 < work.image < 5 and 0 < work.step < 5


@pytest.mark.parametrize(
    ("amount", "text"),
    [(0.4, "0 s"), (99, "99 s"), (100, "2 min"), (5900, "98 min"), (6060, "1 h 41 min"), (172000, "47 h 47 min"),
     (172800, "2.0 days"), (10**6, "11.6 days")],
)  # fmt: skip
def test_durations_are_for_people(amount: float, text: str) -> None:
    assert duration(amount) == text
