"""eval_pruned_net.py as a user runs it: on our networks, on published ones, and on what is neither."""

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import numpy as np
import pytest
import torch
from conftest import Script, assert_user_error, tiny
from published_names import to_published
from small_data import make_nyuv2, write_png
from small_training import setup_for
from torch import Tensor

from dataloaders import evaluation_loader, open_dataset
from dataloaders.datasets.taskonomy import decode_labels
from dataloaders.readers import read_grey8
from prune_utils.apply import apply_masks
from prune_utils.layers import weights
from runtime.setup import Setup
from tasks import Task
from training.checkpoints.checkpoint import capture, write_checkpoint
from training.evaluation import evaluate
from training.names import best_path, final_path, pruned_path
from training.predicting import predict

Evaluate = Callable[..., CompletedProcess]
TASKS = ["--tasks", "seg,depth"]


@pytest.fixture
def evaluate_script(run_script: Script, rooms: Path) -> Evaluate:
    """Run the script on small pictures, with results in ``out``."""
    flags = [*tiny(rooms), "--device", "cpu", "--dest", "out"]
    return lambda *more: run_script("eval_pruned_net.py", *flags, *more)


@pytest.fixture
def setup(rooms: Path, tmp_path: Path) -> Setup:
    return setup_for(rooms, tmp_path / "out", *TASKS)


def tenth(net: torch.nn.Module) -> dict[str, Tensor]:
    """Masks that keep the first tenth of every layer, rounded up."""
    return {name: torch.arange(w.numel()).view(w.shape) * 10 < w.numel() for name, w in weights(net).items()}


def test_metrics_arrows_sparsity_and_cost(evaluate_script: Evaluate, setup: Setup, tmp_path: Path) -> None:
    net = setup.network(3)
    apply_masks(net, tenth(net))
    path = final_path(setup.dest, "sample_random_90_seg_depth")
    write_checkpoint(path, capture(setup, net, "random", 90, details={"iteration": 5}))
    result = evaluate_script(*TASKS, "--method", "random", "--ratio", "90")
    assert result.returncode == 0, result.stderr
    contents = json.loads((tmp_path / "out" / "eval_sample_random_90_seg_depth.json").read_text())
    expected = evaluate(net, setup)
    for name, values in expected.items():
        assert contents["metrics"][name] == pytest.approx(values, nan_ok=True)
    kept, numel = (sum(int(f(m)) for m in tenth(net).values()) for f in (torch.sum, torch.numel))
    assert contents["sparsity"]["all"] == pytest.approx(100 * (1 - kept / numel))
    assert contents["sparsity"]["layers"]["backbone.conv1"] == {
        "kept": 59, "pruned": 529, "weights": 588, "sparsity": pytest.approx(89.966, abs=1e-3)
    }  # fmt: skip
    every = sum(parameter.numel() for parameter in net.parameters())
    assert contents["parameters"] == {"dense": every, "sparse": every - numel + kept}
    assert contents["multiply_adds"]["image"] == [48, 48]
    assert 0.09 < contents["multiply_adds"]["sparse"] / contents["multiply_adds"]["dense"] < 0.12
    assert contents["checkpoint_bytes"] == path.stat().st_size
    assert contents["higher_is_better"]["depth"]["abs_err"] is False
    assert set(contents["by_class"]) == {"seg"}  # depth has no classes
    by_class = {name: value for name, value in contents["by_class"]["seg"]["IoU"].items() if value is not None}
    assert set(by_class) <= set(setup.tasks["seg"].class_names or ()) and "wall" in by_class
    assert sum(by_class.values()) / len(by_class) == pytest.approx(expected["seg"]["mIoU_standard"])
    table = " ".join(result.stdout.split())
    assert f"depth abs_err ↓ {expected['depth']['abs_err']:.4f}" in table
    assert f"seg mIoU ↑ {expected['seg']['mIoU']:.4f}" in table
    assert "seg by class: IoU" in table and f"wall {by_class['wall']:.4f}" in table
    assert f"Parameters: {every:,} dense, {every - numel + kept:,} sparse" in result.stdout


