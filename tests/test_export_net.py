"""export_net.py as a user runs it: every form, chosen heads, and what it refuses."""

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from subprocess import CompletedProcess

import pytest
import torch
from conftest import Script, assert_user_error, tiny
from small_training import setup_for
from torch import Tensor

from prune_utils.apply import apply_masks
from prune_utils.layers import weights
from prune_utils.selection import random_mask
from runtime.setup import Setup
from training.checkpoints.checkpoint import capture, read_checkpoint, restore, write_checkpoint
from training.exporting.formats import FORMATS
from training.exporting.source import difference

Run = Callable[..., CompletedProcess]


@pytest.fixture
def run(run_script: Script, rooms: Path) -> Run:
    """Run a script on small pictures, with results in ``out``."""
    return lambda script, *more: run_script(script, *tiny(rooms), "--device", "cpu", "--dest", "out", *more)


@pytest.fixture
def pruned(rooms: Path, tmp_path: Path) -> Path:
    """A network with statistics as after training and with masks of single weights, 90 % of them."""
    setup = setup_for(rooms, tmp_path / "out")
    net = setup.network()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for module in net.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.bias.uniform_(-1, 1)
                module.running_var.uniform_(0.5, 2)
    masks = {n: random_mask(w.shape, round(w.numel() / 10), generator) for n, w in weights(net).items()}
    apply_masks(net, masks)
    path = tmp_path / "out" / "net.pth"
    path.parent.mkdir(exist_ok=True)
    write_checkpoint(path, capture(setup, net, "disparse_static", 90))
    return path


def predictions(setup: Setup, path: Path, image: Tensor) -> dict[str, Tensor]:
    net = setup.network()
    restore(net, read_checkpoint(path, []), path)
    with torch.no_grad():
        return net.eval()(image)


@pytest.mark.slow
def test_every_form_of_some_heads_computes_the_same(run: Run, rooms: Path, pruned: Path) -> None:
    for package in ("torch_pruning", "onnx", "onnxscript", "onnxruntime"):
        pytest.importorskip(package)
    result = run("export_net.py", "--checkpoint", pruned, "--tasks", "depth,seg", "--repeats", "1", "--images", "2")
    assert result.returncode == 0, result.stderr
    out = pruned.parent
    written = {path.name for path in out.glob("[!.]*")}
    assert written == {
        "net.pth", "net_depth_seg_compact.pth", "net_depth_seg_small.pth", "net_depth_seg.pt2", "net_depth_seg.onnx",
        "net_depth_seg_export.json",
    }  # fmt: skip
    file = json.loads((out / "net_depth_seg_export.json").read_text())
    assert [form["form"] for form in file["forms"]] == ["dense", "checkpoint", *FORMATS]
    assert file["tasks"] == ["depth", "seg"] and file["images"] == 2 and file["image"] == [48, 48]
    dense, as_it_is, compact, small, *_ = file["forms"]
    assert as_it_is["multiply_adds"] == compact["multiply_adds"] < 0.15 * dense["multiply_adds"]
    assert compact["size"] < 0.5 * dense["size"] and compact["difference"] == 0 and small["difference"] < 1e-5
    assert all(f"{form['form']} " in result.stdout for form in file["forms"])

    setup = setup_for(rooms, out)
    image = torch.randn(3, 3, 48, 48)
    expected = {task: value for task, value in predictions(setup, pruned, image).items() if task in ("depth", "seg")}
    part = replace(setup, config=setup.config.select_tasks(["depth", "seg"]),
                   tasks={task: setup.tasks[task] for task in ("depth", "seg")})  # fmt: skip
    same = predictions(part, out / "net_depth_seg_compact.pth", image)
    assert all(torch.equal(same[task], value) for task, value in expected.items())
    assert difference(expected, predictions(part, out / "net_depth_seg_small.pth", image)) < 1e-5
    program = torch.export.load(out / "net_depth_seg.pt2").module()
    assert difference(expected, program(image)) < 1e-5
    import onnxruntime

    session = onnxruntime.InferenceSession(out / "net_depth_seg.onnx")
    found = dict(zip(["seg", "depth"], session.run(["seg", "depth"], {"img": image.numpy()}), strict=True))
    assert difference(expected, {task: torch.from_numpy(value) for task, value in found.items()}) < 1e-4


