"""group_tasks.py as a user runs it."""

import hashlib
import json
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from conftest import Script, assert_user_error, tiny
from PIL import Image

NAMES = ("seg", "sn", "depth", "keypoint", "edge")


def gains(dataset: str = "sample", tasks: tuple[str, ...] = NAMES) -> dict[str, Any]:
    """Alone every task reaches 1; the first two help each other by half, all other pairs harm each other."""
    def value(group: tuple[str, ...]) -> float:
        return 1.0 if len(group) == 1 else 1.5 if group == tasks[:2] else 0.9

    runs = [{"tasks": list(group), "seed": seed, "value": dict.fromkeys(group, value(group) + 0.01 * seed)}
            for size in (1, 2) for group in combinations(tasks, size) for seed in (0, 1, 2)]  # fmt: skip
    return {"schema": 1, "dataset": dataset, "tasks": list(tasks), "metric": dict.fromkeys(tasks, "m"),
            "higher_is_better": dict.fromkeys(tasks, True), "runs": runs}  # fmt: skip


def relatedness() -> dict[str, Any]:
    """Two estimators: to ``labels`` edge and keypoint are as close as twins, ``snip`` sees nothing."""
    def value(a: str, b: str, close: float) -> float | None:
        return None if a == b else close if {a, b} == {"edge", "keypoint"} else 0.1

    def matrix(close: float, replicate: int) -> list[list[float | None]]:
        rows = [[value(a, b, close) for b in NAMES] for a in NAMES]
        return [[None if cell is None else cell + 0.01 * replicate for cell in row] for row in rows]

    def estimator(close: float, ceiling: float) -> dict[str, Any]:
        floor = [[[None if value is None else 0.1 for value in row] for row in matrix(close, 0)]] * 3
        return {"directed": True, "needs": "labels", "options": {}, "values": [matrix(close, r) for r in range(3)],
                "floor": floor, "ceiling": [[ceiling + 0.01 * r] * 5 for r in range(3)],
                "sensitivity": 0.3 if ceiling < 0.2 else 99.0}  # fmt: skip

    layers = ["backbone.conv1.weight", "backbone.blocks.0.0.conv1.weight", "backbone.blocks.0.0.conv2.weight"]
    by_layer = {"layers": layers, "values": [[matrix(close, 0) for close in (0.9, 0.8, 0.1)]] * 3,
                "floor": None, "ceiling": None}  # fmt: skip
    return {"schema": 1, "dataset": "sample", "tasks": list(NAMES), "replicates": 3, "num_batches": 3, "config": {},
            "provenance": {}, "estimators": {"labels": estimator(0.9, 1.0) | {"by_layer": by_layer},
                                             "snip": estimator(0.9, 0.1)}}  # fmt: skip