def test_the_best_constant_stands_beside_it(evaluate_script: Evaluate, setup: Setup, tmp_path: Path) -> None:
    net = setup.network(0)
    write_checkpoint(final_path(setup.dest, "sample_baseline_seg_depth"), capture(setup, net, "baseline", None))
    result = evaluate_script(*TASKS, "--constant")
    assert result.returncode == 0, result.stderr
    assert "best constant" in result.stdout
    constant = json.loads((tmp_path / "out" / "eval_sample_baseline_seg_depth.json").read_text())["constant"]
    train, test = (
        next(iter(evaluation_loader(setup.config, setup.keys, batch_size=99, num_workers=0, split=split)))
        for split in ("train", "test")
    )
    majority = train["seg"].flatten().mode().values
    assert constant["seg"]["pixel_acc_valid_pixels"] == pytest.approx((test["seg"] == majority).float().mean().item())
    median = train["depth"][train["depth_mask"] > 0].median()
    error = (test["depth"] - median).abs()[test["depth_mask"] > 0].mean().item()
    assert constant["depth"]["abs_err"] == pytest.approx(error, abs=1e-4)


def test_the_final_network_comes_before_the_best_and_the_merely_pruned(
    evaluate_script: Evaluate, setup: Setup, tmp_path: Path
) -> None:
    run = "sample_random_90_seg_depth"
    for path in (pruned_path(setup, "random", 90), best_path(setup.dest, run), final_path(setup.dest, run)):
        write_checkpoint(path, capture(setup, setup.network(), "random", 90))
        assert evaluate_script(*TASKS, "--method", "random").returncode == 0
        contents = json.loads((tmp_path / "out" / f"eval_{run}.json").read_text())
        assert Path(contents["checkpoint"]).name == path.name


def published(setup: Setup, path: Path, masked: bool) -> None:
    """The network of seed 3 as the published code saves it."""
    net, state = setup.network(3), {}
    masks = tenth(net) if masked else {}
    for name, value in net.state_dict().items():
        key = "module." + to_published(name, list(setup.tasks))
        state[f"{key}_orig" if name in masks else key] = value
        if name in masks:
            state[f"{key}_mask"] = masks[name].float()
    torch.save(state, path)


@pytest.mark.parametrize("masked", [False, True])
def test_a_published_network(masked: bool, evaluate_script: Evaluate, setup: Setup, tmp_path: Path) -> None:
    published(setup, tmp_path / "theirs.pth", masked)
    result = evaluate_script(*TASKS, "--checkpoint", "theirs.pth")
    assert result.returncode == 0, result.stderr
    contents = json.loads((tmp_path / "out" / "eval_theirs.json").read_text())
    net = setup.network(3)
    apply_masks(net, tenth(net) if masked else {})
    assert contents["metrics"]["depth"] == pytest.approx(evaluate(net, setup)["depth"], nan_ok=True)
    assert contents["method"] == "published"
    assert (contents["sparsity"]["all"] > 89) == masked


def test_a_published_network_of_other_tasks_names_what_differs(
    evaluate_script: Evaluate, setup: Setup, tmp_path: Path
) -> None:
    published(setup, tmp_path / "theirs.pth", masked=False)
    fewer = evaluate_script("--tasks", "seg", "--checkpoint", "theirs.pth")
    assert_user_error(fewer, "theirs.pth", "head for task 2", "--tasks")
    more = evaluate_script("--tasks", "seg,depth,edge", "--checkpoint", "theirs.pth")
    assert_user_error(more, "theirs.pth", "heads.edge")
    others = evaluate_script("--tasks", "sn,depth", "--checkpoint", "theirs.pth")
    assert_user_error(others, "theirs.pth", "heads.sn", "(17,", "(3,")


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ([], ["no final_sample_baseline.pth", "first run: python launch_training.py --method baseline --data_root"]),
        (["--checkpoint", "nothing.pth"], ["no such checkpoint", "nothing.pth"]),
        (["--checkpoint", "text.pth"], ["text.pth"]),
        (["--method", "dense"], ["--method", "(--method; baseline: a dense network)"]),
        (["--ratio", "0"], ["--ratio"]),
    ],
)
def test_mistakes_are_one_line(flags: list[str], words: list[str], evaluate_script: Evaluate, tmp_path: Path) -> None:
    (tmp_path / "text.pth").write_text("hello")
    assert_user_error(evaluate_script(*flags), *words)


def test_our_network_of_other_tasks_says_which(evaluate_script: Evaluate, setup: Setup) -> None:
    path = final_path(setup.dest, "any")
    write_checkpoint(path, capture(setup, setup.network(), "baseline", None))
    result = evaluate_script("--tasks", "seg,edge", "--checkpoint", str(path))
    assert_user_error(result, "has the tasks seg,depth", "--tasks seg,depth")


