"""The example of docs/own_data.md, word for word, on a few generated pictures."""

import json
from pathlib import Path

import pytest
from conftest import Script, assert_user_error
from small_data import make_aerial


@pytest.fixture
def aerial(tmp_path: Path) -> Path:
    return make_aerial(tmp_path / "aerial")


def test_the_documented_example_runs(aerial: Path, run_script: Script, tmp_path: Path) -> None:
    result = run_script(
        "static_similarity.py", "--dataset", aerial / "aerial.yaml", "--data_root", aerial,
        "--num_batches", 1, "--num_seeds", 1, "--sparsities", 50, "--dest", tmp_path / "out",
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    report = json.loads((tmp_path / "out" / "similarity.json").read_text())
    assert (report["dataset"], report["tasks"]) == ("aerial", ["cover", "height", "relief"])
    assert 0 < report["table"]["equal_X_iou"]["s50_X_cover_X_height"] < 1


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("aerial_data:Aerial", "aerial_data:Missing", ["aerial_data", "no attribute 'Missing'"]),
        ("aerial_data:Aerial", "nowhere:Aerial", ["cannot import 'nowhere'"]),
        ("aerial_data:HeightTask", "aerial_data:Aerial", ["tasks.height.kind", "not a subclass"]),
        ("beta: 2", "btea: 2", ["aerial.yaml", "tasks.height.btea"]),
        ("batch_size: 4", "batchsize: 4", ["aerial.yaml", "data.batch"]),
        ("crop: 64", "crop: -64", ["aerial.yaml", "data.crop"]),
        ("target: height", "target: slope", ["no 'slope'", "classes, height"]),
        ("channels: 5", "channels: 3", ["tasks.cover", "0..2"]),
    ],
)
def test_mistakes_in_the_users_files_are_named(
    aerial: Path, run_script: Script, old: str, new: str, words: list[str]
) -> None:
    yaml = aerial / "aerial.yaml"
    yaml.write_text(yaml.read_text().replace(old, new))
    result = run_script(
        "static_similarity.py", "--dataset", yaml, "--data_root", aerial, "--num_batches", 1, "--num_workers", 0
    )
    assert_user_error(result, *words)
