"""Which runs the tables of each data set need, in which order, and their commands."""

from pathlib import Path

import pytest
from small_tables import names, plans

from configs import UserError
from reproduce.plan import all_runs
from reproduce.planned import PlannedStudy
from reproduce.published import PUBLISHED_METHODS


def test_nyuv2_needs_all_three_tables_with_the_settings_of_the_papers() -> None:
    planned = plans("nyuv2", "--dest", "out")
    assert list(planned) == ["similarity", "cotraining", "sparsity"]
    similarity = planned["similarity"].studies[0]
    assert similarity.command() == planned["cotraining"].studies[0].command()
    assert similarity.command()[:5] == ["static_similarity.py", "--num_batches", "50", "--num_seeds", "4"]
    assert similarity.path == Path("out/similarity.json")
    runs = planned["cotraining"].runs
    tasks = ["seg", "sn", "depth", "seg_sn", "seg_depth", "sn_depth"]
    assert names(runs) == [f"nyuv2_baseline_{name}" for name in tasks]
    assert {run.job.schedule.max_iters for run in runs} == {5000}
    assert {(run.job.setup.dest, run.job.setup.config.data.batch_size) for run in runs} == {(Path("out/cotraining"), 8)}
    assert not planned["sparsity"].studies


def test_nyuv2s_sparse_networks_have_two_tasks_and_batches_of_16() -> None:
    runs = plans("nyuv2", "--dest", "out")["sparsity"].runs
    methods = ["baseline", "disparse_static_90", "disparse_dynamic_90", "disparse_pt_90"]
    assert names(runs) == [f"nyuv2_{method}_seg_sn" for method in methods]
    assert [run.job.schedule.max_iters for run in runs] == [20000, 20000, 20000, 1000]
    assert {(run.job.setup.dest, run.job.setup.config.data.batch_size) for run in runs} == {(Path("out/sparsity"), 16)}
    assert [run.source and run.source.name for run in runs] == [None, None, None, runs[0].name]


def test_cityscapes_needs_the_sparse_networks_and_scores_by_magnitude() -> None:
    planned = plans("cityscapes")
    assert list(planned) == ["sparsity"]
    runs = planned["sparsity"].runs
    methods = ["baseline", "disparse_static_90", "disparse_dynamic_90", "disparse_pt_90"]
    assert names(runs) == [f"cityscapes_{method}" for method in methods], "all tasks of the data set"
    assert runs[0].job.setup.dest == Path("results/cityscapes")
    assert "pruning.disparse_pt.criterion=l1" in runs[3].command("prune")
    assert runs[3].job.sparsifier.model_dump() == {"criterion": "l1"}


def test_taskonomy_needs_the_sparse_networks_of_all_five_tasks() -> None:
    planned = plans("taskonomy")
    assert list(planned) == ["sparsity"]
    assert names(planned["sparsity"].runs)[1] == "taskonomy_disparse_static_90"
    assert planned["sparsity"].runs[1].tasks == ("seg", "sn", "depth", "keypoint", "edge")


def test_the_sample_data_get_every_table_in_one_folder() -> None:
    planned = plans("sample")
    assert list(planned) == ["similarity", "cotraining", "sparsity"]
    runs = all_runs(planned.values())
    assert names(runs)[0] == "similarity" and isinstance(runs[0], PlannedStudy)
    assert len(runs) == 1 + 5 + 10 + 4
    assert names(runs)[5:7] == ["sample_baseline_edge", "sample_baseline_seg_sn"]
    assert {run.setup.dest for run in runs[1:]} == {Path("results/sample")}


def test_tables_share_runs() -> None:
    planned = plans("cityscapes", tables=["cotraining", "sparsity"])
    assert names(planned["cotraining"].runs) == [
        "cityscapes_baseline_seg", "cityscapes_baseline_depth", "cityscapes_baseline",
    ]  # fmt: skip
    assert names(all_runs(planned.values())).count("cityscapes_baseline") == 1


def test_the_runs_of_one_name_with_other_settings_are_kept_apart() -> None:
    runs = [run for run in all_runs(plans("nyuv2", "--dest", "out").values()) if run.name == "nyuv2_baseline_seg_sn"]
    assert len(runs) == 2
    assert runs[0].setup.dest != runs[1].setup.dest


def test_the_dense_network_comes_before_those_that_are_pruned_from_it() -> None:
    runs = plans("sample", tables=["sparsity"], methods=["magnitude", "rigl", "snip", "snip"])["sparsity"].runs
    assert names(runs) == [
        "sample_baseline", "sample_magnitude_90", "sample_rigl_90", "sample_snip_90",
    ]  # fmt: skip
    alone = plans("sample", tables=["sparsity"], methods=["snip", "rigl"])["sparsity"].runs
    assert names(alone) == ["sample_snip_90", "sample_rigl_90"]


