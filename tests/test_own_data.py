"""The example of docs/own_data.md, word for word, on a few generated pictures."""

import json
import re
from pathlib import Path

import pytest
from conftest import Script, assert_user_error
from small_data import make_aerial, make_street


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


def test_dense_and_image_level_tasks_go_through_every_script(tmp_path: Path, run_script: Script) -> None:
    street = make_street(tmp_path / "street")
    flags = ["--dataset", street / "street.yaml", "--data_root", street, "--dest", tmp_path / "out", "--num_workers", 0]
    prune = ["--method", "disparse_static", "--ratio", 50]
    train = ["--set", "train.max_iters=2", "--set", "train.eval_interval=1"]
    for script in (
        ["static_similarity.py", "--num_batches", 1, "--num_seeds", 1, "--sparsities", 50],
        ["task_relatedness.py", "--estimators", "snip,labels,readout,gradient_cosine", "--replicates", 2,
         "--num_batches", 2, "--set", "data.val_share=0", "--set", "data.batch_size=2"],
        ["create_pruned_net.py", *prune, "--num_batches", 1],
        ["launch_training.py", *prune, *train],
        ["eval_pruned_net.py", *prune, *train, "--constant"],
    ):  # fmt: skip
        result = run_script(script[0], *flags, *script[1:])
        assert result.returncode == 0, result.stderr
    found = json.loads((tmp_path / "out" / "eval_street_disparse_static_50.json").read_text())
    assert list(found["metrics"]) == ["seg", "weather", "cars"]
    assert 0 <= found["metrics"]["weather"]["accuracy"] <= 1 and found["metrics"]["cars"]["mae"] > 0
    assert found["constant"]["weather"]["accuracy"] == pytest.approx(4 / 7)
    assert found["details"]["split"] == "val"
    report = json.loads((tmp_path / "out" / "similarity.json").read_text())
    assert 0 < report["table"]["equal_X_iou"]["s50_X_seg_X_weather"] < 1
    related = json.loads((tmp_path / "out" / "relatedness.json").read_text())["estimators"]
    assert related["labels"]["values"][0][1][2] is not None


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


BACKBONES = """

def quitting(config):
    raise SystemExit

class Failing(torch.nn.Module):
    out_channels = 4

    def __init__(self, config):
        super().__init__()
        self.layer = torch.nn.Conv2d(3, 4, 3)

    def forward(self, images):
        return images.no_such_thing
"""


@pytest.mark.parametrize(
    ("old", "new", "backbone", "said"),
    [
        ("class Aerial(", "exit()\nclass Aerial(", None, r"yaml: data\.dataset\): .* SystemExit.*, in <module>\)"),
        ("        self.images =", "        exit(0)\n        self.images =", None, r"data\.dataset\): .* in __init__\)"),
        ("        error =", "        exit(0)\n        error =", None, r"yaml: tasks\.height\.kind\): .*, in loss\)"),
        ("        error =", "        1 / 0\n        error =", None, r"height\.kind\): .* ZeroDivisionError.* loss\)"),
        ("", "", "aerial_data:quitting", r"backbone \(model\.backbone\): .* SystemExit \(.*, in quitting\)"),
        ("", "", "aerial_data:Failing", r"\(model\.backbone\): .*AttributeError: .*no_such_thing.*, in forward\)"),
    ],
)
def test_errors_of_the_users_code_are_named_and_never_end_in_success(
    aerial: Path, run_script: Script, old: str, new: str, backbone: str | None, said: str
) -> None:
    module = aerial / "aerial_data.py"
    module.write_text(module.read_text().replace(old, new) + BACKBONES)
    flags = ["--set", f"model.backbone={backbone}"] if backbone else []
    result = run_script(
        "static_similarity.py", "--dataset", aerial / "aerial.yaml", "--data_root", aerial, "--num_batches", 1,
        "--num_workers", 0, "--sparsities", 50, *flags,
    )  # fmt: skip
    assert result.returncode == 2, result.stderr
    lines = [line for line in result.stderr.replace("\r", "\n").splitlines() if line.strip() and "%|" not in line]
    assert re.search(rf"^error: .*{said}; correct it there$", lines[0]), result.stderr
    assert len(lines) > 1 and all(line.startswith("  ") for line in lines[1:]), "the user's own frames"
    assert str(module) in lines[1] and "static_similarity.py" not in result.stderr
