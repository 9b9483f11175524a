"""What is skipped, gone on with and refused, from the files that runs have left."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from small_tables import (
    checkpoint_of,
    finish,
    leave_evaluation,
    leave_last,
    leave_pruned,
    leave_similarity,
    plans,
    rooms_at,
)

from reproduce.plan import TablePlan
from reproduce.planned import PlannedTraining
from reproduce.progress import Step, steps_of
from training.checkpoints.checkpoint import write_checkpoint

METHODS = ("baseline", "disparse_static", "disparse_dynamic", "disparse_pt")
Planner = Callable[..., TablePlan]


@pytest.fixture
def sparsity(rooms: Path, tmp_path: Path) -> Planner:
    """Edge alone on the sample rooms, four iterations a run."""

    def make(*words: object, methods: tuple[str, ...] = METHODS, max_iters: int | None = 4) -> TablePlan:
        flags = ["--tasks", "edge", "--dest", tmp_path / "out", *rooms_at(rooms), *words]
        return plans("sample", *flags, tables=["sparsity"], methods=methods, max_iters=max_iters)["sparsity"]

    return make


def steps(plan: TablePlan, force: bool = False) -> list[Step]:
    return steps_of(list(plan.runs), force)


def left(found: list[Step]) -> list[str]:
    """What is to be done, without the names that all runs share."""
    return [step.title.replace("sample_", "").replace("_edge", "") for step in found if not step.done]


def problems(plan: TablePlan) -> list[str]:
    return [step.problem for step in steps(plan) if step.problem]


def test_without_files_everything_is_to_do_in_order(sparsity: Planner, tmp_path: Path) -> None:
    found = steps(sparsity())
    assert left(found) == [
        "train baseline", "evaluate baseline",
        "prune disparse_static_90", "train disparse_static_90", "evaluate disparse_static_90",
        "train disparse_dynamic_90", "evaluate disparse_dynamic_90",
        "prune disparse_pt_90", "train disparse_pt_90", "evaluate disparse_pt_90",
    ]  # fmt: skip
    assert [step.iterations for step in found if step.kind == "train"] == [4, 4, 4, 4]
    assert found[0].log == tmp_path / "out" / "logs" / "sample_baseline_edge.log"
    assert not (tmp_path / "out").exists()


def test_finished_runs_are_skipped(sparsity: Planner) -> None:
    plan = sparsity()
    for run in plan.runs:
        finish(run)
    assert left(steps(plan)) == []
    plan.runs[1].path.unlink()
    assert left(steps(plan)) == ["evaluate disparse_static_90"]


def test_results_are_enough_where_checkpoints_were_removed(sparsity: Planner) -> None:
    plan = sparsity()
    for run in plan.runs:
        leave_evaluation(run)
    assert left(steps(plan)) == []


def test_an_interrupted_training_goes_on(sparsity: Planner) -> None:
    plan = sparsity()
    finish(plan.runs[0])
    leave_last(plan.runs[1], 3)
    train, evaluate = [step for step in steps(plan) if not step.done][:2]
    assert (train.title, train.going_on, train.iterations) == ("train sample_disparse_static_90_edge", 3, 1)
    assert "--resume" in train.command and evaluate.kind == "evaluate"


def test_a_longer_run_goes_on_from_a_shorter_one(sparsity: Planner) -> None:
    finish(sparsity(methods=("baseline",)).runs[0])
    longer = steps(sparsity(methods=("baseline",), max_iters=6))
    assert [(step.going_on, step.iterations) for step in longer if step.kind == "train"] == [(4, 2)]
    assert left(longer) == ["train baseline", "evaluate baseline"]
    [problem] = problems(sparsity(methods=("baseline",), max_iters=3))
    assert "last_sample_baseline_edge.pth is at iteration 4, beyond 3" in problem


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"config": {}}', '{"schema": 2}'])
def test_damaged_results_are_made_again(sparsity: Planner, text: str) -> None:
    plan = sparsity(methods=("baseline",))
    finish(plan.runs[0])
    plan.runs[0].path.write_text(text)
    assert left(steps(plan)) == ["evaluate baseline"]


@pytest.mark.parametrize("identity", [None, {}, {"stage": "evaluation"}])
def test_results_of_unknown_origin_are_made_again(sparsity: Planner, identity: dict | None) -> None:
    plan = sparsity(methods=("baseline",))
    finish(plan.runs[0])
    leave_evaluation(plan.runs[0], identity=identity)
    assert left(steps(plan)) == ["evaluate baseline"]


@pytest.mark.parametrize("metrics", [{}, {"edge": {}}, {"sn": {"err": 1.0}}])
def test_results_that_lack_a_metric_are_made_again(sparsity: Planner, metrics: dict) -> None:
    plan = sparsity(methods=("baseline",))
    finish(plan.runs[0])
    leave_evaluation(plan.runs[0], metrics=metrics)
    assert left(steps(plan)) == ["evaluate baseline"]


def test_how_images_were_batched_matters_to_results_but_not_to_training(sparsity: Planner) -> None:
    finish(sparsity(methods=("baseline",)).runs[0])
    changed = sparsity("--set", "train.eval_batch_size=3", methods=("baseline",))
    assert left(steps(changed)) == ["evaluate baseline"]
    often = sparsity("--set", "train.eval_interval=3", methods=("baseline",))
    assert left(steps(often)) == []


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--set", "train.lr=0.5"], "train.lr was 0.002 and is 0.5"),
        (["--set", "data.batch_size=2"], "data.batch_size was 8 and is 2"),
        (["--seed", "1"], "seed was 0 and is 1"),
        (["--precision", "bf16"], "precision was fp32 and is bf16"),
    ],
)
def test_runs_of_other_settings_are_named_or_made_anew(sparsity: Planner, words: list[str], named: str) -> None:
    finish(sparsity(methods=("baseline",)).runs[0])
    changed = sparsity(*words, methods=("baseline",))
    [problem] = problems(changed)
    assert "last_sample_baseline_edge.pth was made with other settings: " in problem and named in problem
    train, evaluate = steps(changed, force=True)
    assert "--force" in train.command and "--resume" not in train.command and not train.problem
    assert not train.done and not evaluate.done and train.iterations == 4


def test_other_data_are_noticed_and_the_same_data_in_another_folder_are_not(
    sparsity: Planner, rooms: Path, tmp_path: Path
) -> None:
    finish(sparsity(methods=("baseline",)).runs[0])
    shutil.copytree(rooms, tmp_path / "moved")
    assert left(steps(sparsity("--data_root", tmp_path / "moved", methods=("baseline",)))) == []
    index = json.loads((rooms / "taskonomy.json").read_text())
    for split, to_do in (("test", ["evaluate baseline"]), ("train", ["train baseline", "evaluate baseline"])):
        image = tmp_path / "moved" / index[split][0][0]
        image.write_bytes(image.read_bytes() + b"x")
        changed = sparsity("--data_root", tmp_path / "moved", methods=("baseline",))
        assert left(steps(changed)) == to_do, split
    [problem] = problems(changed)
    assert "the data have changed" in problem


def test_force_leaves_alone_what_fits(sparsity: Planner) -> None:
    plan = sparsity()
    finish(plan.runs[0])
    leave_last(plan.runs[1], 2)
    found = steps(plan, force=True)
    assert not any("--force" in step.command for step in found)
    assert found[0].done and found[3].going_on == 2


def test_a_final_network_of_unknown_origin_is_a_problem(sparsity: Planner) -> None:
    plan = sparsity(methods=("baseline",))
    finish(plan.runs[0])
    plan.runs[0].job.last.unlink()
    plan.runs[0].path.unlink()
    [problem] = problems(plan)
    assert "final_sample_baseline_edge.pth is there, but not " in problem


def test_a_damaged_checkpoint_is_a_problem(sparsity: Planner) -> None:
    plan = sparsity(methods=("baseline",))
    leave_last(plan.runs[0], 2)
    last = plan.runs[0].job.last
    last.write_bytes(last.read_bytes()[:100])
    [problem] = problems(plan)
    assert "last_sample_baseline_edge.pth" in problem


def test_a_run_of_an_earlier_version_is_known_by_its_settings(sparsity: Planner) -> None:
    plan = sparsity(methods=("baseline",))
    run = plan.runs[0]
    training = {"iteration": 3, "run": {"seed": 0, "precision": "fp32"}}
    write_checkpoint(run.job.last, checkpoint_of(run, None, training=training))
    assert [step.going_on for step in steps(plan) if step.kind == "train"] == [3]
    [problem] = problems(sparsity("--seed", 1, methods=("baseline",)))
    assert "seed was 0 and is 1" in problem


class TestPruned:
    """Networks that are pruned once, before they are trained."""

    def test_one_is_used_if_it_is_of_these_settings(self, sparsity: Planner) -> None:
        plan = sparsity(methods=("disparse_static",))
        leave_pruned(plan.runs[0])
        assert left(steps(plan)) == ["train disparse_static_90", "evaluate disparse_static_90"]
        settings = {"train.lr=1": "train", "model.depth=34": "prune", "scoring.num_batches=3": "prune"}
        for changed, first in settings.items():
            other = sparsity("--set", changed, methods=("disparse_static",))
            assert left(steps(other))[0] == f"{first} disparse_static_90", changed

    def test_scoring_settings_matter_where_scores_do(self, sparsity: Planner) -> None:
        methods = ("baseline", "disparse_static")
        for run in sparsity(methods=methods).runs:
            finish(run)
        changed = sparsity("--set", "scoring.num_batches=3", methods=methods)
        assert left(steps_of([changed.runs[0]], force=False)) == []
        [problem] = problems(changed)
        assert "disparse_static" in problem and "scoring.num_batches was 10 and is 3" in problem

    def test_the_iteration_at_which_masks_are_fixed_matters(self, sparsity: Planner) -> None:
        plan = sparsity(methods=("disparse_dynamic",))
        finish(plan.runs[0])
        assert left(steps(plan)) == []
        [problem] = problems(sparsity("--set", "dynamic.end=150", methods=("disparse_dynamic",)))
        assert "fixes the masks" in problem and "was 3 and is 1" in problem

    def test_one_of_another_dense_network_is_made_again(self, sparsity: Planner) -> None:
        methods = ("baseline", "disparse_pt")
        leave_pruned(sparsity(methods=methods, max_iters=5).runs[1])
        plan = sparsity(methods=methods)
        finish(plan.runs[0])
        assert left(steps(plan))[0] == "prune disparse_pt_90"
        leave_pruned(plan.runs[1])
        assert left(steps(plan)) == ["train disparse_pt_90", "evaluate disparse_pt_90"]

    def test_what_was_trained_from_another_dense_network_is_a_problem(self, sparsity: Planner) -> None:
        methods = ("baseline", "disparse_pt")
        for run in sparsity(methods=methods).runs:
            finish(run)
        longer = sparsity(methods=methods, max_iters=6)
        [problem] = problems(longer)
        assert "last_sample_disparse_pt_90_edge.pth" in problem and "iteration was 4 and is 6" in problem
        forced = steps(longer, force=True)
        assert left(forced) == [
            "train baseline", "evaluate baseline",
            "prune disparse_pt_90", "train disparse_pt_90", "evaluate disparse_pt_90",
        ]  # fmt: skip
        assert ["--force" in step.command for step in forced if step.kind == "train"] == [False, True]


def test_similarity_is_skipped_only_with_these_settings(tmp_path: Path, frames: Path) -> None:
    def planned(*words: object) -> TablePlan:
        return plans("nyuv2", "--data_root", frames, "--dest", tmp_path, *words, tables=["similarity"])["similarity"]

    def to_do(*words: object) -> list[str]:
        return [step.title for step in steps_of(list(planned(*words).studies), force=False) if not step.done]

    run = planned().studies[0]
    assert to_do() == ["similarity"]
    leave_similarity(run)
    assert to_do() == []
    assert to_do("--set", "train.lr=1") == [], "not used"
    for words in (["--seed", 1], ["--set", "data.crop=64"], ["--tasks", "sn,seg"], ["--precision", "bf16"],
                  ["--set", "scoring.keep_ratios.static={30: 0.7}"]):  # fmt: skip
        assert to_do(*words) == ["similarity"], words
    content = json.loads(run.path.read_text())
    for damage in ({"identity": None}, {"identity": {"stage": 3}}, {"table": {}}):
        run.path.write_text(json.dumps({**content, **damage}))
        assert to_do() == ["similarity"], damage


def test_every_step_of_a_network_has_the_same_log(sparsity: Planner, tmp_path: Path) -> None:
    found = steps(sparsity(methods=("snip",)))
    assert {step.log for step in found} == {tmp_path / "out" / "logs" / "sample_snip_90_edge.log"}
    assert all(isinstance(step.run, PlannedTraining) for step in found) and len(found) == 3