def test_one_dense_network_serves_all_sparsities() -> None:
    runs = plans("sample", tables=["sparsity"], ratios=[50, 90], methods=["disparse_pt", "baseline"])["sparsity"].runs
    assert names(runs) == ["sample_baseline", "sample_disparse_pt_50", "sample_disparse_pt_90"]
    assert [run.source.job.last for run in runs[1:] if run.source] == [runs[0].job.last] * 2


def test_commands_repeat_the_shared_flags_and_the_users_settings_win() -> None:
    planned = plans(
        "nyuv2", "--device", "cpu", "--seed", 3, "--set", "data.batch_size=4", tables=["sparsity"], max_iters=7
    )
    run = planned["sparsity"].runs[1]
    shared = ["--dataset", "nyuv2", "--data_root", "/data", "--tasks", "seg,sn", "--device", "cpu", "--seed", "3"]
    shared += ["--dest", "results/nyuv2/sparsity", "--set", "data.batch_size=16", "--set", "data.batch_size=4"]
    method = ["--method", "disparse_static", "--ratio", "90"]
    assert run.command("prune") == ["create_pruned_net.py", *method, *shared]
    assert run.command("train", "--resume") == [
        "launch_training.py", *method, "--max_iters", "7", "--resume", *shared,
    ]  # fmt: skip
    assert run.command("evaluate") == ["eval_pruned_net.py", *method, *shared]
    assert run.job.setup.config.data.batch_size == 4
    assert {run.job.schedule.max_iters for run in planned["sparsity"].runs} == {7}


def test_the_users_iterations_win_over_the_papers() -> None:
    runs = plans("nyuv2", "--set", "train.max_iters=9", tables=["cotraining"])["cotraining"].runs
    assert {run.job.schedule.max_iters for run in runs} == {9}


def test_the_users_tasks_win_over_the_papers() -> None:
    planned = plans("nyuv2", "--tasks", "depth,seg")
    assert names(planned["sparsity"].runs)[0] == "nyuv2_baseline_depth_seg"
    assert names(planned["cotraining"].runs) == [
        "nyuv2_baseline_depth", "nyuv2_baseline_seg", "nyuv2_baseline_depth_seg",
    ]  # fmt: skip
    assert list(planned["similarity"].studies[0].setup.tasks) == ["depth", "seg"]


def test_one_task_alone_can_be_pruned_but_not_compared() -> None:
    assert list(plans("sample", "--tasks", "edge")) == ["sparsity"]
    for table in ("similarity", "cotraining"):
        with pytest.raises(UserError, match=f"--table {table}.*two or more"):
            plans("sample", "--tasks", "edge", tables=[table])


def test_an_unknown_method_is_named_with_the_choices() -> None:
    with pytest.raises(UserError, match="'spam'.*rigl"):
        plans("sample", methods=[*PUBLISHED_METHODS, "spam"])
    with pytest.raises(UserError, match="--methods"):
        plans("sample", methods=[])


def test_each_further_seed_has_a_folder_of_its_own_and_comes_after_the_others_are_whole() -> None:
    plan = plans("nyuv2", "--dest", "out", "--seed", 3, tables=["cotraining"], num_seeds=3)["cotraining"]
    assert len(plan.rows) == 6 and len(plan.runs) == 18
    places = [(run.setup.seed, run.setup.dest) for run in plan.runs]
    folder = Path("out/cotraining")
    assert places[:6] == [(3, folder)] * 6, "where a single seed lies too"
    assert places[6:12] == [(4, folder / "seed_4")] * 6 and places[12:] == [(5, folder / "seed_5")] * 6
    assert names(plan.runs)[6:8] == ["nyuv2_baseline_seg", "nyuv2_baseline_sn"]
    words = plan.rows[5][2].command("train")
    assert words[words.index("--seed") + 1] == "5" and words[words.index("--dest") + 1] == "out/cotraining/seed_5"


def test_sparse_networks_of_a_seed_are_pruned_from_the_dense_one_of_that_seed() -> None:
    plan = plans("sample", tables=["sparsity"], methods=["disparse_pt"], num_seeds=2)["sparsity"]
    dense, sparse = plan.rows
    assert [run.source.job.last for run in sparse if run.source] == [run.job.last for run in dense]
    assert [run.setup.seed for run in dense] == [0, 1]
    assert len(all_runs([plan])) == 4
