"""What is skipped, gone on with and refused, from the files that runs have left."""

import json
from pathlib import Path
from typing import Any

import pytest
from small_tables import finish, leave_evaluation, leave_last, leave_pruned, leave_similarity, plans

from configs import UserError
from reproduce.plan import TablePlan
from reproduce.progress import Step, steps_of
from reproduce.runs import TrainingRun

METHODS = ["baseline", "disparse_static", "disparse_dynamic", "disparse_pt"]


def sparsity(dest: Path, *words: object, methods: list[str] = METHODS, max_iters: int | None = 4) -> TablePlan:
    """Edge alone on the sample data, four iterations a run."""
    flags = ["--tasks", "edge", "--dest", dest, *words]
    return plans("sample", *flags, tables=["sparsity"], methods=methods, max_iters=max_iters)["sparsity"]


def one(dest: Path, method: str = "baseline", *words: object, **wanted: Any) -> TrainingRun:
    """The run of one method."""
    return sparsity(dest, *words, methods=[method], **wanted).runs[-1]


def steps(plan: TablePlan, force: bool = False) -> list[Step]:
    return steps_of(list(plan.runs), force)


def left(found: list[Step]) -> list[str]:
    """What is to be done, without the names that all runs share."""
    return [step.title.replace("sample_", "").replace("_edge", "") for step in found if not step.done]


def test_without_files_everything_is_to_do_in_order(tmp_path: Path) -> None:
    found = steps(sparsity(tmp_path / "out"))
    assert left(found) == [
        "train baseline", "evaluate baseline",
        "prune disparse_static_90", "train disparse_static_90", "evaluate disparse_static_90",
        "train disparse_dynamic_90", "evaluate disparse_dynamic_90",
        "prune disparse_pt_90", "train disparse_pt_90", "evaluate disparse_pt_90",
    ]  # fmt: skip
    assert [step.iterations for step in found if step.kind == "train"] == [4, 4, 4, 4]
    assert found[0].log == tmp_path / "out" / "logs" / "sample_baseline_edge.log"
    assert not (tmp_path / "out").exists()


def test_finished_runs_are_skipped(tmp_path: Path) -> None:
    plan = sparsity(tmp_path)
    for run in plan.runs:
        finish(run)
    assert left(steps(plan)) == []
    plan.runs[1].evaluation.unlink()
    assert left(steps(plan)) == ["evaluate disparse_static_90"]


def test_results_are_enough_where_checkpoints_were_removed(tmp_path: Path) -> None:
    plan = sparsity(tmp_path)
    for run in plan.runs:
        leave_evaluation(run)
    assert left(steps(plan)) == []


def test_an_interrupted_training_goes_on(tmp_path: Path) -> None:
    plan = sparsity(tmp_path)
    finish(plan.runs[0])
    leave_last(plan.runs[1], 3)
    train, evaluate = [step for step in steps(plan) if not step.done][:2]
    assert (train.title, train.going_on, train.iterations) == ("train sample_disparse_static_90_edge", 3, 1)
    assert "--resume" in train.command and evaluate.kind == "evaluate"


def test_a_longer_run_goes_on_from_a_shorter_one(tmp_path: Path) -> None:
    finish(one(tmp_path))
    longer = steps(sparsity(tmp_path, methods=["baseline"], max_iters=6))
    assert [(step.going_on, step.iterations) for step in longer if step.kind == "train"] == [(4, 2)]
    assert left(longer) == ["train baseline", "evaluate baseline"]
    with pytest.raises(UserError, match=r"last_.*is at iteration 4, beyond 3.*--force.*--dest"):
        steps(sparsity(tmp_path, methods=["baseline"], max_iters=3))


@pytest.mark.parametrize(
    "changes",
    [
        {"provenance": {"seed": 1, "precision": "fp32"}},
        {"provenance": {"seed": 0, "precision": "bf16"}},
        {"details": {"iteration": 3}},
        {"checkpoint": "out/best_sample_baseline_edge.pth"},
        {"checkpoint": 3},
        {"metrics": {"edge": {}}},
        {"metrics": None},
        {"config": None},
        {"ratio": 50},
        {"tasks": ["sn"]},
    ],
)
def test_results_of_another_network_do_not_count(tmp_path: Path, changes: dict[str, Any]) -> None:
    run = one(tmp_path)
    finish(run)
    leave_evaluation(run, **changes)
    assert left(steps(sparsity(tmp_path, methods=["baseline"]))) == ["evaluate baseline"]


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"config": {}}'])
def test_damaged_results_are_made_again(tmp_path: Path, text: str) -> None:
    run = one(tmp_path)
    finish(run)
    run.evaluation.write_text(text)
    assert left(steps(sparsity(tmp_path, methods=["baseline"]))) == ["evaluate baseline"]


