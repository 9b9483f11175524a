"""create_pruned_net.py as a user runs it: what it writes and prints, and what it refuses."""

import shlex
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest
import torch
from conftest import Script, assert_user_error, tiny
from PIL import Image
from published_names import to_published

from configs import load_config
from models import MultitaskNet, build_network
from prune_utils.layers import weights
from prune_utils.masks import target_count
from training.checkpoints.checkpoint import Checkpoint, read_checkpoint, write_checkpoint

TASKS = {"seg": 17, "sn": 3, "depth": 1, "keypoint": 1, "edge": 1}
Prune = Callable[..., CompletedProcess]


@pytest.fixture
def prune(run_script: Script, rooms: Path, tmp_path: Path) -> Prune:
    """Run the script on small pictures, with results in ``tmp_path / "out"``."""
    dest = ["--device", "cpu", "--dest", str(tmp_path / "out")]
    return lambda *flags, **options: run_script("create_pruned_net.py", *tiny(rooms), *dest, *flags, **options)


def test_a_keep_ratio_that_keeps_nothing_or_not_what_was_asked(prune: Prune, tmp_path: Path) -> None:
    static = ["--method", "disparse_static", "--ratio", "70", "--num_batches", "1"]
    assert_user_error(prune(*static, "--keep_ratio", "0.0000001"), "--keep_ratio", "not a single weight")
    assert not list((tmp_path / "out").glob("*.pth"))
    other = prune(*static, "--keep_ratio", "0.5")
    assert other.returncode == 0 and "not the 70 % in the file's name" in other.stdout


def network(seed: int) -> MultitaskNet:
    torch.manual_seed(seed)
    return build_network(load_config("sample", ["model.width=4", "model.head_channels=4"]).model, TASKS)


def trained(path: Path, masks: dict | None = None) -> Path:
    """A checkpoint with the weights of ``network(5)``, as if they had been trained."""
    path.parent.mkdir(exist_ok=True)
    state = dict(network(5).state_dict())
    write_checkpoint(path, Checkpoint("sample", list(TASKS), "baseline", None, {}, state, masks or {}))
    return path


def assert_exact(path: Path, sparsity: int) -> tuple[Checkpoint, int, int]:
    """The pruned network, the weights it keeps and all its weights."""
    checkpoint = read_checkpoint(path, [])
    assert list(checkpoint.masks) == list(weights(network(0)))
    kept = sum(int(mask.sum()) for mask in checkpoint.masks.values())
    numel = sum(mask.numel() for mask in checkpoint.masks.values())
    assert kept == target_count(numel, sparsity)
    return checkpoint, kept, numel


def assert_weights(checkpoint: Checkpoint, net: MultitaskNet) -> None:
    assert {n: torch.equal(w, checkpoint.weights[n]) for n, w in net.state_dict().items()} == dict.fromkeys(
        net.state_dict(), True
    )


def test_a_user_prunes_at_initialisation(prune: Prune, tmp_path: Path) -> None:
    result = prune("--ratio", 90, "--num_batches", 2, "--seed", 3)
    assert result.returncode == 0, result.stderr
    path = tmp_path / "out" / "sample_disparse_static_90.pth"
    checkpoint, kept, numel = assert_exact(path, 90)
    assert_weights(checkpoint, network(3))  # the values are those of the network's own initialisation
    assert (checkpoint.dataset, checkpoint.method, checkpoint.ratio) == ("sample", "disparse_static", 90)
    assert checkpoint.details["num_batches"] == 2 and checkpoint.details["seed"] == 3
    assert Image.open(path.with_name("sample_disparse_static_90_layers.png")).size[0] > 1000
    lines = [line.split() for line in result.stdout.splitlines()]
    assert ["all", f"{kept:,}", f"{numel - kept:,}", f"{numel:,}", "90.00", "%"] in lines
    assert {line[0] for line in lines if line} >= {name.removesuffix(".weight") for name in checkpoint.masks}
    assert "Train it: python launch_training.py --method disparse_static --ratio 90 --data_root " in result.stdout
    assert "2/2" in result.stderr  # the progress bar


def test_pruning_a_trained_network_without_one_names_the_command(prune: Prune, tmp_path: Path) -> None:
    result = prune("--method", "disparse_pt", "--tasks", "sn,seg")
    assert_user_error(
        result,
        "final_sample_baseline_sn_seg.pth",
        "first run: python launch_training.py --method baseline --data_root",
        "--tasks sn,seg",
        shlex.join(["--dest", str(tmp_path / "out")]),
        "--set model.width=4",
    )