def test_a_channel_pruned_network_goes_through_all_scripts(run: Run, tmp_path: Path) -> None:
    pytest.importorskip("torch_pruning")
    which = ["--method", "disparse_channel", "--ratio", "50"]
    steps = ["--set", "train.max_iters=2", "--set", "train.eval_interval=2"]
    made = run("create_pruned_net.py", *which, "--num_batches", "1", *steps)
    assert made.returncode == 0, made.stderr
    assert "Multiply-adds for an image: " in made.stdout and "not the 50 %" not in made.stdout
    assert run("launch_training.py", *which, *steps, "--max_iters", "1").returncode == 0
    resumed = run("launch_training.py", *which, *steps, "--resume")
    assert resumed.returncode == 0 and "iteration 1" in resumed.stdout, resumed.stderr
    result = run("export_net.py", *which, *steps, "--formats", "small", "--repeats", "1")
    assert result.returncode == 0, result.stderr
    out, name = tmp_path / "out", "sample_disparse_channel_50"
    for words in (which, ["--checkpoint", str(out / f"{name}_small.pth")]):
        assert run("eval_pruned_net.py", *words, *steps).returncode == 0
    masked, small = (json.loads((out / f"eval_{run}.json").read_text()) for run in (name, f"{name}_small"))
    assert small["multiply_adds"]["dense"] == small["multiply_adds"]["sparse"] == masked["multiply_adds"]["sparse"]
    assert abs(1 - masked["multiply_adds"]["sparse"] / masked["multiply_adds"]["dense"] - 0.5) < 0.02
    assert small["details"]["small"] and small["details"]["removed_channels"] > 0
    for task, metrics in masked["metrics"].items():
        assert small["metrics"][task] == pytest.approx(metrics, rel=1e-3, abs=1e-4, nan_ok=True)
    again = run("create_pruned_net.py", "--method", "magnitude", "--checkpoint", out / f"{name}_small.pth", *steps)
    assert_user_error(again, "pruned already")


def test_what_a_user_can_get_wrong(run: Run, pruned: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert_user_error(run("export_net.py", "--method", "baseline"), "first run: python launch_training.py")
    given = ["export_net.py", "--checkpoint", pruned]
    assert_user_error(run(*given, "--formats", "zip"), "--formats", "'zip'", "compact, small, program, onnx")
    assert_user_error(run(*given, "--tasks", "flow"), "--tasks", "flow", "choose from")
    for module, package in (("torch_pruning", "torch-pruning"), ("onnxruntime", "onnxruntime")):
        with monkeypatch.context() as patch:
            patch.setitem(sys.modules, module, None)
            assert_user_error(run(*given, "--formats", "onnx"), "--formats: onnx", f"pip install {package}")
    with monkeypatch.context() as patch:
        patch.setattr(FORMATS["small"], "tolerance", -1.0)
        assert_user_error(run(*given, "--formats", "small"), "small predicts otherwise", "net_small.pth is not written")
    assert not (pruned.parent / "net_small.pth").exists()


def test_a_smaller_network_whose_layers_do_not_fit(run: Run, pruned: Path) -> None:
    pytest.importorskip("torch_pruning")
    assert run("export_net.py", "--checkpoint", pruned, "--formats", "small", "--repeats", "1").returncode == 0
    path = pruned.parent / "net_small.pth"
    content = torch.load(path, weights_only=True)
    content["weights"]["backbone.blocks.0.0.conv1.weight"] = content["weights"]["backbone.blocks.0.0.conv1.weight"][1:]
    torch.save(content, path)
    assert_user_error(run("eval_pruned_net.py", "--checkpoint", path), "net_small.pth", "do not fit one another")