def test_how_images_were_batched_matters_to_results_but_not_to_training(tmp_path: Path) -> None:
    finish(one(tmp_path))
    changed = sparsity(tmp_path, "--set", "train.eval_batch_size=3", methods=["baseline"])
    assert left(steps(changed)) == ["evaluate baseline"]
    often = sparsity(tmp_path, "--set", "train.eval_interval=3", methods=["baseline"])
    assert left(steps(often)) == []


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--set", "train.lr=0.5"], "train.lr was 0.002 and is 0.5"),
        (["--set", "data.batch_size=2"], "data.batch_size was 8 and is 2"),
        (["--seed", "1"], "seed was 0 and is 1"),
        (["--precision", "bf16"], "precision was fp32 and is bf16"),
        (["--data_root", "/elsewhere"], "data.root was /data and is /elsewhere"),
    ],
)
def test_runs_of_other_settings_are_refused_or_made_anew(tmp_path: Path, words: list[str], named: str) -> None:
    finish(one(tmp_path))
    changed = sparsity(tmp_path, *words, methods=["baseline"])
    with pytest.raises(UserError) as caught:
        steps(changed)
    message = str(caught.value)
    assert named in message and "last_sample_baseline_edge.pth" in message
    assert "--force" in message and "--dest" in message
    train, evaluate = steps(changed, force=True)
    assert "--force" in train.command and "--resume" not in train.command
    assert not train.done and not evaluate.done and train.iterations == 4


def test_the_same_folder_by_another_path_is_the_same_data(tmp_path: Path) -> None:
    finish(one(tmp_path))
    assert left(steps(sparsity(tmp_path, "--data_root", "/tmp/../data", methods=["baseline"]))) == []


def test_force_leaves_alone_what_fits(tmp_path: Path) -> None:
    plan = sparsity(tmp_path)
    finish(plan.runs[0])
    leave_last(plan.runs[1], 2)
    found = steps(plan, force=True)
    assert not any("--force" in step.command for step in found)
    assert found[0].done and found[3].going_on == 2


def test_a_final_network_of_unknown_origin_is_refused(tmp_path: Path) -> None:
    run = one(tmp_path)
    finish(run)
    run.job.last.unlink()
    run.evaluation.unlink()
    with pytest.raises(UserError, match=r"final_.*but not .*last_"):
        steps(sparsity(tmp_path, methods=["baseline"]))


def test_a_damaged_checkpoint_is_refused(tmp_path: Path) -> None:
    run = one(tmp_path)
    finish(run)
    run.job.last.write_bytes(run.job.last.read_bytes()[:100])
    with pytest.raises(UserError, match=r"last_sample_baseline_edge\.pth.*--force"):
        steps(sparsity(tmp_path, methods=["baseline"]))


def test_a_pruned_network_is_used_if_it_is_of_these_settings(tmp_path: Path) -> None:
    plan = sparsity(tmp_path, methods=["disparse_static"])
    run = plan.runs[0]
    leave_pruned(run)
    assert left(steps(plan)) == ["train disparse_static_90", "evaluate disparse_static_90"]
    for details in ({"seed": 1}, {"num_batches": 3}):
        leave_pruned(run, **details)
        assert left(steps(plan))[0] == "prune disparse_static_90", details
    leave_pruned(run)
    for changed, first in (("train.lr=1", "train"), ("model.depth=34", "prune")):
        other = sparsity(tmp_path, "--set", changed, methods=["disparse_static"])
        assert left(steps(other))[0] == f"{first} disparse_static_90", changed


def test_scoring_settings_matter_where_scores_do(tmp_path: Path) -> None:
    plan = sparsity(tmp_path, methods=["baseline", "disparse_static"])
    for run in plan.runs:
        finish(run)
    changed = sparsity(tmp_path, "--set", "scoring.num_batches=3", methods=["baseline", "disparse_static"])
    assert left(steps_of([changed.runs[0]], force=False)) == []
    with pytest.raises(UserError, match=r"disparse_static.*scoring.num_batches was 10 and is 3"):
        steps(changed)