@pytest.mark.parametrize("criterion", ["gradient", "l1"])
@pytest.mark.parametrize("name", ["final_sample_baseline.pth", "best_sample_baseline.pth"])
def test_pruning_the_baseline(prune: Prune, tmp_path: Path, name: str, criterion: str) -> None:
    source = trained(tmp_path / "out" / name)
    result = prune("--method", "disparse_pt", "--ratio", 70, "--num_batches", 1, "--criterion", criterion)
    assert result.returncode == 0, result.stderr
    checkpoint, _, _ = assert_exact(tmp_path / "out" / "sample_disparse_pt_70.pth", 70)
    assert_weights(checkpoint, network(5))
    assert checkpoint.details["trained_weights"] == str(source) and checkpoint.details["criterion"] == criterion
    assert f"weights: {source}" in result.stdout


@pytest.mark.parametrize("method", ["snip", "random"])
def test_other_methods_at_initialisation(prune: Prune, tmp_path: Path, method: str) -> None:
    result = prune("--method", method, "--ratio", 50, "--num_batches", 1, "--seed", 5)
    assert result.returncode == 0, result.stderr
    checkpoint, _, _ = assert_exact(tmp_path / "out" / f"sample_{method}_50.pth", 50)
    assert_weights(checkpoint, network(5))


def test_a_published_network_is_pruned_by_magnitude(prune: Prune, tmp_path: Path) -> None:
    state = {f"module.{to_published(name, list(TASKS))}": tensor for name, tensor in network(5).state_dict().items()}
    torch.save(state, tmp_path / "published.pth")
    result = prune("--method", "magnitude", "--checkpoint", tmp_path / "published.pth")
    assert result.returncode == 0, result.stderr
    checkpoint, _, _ = assert_exact(tmp_path / "out" / "sample_magnitude_90.pth", 90)
    sizes = torch.cat([weight.detach().abs().flatten() for weight in weights(network(5)).values()])
    kept = torch.cat([mask.flatten() for mask in checkpoint.masks.values()])
    assert sizes[kept].min() >= sizes[~kept].max()


def test_published_keep_ratios_and_a_subset_of_tasks(prune: Prune, tmp_path: Path) -> None:
    table = "scoring.keep_ratios={static: {90: 0.08}}"
    result = prune("--tasks", "sn,seg", "--num_batches", 1, "--keep_ratio", "published", "--set", table)
    assert result.returncode == 0, result.stderr
    checkpoint = read_checkpoint(tmp_path / "out" / "sample_disparse_static_90_sn_seg.pth", [])
    assert checkpoint.details["keep_ratio"] == 0.08
    assert {name.split(".")[1] for name in checkpoint.masks if name.startswith("heads.")} == {"sn", "seg"}
    kept = sum(int(mask.sum()) for mask in checkpoint.masks.values())
    numel = sum(mask.numel() for mask in checkpoint.masks.values())
    assert 0.08 < kept / numel < 0.16  # the union of two tasks that keep 8 % each


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--method", "lottery"], ["'lottery'; choose from disparse_channel, disparse_dynamic, disparse_pt"]),
        (["--method", "rigl"], ["run python launch_training.py --method rigl"]),
        (["--method", "snip", "--criterion", "l1"], ["--criterion: snip has no such option"]),
        (["--ratio", "100"], ["'100' is not a sparsity in percent"]),
        (["--keep_ratio", "1.5"], ["--keep_ratio: '1.5'"]),
        (["--checkpoint", "dense.pth"], ["--checkpoint: disparse_static prunes a network at initialisation"]),
        (["--method", "magnitude", "--checkpoint", "none.pth"], ["no such checkpoint: none.pth"]),
        (["--method", "magnitude", "--checkpoint", "pruned.pth"], ["pruned.pth: this network is pruned already"]),
        (["--method", "magnitude", "--checkpoint", "dense.pth", "--tasks", "sn"], ["use --tasks seg,sn,depth"]),
        (["--method", "magnitude", "--checkpoint", "dense.pth", "--set", "model.width=8"], ["dense.pth", "of shape"]),
    ],
)
def test_mistakes_are_named(prune: Prune, tmp_path: Path, flags: list[str], words: list[str]) -> None:
    trained(tmp_path / "pruned.pth", {"backbone.conv1.weight": torch.ones(4, 3, 7, 7, dtype=torch.bool)})
    trained(tmp_path / "dense.pth")
    assert_user_error(prune(*flags), *words)
    assert not list(tmp_path.glob("out/[!.]*"))
