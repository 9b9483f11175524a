"""static_similarity.py as a user runs it: results, repeated and interrupted runs, processes, mistakes."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from conftest import REPOSITORY, Script, assert_user_error, tiny
from PIL import Image

from reports.similarity.report import read_report
from runtime.identity import Identity, differing

RUN = ["--num_batches", 2, "--num_seeds", 2, "--dest", "out"]


def shown(output: str) -> str:
    """What a run prints, less what it cost."""
    return "\n".join(line for line in output.splitlines() if not line.startswith(("Cost", "  ")))


@pytest.fixture
def similarity(run_script: Script, rooms: Path):
    def run(*arguments: object, **options: bool) -> subprocess.CompletedProcess:
        return run_script("static_similarity.py", *tiny(rooms), *RUN, *arguments, **options)

    return run


def test_a_run_writes_the_whole_table_and_prints_one_matrix(similarity, tmp_path: Path) -> None:
    result = similarity("--save_masks", "--table_json", "table.json")
    assert result.returncode == 0, result.stderr
    report = json.loads((tmp_path / "out" / "similarity.json").read_text())
    assert report["tasks"] == ["seg", "sn", "depth", "keypoint", "edge"]
    assert len(report["table"]) == 28
    assert all(len(row) == 5 * 10 for row in report["table"].values())
    assert report["keep_ratios"] == {"30": 0.7, "50": 0.5, "70": 0.3, "90": 0.1}
    assert report["provenance"]["seconds"]["scoring"] > 0
    assert json.loads((tmp_path / "table.json").read_text()) == report["table"]
    with Image.open(tmp_path / "out" / "similarity.png") as picture:
        assert picture.width > 800
    for words in ("seg", "edge", "\N{PLUS-MINUS SIGN}", "most similar first", "20 times backwards", "similarity.json"):
        assert words in result.stdout
    masks = np.load(next((tmp_path / "out" / "statistics").glob("*seed1*.masks.npz")))
    shape = masks["seg/90/backbone.conv1.weight/shape"]
    assert shape.tolist() == [4, 3, 7, 7]
    read_report(tmp_path / "out" / "similarity.json")


def test_the_same_command_writes_the_same_numbers_with_any_number_of_workers(similarity, tmp_path: Path) -> None:
    assert similarity().returncode == 0
    assert similarity("--dest", "other", "--num_workers", "2").returncode == 0
    first, second = (json.loads((tmp_path / d / "similarity.json").read_text()) for d in ("out", "other"))
    assert first["table"] == second["table"]
    assert first["layers"] == second["layers"]


def test_a_second_run_does_not_score_and_a_changed_setting_does(similarity, monkeypatch, tmp_path: Path) -> None:
    first = similarity()
    calls: list[int] = []
    original = sys.modules["prune_utils.scores"].gradient_magnitudes

    def counting(*arguments, **options):
        calls.append(1)
        return original(*arguments, **options)

    monkeypatch.setattr("runtime.passes.gradient_magnitudes", counting)
    second = similarity()
    assert second.returncode == 0 and not calls
    assert "no scoring" in second.stdout
    assert shown(first.stdout) == shown(second.stdout)
    similarity("--sim_method", "iou", "--layer_method", "linear")
    assert not calls
    similarity("--num_seeds", 3)
    assert len(calls) == 1, "one more seed is one more to score"
    for change in (["--seed", 5], ["--num_batches", 1], ["--set", "data.crop=39"], ["--set", "tasks.sn.weight=9"],
                   ["--sparsities", "90"], ["--keep_ratio", "exact"],
                   ["--set", "scoring.keep_ratios={static: {90: 0.5}}"], ["--tasks", "sn,seg", "--dest", "two"],
                   ["--force_run"],
                   ["--precision", "bf16"]):  # fmt: skip
        calls.clear()
        assert similarity(*change).returncode == 0
        assert len(calls) == 2, change
    similarity("--set", "train.lr=0.5")
    assert len(calls) == 2, "the learning rate does not change the scores"


def test_results_carry_the_identity_of_their_work(similarity, tmp_path: Path) -> None:
    similarity("--sim_method", "iou")
    report = json.loads((tmp_path / "out" / "similarity.json").read_text())
    whole = Identity.model_validate(report["identity"])
    assert whole.stage == "scores" and whole.settings["seeds"] == [0, 1] and whole.complete
    for seed in (0, 1):
        [file] = (tmp_path / "out" / "statistics").glob(f"sample_seed{seed}_*.npz")
        kept = Identity.model_validate_json(str(np.load(file)["identity"]))
        assert file.stem.endswith(f"_{kept.key}") and kept.settings["seeds"] == [seed]
        assert differing(kept, whole)[0] == f"seeds was [{seed}] and is [0, 1]"


def test_a_number_and_exact_keep_ratios(similarity, tmp_path: Path) -> None:
    def ratios() -> dict[str, float]:
        return json.loads((tmp_path / "out" / "similarity.json").read_text())["keep_ratios"]

    similarity("--keep_ratio", "0.2", "--sparsities", "90")
    assert ratios() == {"90": 0.2}
    similarity("--keep_ratio", "exact", "--sparsities", "50,90")
    exact = ratios()
    assert 0 < exact["90"] < exact["50"] < 1
    assert exact["90"] < 0.1, "tasks lean on different weights, so each keeps less than the merged network"


@pytest.mark.parametrize(("number", "workers"), [(signal.SIGINT, "0"), (signal.SIGTERM, "1")])
def test_interrupted_a_run_keeps_finished_seeds_and_the_next_goes_on(
    rooms: Path, tmp_path: Path, run_script: Script, number: int, workers: str
) -> None:
    flags = [*tiny(rooms), "--num_workers", workers, "--num_batches", "4", "--num_seeds", "60"]
    flags += ["--dest", str(tmp_path / "out")]
    command = [sys.executable, str(REPOSITORY / "static_similarity.py"), *flags]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    process = subprocess.Popen(command, text=True, start_new_session=True, **pipes)
    kept = tmp_path / "out" / "statistics"
    deadline = time.monotonic() + 120
    while not list(kept.glob("*seed1_*.npz")) and time.monotonic() < deadline:
        time.sleep(0.02)
    os.killpg(process.pid, number)  # the workers get it as well, as from a terminal or a batch system
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted" in err and "Traceback" not in err
    assert not (tmp_path / "out" / "similarity.json").exists()
    finished = len(list(kept.glob("*.npz")))
    assert 2 <= finished < 60
    assert not list(kept.glob(".*")), "nothing half-written"
    result = run_script("static_similarity.py", *flags[:-4], "--num_seeds", finished + 1, "--dest", tmp_path / "out")
    assert f"{finished} {'seed' if finished == 1 else 'seeds'} kept from earlier runs" in result.stdout


def test_two_processes_give_what_one_gives(rooms: Path, tmp_path: Path, similarity) -> None:
    assert similarity("--num_batches", 3).returncode == 0
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
    command += [str(REPOSITORY / "static_similarity.py"), *tiny(rooms), *map(str, RUN), "--num_batches", "3"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    command[command.index("out")] = "two"
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=240, env=environment)
    assert result.returncode == 0, result.stderr
    assert result.stdout.count("most similar first") == 1
    one, two = (json.loads((tmp_path / d / "similarity.json").read_text())["table"] for d in ("out", "two"))
    for row, values in one.items():
        assert two[row] == pytest.approx(values, abs=2e-3), row


def test_a_data_set_without_one_of_its_domains_works_for_the_other_tasks(rooms, run_script, tmp_path) -> None:
    shutil.copytree(rooms, tmp_path / "partial")
    for folder in (tmp_path / "partial").glob("*/segmentsemantic"):
        shutil.rmtree(folder)
    partial = [*tiny(tmp_path / "partial"), "--num_batches", 1, "--num_seeds", 1, "--dest", "out"]
    assert run_script("static_similarity.py", *partial, "--tasks", "sn,edge").returncode == 0
    other = run_script("static_similarity.py", *partial, "--tasks", "sn,seg", "--force_run")
    assert_user_error(other, "segmentsemantic")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--dataset", "nyu"], ["--dataset", "nyu", "nyuv2"]),
        (["--dataset", "missing.yaml"], ["missing.yaml", "no such file"]),
        (["--tasks", "seg,spam"], ["--tasks", "spam", "keypoint"]),
        (["--tasks", "seg,seg"], ["--tasks", "twice"]),
        (["--tasks", "seg"], ["--tasks", "two or more"]),
        (["--sparsities", "0,101,x"], ["--sparsities", "'0'"]),
        (["--sparsities", "30,30"], ["--sparsities", "once"]),
        (["--sim_method", "cosine"], ["--sim_method", "cosine", "masked_sals"]),
        (["--keep_ratio", "2"], ["--keep_ratio", "2"]),
        (["--keep_ratio", "0.3"], ["--keep_ratio", "--sparsities"]),
        (["--num_batches", "0"], ["--num_batches", "'0'"]),
        (["--device", "cuda:99"], ["--device"]),
        (["--device", "tpu"], ["--device", "tpu"]),
        (["--set", "model.with=4"], ["sample.yaml", "model.with", "unknown key"]),
        (["--set", "data.crop=big"], ["sample.yaml", "data.crop"]),
        (["--set", "crop"], ["--set", "section.key=value"]),
        (["--set", "data.options.size=0"], ["data.options.size"]),
        (["--dest", "/proc/nowhere"], ["--dest", "/proc/nowhere"]),
        (["--spam"], ["--spam", "--help"]),
    ],
)
def test_a_mistake_is_one_line_and_status_2(similarity, tmp_path: Path, arguments: list[str], words: list[str]) -> None:
    assert_user_error(similarity(*arguments), *words)
    assert not list(tmp_path.rglob("similarity.*"))


def test_a_folder_without_the_data_set_is_named(run_script: Script) -> None:
    result = run_script("static_similarity.py", "--dataset", "nyuv2", "--data_root", "/nowhere/at/all")
    assert_user_error(result, "/nowhere/at/all/nyu_v2_3task.json", "--data_root")
    assert_user_error(run_script("static_similarity.py", "--dataset", "nyuv2"), "--data_root")


def test_cuda_where_there_is_none(similarity, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert_user_error(similarity("--device", "cuda"), "--device", "no CUDA", "--device cpu")


def test_a_corrupt_image_is_named_or_skipped(rooms: Path, run_script: Script, tmp_path: Path) -> None:
    shutil.copytree(rooms, tmp_path / "broken")
    index = json.loads((rooms / "taskonomy.json").read_text())
    image = tmp_path / "broken" / index["train"][2][0]
    image.write_bytes(image.read_bytes()[:200])
    broken = [*tiny(tmp_path / "broken"), "--num_batches", 6, "--num_seeds", 1, "--dest", "out"]
    assert_user_error(run_script("static_similarity.py", *broken), image.name)
    assert not (tmp_path / "out" / "similarity.json").exists()
    result = run_script("static_similarity.py", *broken, "--set", "data.on_error=skip")
    assert result.returncode == 0, result.stderr
    assert "skipped" in result.stderr and image.name in result.stderr


def test_real_nyuv2_frames_give_the_reports_order(shared: Path, run_script: Script, tmp_path: Path) -> None:
    result = run_script(
        "static_similarity.py", "--dataset", "nyuv2", "--data_root", shared / "data" / "nyuv2_samples",
        "--num_batches", 1, "--num_seeds", 1, "--set", "data.crop=64", "--set", "data.batch_size=3",
        "--set", "model.width=16", "--set", "model.head_channels=64", "--dest", "out",
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    table = json.loads((tmp_path / "out" / "similarity.json").read_text())["table"]
    assert all(0 < value < 1 for value in table["equal_X_masked_sals"].values())


def test_real_rgbd_frames_give_a_matrix_of_four(shared: Path, run_script: Script, tmp_path: Path) -> None:
    result = run_script(
        "static_similarity.py", "--dataset", "taskonomy", "--data_root", shared / "data" / "redkitchen",
        "--tasks", "sn,depth,keypoint,edge", "--num_batches", 1, "--num_seeds", 1, "--set", "data.crop=64",
        "--set", "model.width=8", "--set", "model.head_channels=16", "--dest", "out",
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    report = read_report(tmp_path / "out" / "similarity.json")
    assert report.tasks == ("sn", "depth", "keypoint", "edge")
    assert len(report.select("equal", "masked_sals")) == 6