def test_the_iteration_at_which_masks_are_fixed_matters(tmp_path: Path) -> None:
    finish(one(tmp_path, "disparse_dynamic"))
    assert left(steps(sparsity(tmp_path, methods=["disparse_dynamic"]))) == []
    with pytest.raises(UserError, match="fixes the masks .* was 3 and is 1"):
        steps(sparsity(tmp_path, "--set", "dynamic.end=150", methods=["disparse_dynamic"]))


class TestPrunedFromATrainedNetwork:
    """disparse_pt with the dense network that it prunes."""

    @pytest.fixture
    def plan(self, tmp_path: Path) -> TablePlan:
        return sparsity(tmp_path, methods=["baseline", "disparse_pt"])

    def test_it_waits_for_the_dense_network(self, plan: TablePlan) -> None:
        leave_pruned(plan.runs[1])  # of a dense network that is not there any more
        assert "prune disparse_pt_90" in left(steps(plan))

    def test_it_is_pruned_again_if_the_dense_network_is_another_one(self, plan: TablePlan) -> None:
        finish(plan.runs[0])
        leave_pruned(plan.runs[1], value=1.0)
        assert left(steps(plan)) == ["train disparse_pt_90", "evaluate disparse_pt_90"]
        leave_pruned(plan.runs[1], value=1.5)
        assert left(steps(plan))[0] == "prune disparse_pt_90"

    def test_what_was_trained_from_another_dense_network_is_refused(self, plan: TablePlan) -> None:
        for run in plan.runs:
            finish(run)
        leave_pruned(plan.runs[1], value=1.5)
        with pytest.raises(UserError, match=r"pruned from another network than .*final_sample_baseline"):
            steps(plan)
        assert left(steps(plan, force=True))[0] == "prune disparse_pt_90"

    def test_it_is_refused_while_the_dense_network_will_change(self, plan: TablePlan, tmp_path: Path) -> None:
        for run in plan.runs:
            finish(run)
        longer = sparsity(tmp_path, methods=["baseline", "disparse_pt"], max_iters=6)
        with pytest.raises(UserError, match="another sample_baseline_edge than the one that is to be trained"):
            steps(longer)
        forced = steps(longer, force=True)
        assert left(forced) == [
            "train baseline", "evaluate baseline",
            "prune disparse_pt_90", "train disparse_pt_90", "evaluate disparse_pt_90",
        ]  # fmt: skip
        assert ["--force" in step.command for step in forced if step.kind == "train"] == [False, True]

    def test_what_was_trained_with_other_masks_is_refused(self, plan: TablePlan) -> None:
        for run in plan.runs:
            finish(run)
        leave_pruned(plan.runs[1], mask=False)
        with pytest.raises(UserError, match="other masks"):
            steps(plan)


def test_similarity_is_skipped_only_with_these_settings(tmp_path: Path) -> None:
    def to_do(*words: object) -> list[str]:
        planned = plans("nyuv2", "--dest", tmp_path, *words, tables=["similarity"])["similarity"].similarity
        assert planned is not None
        return [step.title for step in steps_of([planned], force=False) if not step.done]

    run = plans("nyuv2", "--dest", tmp_path, tables=["similarity"])["similarity"].similarity
    assert run is not None
    assert to_do() == ["similarity"]
    leave_similarity(run)
    assert to_do() == []
    assert to_do("--set", "train.lr=1") == [], "not used"
    for words in (["--seed", 1], ["--set", "data.crop=64"], ["--tasks", "sn,seg"], ["--precision", "bf16"]):
        assert to_do(*words) == ["similarity"], words
    content = json.loads(run.path.read_text())
    for change in ({"num_seeds": 1}, {"num_batches": 5}, {"sparsities": [90]}, {"keep_ratios": {"30": 0.7}}):
        run.path.write_text(json.dumps({**content, **change}))
        assert to_do() == ["similarity"], change
    exact = {key: value + 0.01 for key, value in content["keep_ratios"].items()}
    run.path.write_text(json.dumps({**content, "keep_ratios": exact}))
    assert to_do() == ["similarity"]