def written(folder: Path, name: str, contents: dict[str, Any]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(json.dumps(contents))
    return folder / name


def test_gains_written_by_hand(run_script: Script, tmp_path: Path) -> None:
    path = written(tmp_path, "gains.json", gains("my rooms", ("a", "b", "c")))
    result = run_script("group_tasks.py", path, "--budget", 2, own_process=True)
    assert result.returncode == 0, result.stderr
    dest = tmp_path / "results" / "my rooms"
    found = json.loads((dest / "groups.json").read_text())
    assert [group["tasks"] for group in found["groups"]] == [["a", "b"], ["c"]]
    assert found["value"] == pytest.approx(1 / 3 / 1.01) and found["source"] == "gains"
    assert found["identity"] == {"values": hashlib.sha256(path.read_bytes()).hexdigest(), "seed": 0}
    assert (found["budget"], found["by"], found["cover"], found["schema"]) == (2, "networks", False, 1)
    assert (found["stability"], found["all_alone"], found["over_budget"]) == (1, 0, ["all_alone"])
    assert found["runner_up"]["value"] < found["value"] and found["evidence"]["beyond_chance"]
    assert Image.open(dest / "groups.png").size[0] > 1000
    for words in ("Best, worth +33.0 %", "python launch_training.py --dataset 'my rooms' --tasks a,b\n",
                  "(for --dataset, name the YAML file of 'my rooms')"):  # fmt: skip
        assert words in result.stdout


def test_an_estimator_and_where_its_groups_part(run_script: Script, rooms: Path, tmp_path: Path) -> None:
    written(tmp_path / "results" / "sample", "relatedness.json", relatedness())
    flags = [*tiny(rooms), "--branch", "--budget", "2x"]
    result = run_script("group_tasks.py", *flags, "--cover", "--by", "parameters")
    assert result.returncode == 0, result.stderr
    found = json.loads((tmp_path / "results" / "sample" / "groups.json").read_text())
    assert found["source"] == "labels" and ["keypoint", "edge"] in [group["tasks"] for group in found["groups"]]
    assert found["cost"] <= found["budget"] == 2 * sum_of_parts(rooms)
    (branch,) = (branch for branch in found["branches"] if branch["tasks"] == ["keypoint", "edge"])
    assert (branch["after"], branch["source"]) == ("backbone.blocks.0.0.conv1", "labels by layer")
    assert f"launch_training.py --data_root {rooms} --tasks keypoint,edge --num_workers 0 --set" in result.stdout
    contents = relatedness()
    contents["estimators"] = dict(reversed(contents["estimators"].items()))
    written(tmp_path / "results" / "sample", "relatedness.json", contents)
    assert "by labels" in run_script("group_tasks.py", *flags).stdout, "the first that can tell a twin from noise"
    result = run_script("group_tasks.py", *flags, "--estimator", "snip", "--tasks", "seg,depth,edge")
    assert result.returncode == 0, result.stderr
    assert "No evidence for any grouping: on this data snip cannot tell a task's exact twin from noise" in result.stdout
    assert "--branch: nothing is known by layer of seg+depth+edge; first run: python static_similarity" in result.stdout


def sum_of_parts(rooms: Path) -> int:
    """Parameters of the small network for all tasks."""
    from configs import load_config
    from models import build_network
    from training.costs import parameters

    config = load_config("sample", ["model.width=4", "model.head_channels=4"])
    return parameters(build_network(config.model, {name: task.channels for name, task in config.tasks.items()})).dense


def test_a_budget_of_multiply_adds_needs_the_settings(run_script: Script, rooms: Path, tmp_path: Path) -> None:
    path = written(tmp_path, "gains.json", gains())
    result = run_script("group_tasks.py", path, *tiny(rooms), "--by", "multiply_adds", "--tasks", "sn,seg,edge")
    assert result.returncode == 0, result.stderr
    found = json.loads((tmp_path / "results" / "sample" / "groups.json").read_text())
    assert found["tasks"] == ["sn", "seg", "edge"]
    assert [group["tasks"] for group in found["groups"]] == [["sn", "seg"], ["edge"]]
    assert found["cost"] < found["budget"] and found["over_budget"] == []


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["none.json"], ["none.json: no such file"]),
        (["gains.json", "--estimator", "snip"], ["--estimator", "holds measured gains"]),
        (["relatedness.json", "--estimator", "x"], ["--estimator", "no 'x'; it has labels, snip"]),
        (["other.json"], ["neither relatedness (estimators) nor measured gains (runs)"]),
        (["gains.json", "--budget", "some"], ["--budget: 'some' is neither a number"]),
        (["gains.json", "--budget", "0.5"], ["--budget: one network for all tasks costs 1 already"]),
        (["gains.json", "--budget", "1", "--max_size", "2"], ["--max_size: 5 tasks in groups of up to 2"]),
        (["gains.json", "--dataset", "nyuv2"], ["--dataset: nyuv2, but the values are of sample"]),
        (["gains.json", "--tasks", "seg,x"], ["--tasks: nothing is known of 'x'"]),
        (["gains.json", "--tasks", "seg"], ["--tasks: seg; groups are of several tasks"]),
        (["mine.json", "--by", "parameters"], ["mine"]),
        ([], ["results/sample/relatedness.json: no such file; task_relatedness.py writes it"]),
    ],
)
def test_mistakes_are_named(run_script: Script, tmp_path: Path, flags: list[str], words: list[str]) -> None:
    written(tmp_path, "gains.json", gains())
    written(tmp_path, "mine.json", gains("mine"))
    written(tmp_path, "other.json", {"schema": 1})
    written(tmp_path, "relatedness.json", relatedness())
    assert_user_error(run_script("group_tasks.py", *flags), *words)