def test_some_of_a_networks_tasks(evaluate_script: Evaluate, setup: Setup, tmp_path: Path) -> None:
    net = setup.network(3)
    apply_masks(net, tenth(net))
    path = final_path(setup.dest, "any")
    write_checkpoint(path, capture(setup, net, "random", 90))
    both = evaluate(net, setup)
    result = evaluate_script("--tasks", "depth", "--checkpoint", str(path))
    assert result.returncode == 0, result.stderr
    contents = json.loads((tmp_path / "out" / "eval_final_any_depth.json").read_text())
    assert contents["metrics"] == {"depth": pytest.approx(both["depth"], nan_ok=True)}
    assert set(contents["sparsity"]["parts"]) == {"backbone", "heads.depth", "all"}
    assert not (tmp_path / "out" / "eval_final_any.json").exists()


def test_a_folder_of_images_is_predicted_for(evaluate_script: Evaluate, setup: Setup, tmp_path: Path) -> None:
    net = setup.network(3)
    write_checkpoint(final_path(setup.dest, "any"), capture(setup, net, "baseline", None))
    pixels = np.random.default_rng(0).integers(0, 256, (40, 56, 3), dtype=np.uint8)
    write_png(tmp_path / "mine" / "a.png", pixels)
    (tmp_path / "mine" / "notes.txt").write_text("none of these")
    flags = [*TASKS, "--checkpoint", str(setup.dest / "final_any.pth"), "--predict"]
    result = evaluate_script(*flags, "mine")
    assert result.returncode == 0, result.stderr
    out = tmp_path / "out" / "predictions_final_any"
    assert sorted(path.name for path in out.iterdir()) == ["a_depth.png", "a_look.png", "a_seg.png"]
    blue_first = torch.from_numpy(pixels[..., ::-1].copy()).permute(2, 0, 1)
    image = open_dataset(setup.config, "test", ()).normalisation(blue_first)
    classes = predict(net, setup.tasks, image)["seg"]
    assert classes.shape == (1, 40, 56)
    assert torch.equal(decode_labels(read_grey8(out / "a_seg.png")), classes)
    assert not (tmp_path / "out" / "eval_final_any.json").exists()
    (tmp_path / "mine" / "a.jpg").write_bytes(b"")
    assert_user_error(evaluate_script(*flags, "mine"), "--predict", "a.jpg", "a.png", "rename one")
    assert_user_error(evaluate_script(*flags, "out"), "--predict: out holds no image")
    assert_user_error(evaluate_script(*flags, "nowhere"), "--predict: nowhere", "name a folder")


def test_undefined_metrics_are_null_and_say_so(
    evaluate_script: Evaluate, setup: Setup, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = final_path(setup.dest, "sample_baseline_seg_depth")
    write_checkpoint(path, capture(setup, setup.network(), "baseline", None))
    kind: type[Task] = type(setup.tasks["depth"])
    undefined = dict.fromkeys(kind.higher_is_better, float("nan"))
    monkeypatch.setattr(type(setup.tasks["depth"].new_metrics()), "compute", lambda self: undefined)
    result = evaluate_script(*TASKS)
    contents = json.loads((tmp_path / "out" / "eval_sample_baseline_seg_depth.json").read_text())
    assert set(contents["metrics"]["depth"].values()) == {None}
    assert "undefined" in result.stdout


@pytest.mark.slow
def test_a_published_full_size_pruned_network_of_nyuv2(run_script: Script, shared: Path, tmp_path: Path) -> None:
    nets = json.loads((shared / "golden" / "state_dict.json").read_text())["nets"]
    state = {}
    for key, shape in nets["[40,3,1]"]["pruned_state_dict"]:
        value = torch.full((1,), 0.01).expand(shape) if shape else torch.tensor(0)
        state[f"module.{key}"] = (torch.arange(value.numel()).view(shape) % 10 == 0).float() if "mask" in key else value
    torch.save(state, tmp_path / "theirs.pth")
    root = tmp_path / "nyu"
    root.mkdir()
    make_nyuv2(root, size=(48, 64))
    flags = ["--dataset", "nyuv2", "--data_root", root, "--device", "cpu", "--num_workers", "0", "--dest", "out"]
    result = run_script("eval_pruned_net.py", *flags, "--checkpoint", "theirs.pth")
    assert result.returncode == 0, result.stderr
    contents = json.loads((tmp_path / "out" / "eval_theirs.json").read_text())
    assert contents["parameters"]["dense"] == nets["[40,3,1]"]["num_parameters"]
    assert contents["sparsity"]["all"] == pytest.approx(90, abs=1e-2)
