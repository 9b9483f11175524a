"""Checkpoints: what goes in comes out, nothing else is let in, and a failed write spoils nothing."""

import json
import os
import pickle
import resource
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
from published_names import to_published
from torch import Tensor

from configs import ModelConfig, UserError
from models import MultitaskNet, build_network
from prune_utils.apply import kept_counts, masks_of
from prune_utils.layers import weights
from training.checkpoints.checkpoint import Checkpoint, read_checkpoint, read_identity, restore, write_checkpoint

SMALL = ModelConfig(depth=18, width=4, head_channels=4, rates=(1, 2))
CHANNELS = {"seg": 5, "sn": 3}


def small_checkpoint(**changes: Any) -> Checkpoint:
    values: dict[str, Any] = {
        "dataset": "rooms",
        "tasks": ["seg", "sn"],
        "method": "random",
        "ratio": 90,
        "config": {"train": {"lr": 0.1}},
        "weights": {"w": torch.arange(6.0).view(2, 3)},
        "masks": {"w": torch.tensor([[True, False, True]] * 2)},
        "training": {"iteration": 7, "betas": (0.9, 0.99), "best": float("nan"), "sparsifier": None},
        "details": {"seed": 3},
    }
    return Checkpoint(**{**values, **changes})


def small_net(seed: int = 0) -> MultitaskNet:
    torch.manual_seed(seed)
    return build_network(SMALL, CHANNELS)


def published_state(net: MultitaskNet, prefix: str, masked: bool) -> dict[str, Tensor]:
    """A state dict as the published code saves it."""
    state = {}
    for name, value in net.state_dict().items():
        key = prefix + to_published(name, list(CHANNELS))
        if masked and name.endswith("weight") and value.ndim == 4:
            state[f"{key}_orig"] = value
            state[f"{key}_mask"] = (torch.arange(value.numel()).view(value.shape) % 4 == 0).float()
        else:
            state[key] = value
    return state


def test_what_goes_in_comes_out(tmp_path: Path) -> None:
    path = tmp_path / "a.pth"
    written = small_checkpoint()
    write_checkpoint(path, written)
    read = read_checkpoint(path, [])
    assert torch.equal(read.weights["w"], written.weights["w"])
    assert read.masks["w"].dtype == torch.bool and torch.equal(read.masks["w"], written.masks["w"])
    assert read.training is not None and read.training["betas"] == (0.9, 0.99)
    assert (read.dataset, read.tasks, read.method, read.ratio) == ("rooms", ["seg", "sn"], "random", 90)
    assert read.config == written.config and read.details == written.details


def test_a_dense_network_without_state_of_training(tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "a.pth", small_checkpoint(ratio=None, masks={}, training=None, method="baseline"))
    read = read_checkpoint(tmp_path / "a.pth", [])
    assert read.ratio is None and read.training is None and read.masks == {}


class Evil:
    """Makes a file when it is unpickled."""

    def __init__(self, proof: Path) -> None:
        self.proof = proof

    def __reduce__(self) -> tuple:
        return os.mkdir, (str(self.proof),)


def as_pickle(path: Path, proof: Path) -> None:
    path.write_bytes(pickle.dumps(Evil(proof)))


def as_torch_file(path: Path, proof: Path) -> None:
    torch.save({"format": "meta-sparse", "version": 1, "weights": Evil(proof)}, path)


def as_old_torch_file(path: Path, proof: Path) -> None:
    torch.save(Evil(proof), path, _use_new_zipfile_serialization=False)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("write", [as_pickle, as_torch_file, as_old_torch_file])
def test_a_file_that_would_run_code_is_refused(write: Any, tmp_path: Path) -> None:
    path, proof = tmp_path / "evil.pth", tmp_path / "proof"
    write(path, proof)
    with pytest.raises(UserError, match=r"evil.pth: (refused|not a checkpoint)") as caught:
        read_checkpoint(path, ["seg"])
    assert not proof.exists()
    assert "\n" not in str(caught.value)


def cut_short(path: Path) -> None:
    write_checkpoint(path, small_checkpoint())
    path.write_bytes(path.read_bytes()[:-200])


def other_archive(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "hello")


def without(name: str, path: Path) -> None:
    write_checkpoint(path, small_checkpoint())
    content = torch.load(path, weights_only=True)
    del content[name]
    torch.save(content, path)


FILES = {
    "empty": lambda path: path.write_bytes(b""),
    "text": lambda path: path.write_text("hello\n" * 100),
    "zeros": lambda path: path.write_bytes(bytes(5000)),
    "cut short": cut_short,
    "other archive": other_archive,
    "tensor": lambda path: torch.save(torch.ones(3), path),
    "other dict": lambda path: torch.save({"model": {"w": torch.ones(3)}}, path),
    "incomplete": lambda path: torch.save({"format": "meta-sparse", "version": 1, "tasks": ["seg"]}, path),
    "without a ratio": lambda path: without("ratio", path),
    "later version": lambda path: torch.save({"format": "meta-sparse", "version": 2}, path),
    "weights of another kind": lambda path: write_checkpoint(path, small_checkpoint(weights={"w": [1.0]})),
    "ratio of another kind": lambda path: write_checkpoint(path, small_checkpoint(ratio="90")),
    "ratio that is none": lambda path: write_checkpoint(path, small_checkpoint(ratio=200)),
    "tasks of another kind": lambda path: write_checkpoint(path, small_checkpoint(tasks=[1])),
    "masks that scale": lambda path: write_checkpoint(path, small_checkpoint(masks={"w": torch.full((2,), 0.5)})),
    "version of another kind": lambda path: torch.save({"format": "meta-sparse", "version": torch.ones(2)}, path),
    "folder": lambda path: path.mkdir(),
}


@pytest.mark.parametrize("kind", FILES)
def test_a_file_that_is_no_checkpoint_is_refused_in_one_line(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "file.pth"
    FILES[kind](path)
    with pytest.raises(UserError, match="file.pth") as caught:
        read_checkpoint(path, ["seg"])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("read", [read_checkpoint, read_identity])
def test_a_file_that_was_cut_anywhere_is_said_to_be_cut_short(read: Any, tmp_path: Path) -> None:
    path = tmp_path / "file.pth"
    write_checkpoint(path, small_checkpoint(weights={"w": torch.rand(10_000)}))
    whole = path.read_bytes()
    read(path, ["seg"])
    for end in (0, 1, 3, 4, 100, 2000, 5000, len(whole) // 2, len(whole) - 200, len(whole) - 22, len(whole) - 1):
        path.write_bytes(whole[:end])
        with pytest.raises(UserError, match=r"file.pth: damaged or cut short: .* put back a copy") as caught:
            read(path, ["seg"])
        assert f"after {end:,} bytes" in str(caught.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such checkpoint"):
        read_checkpoint(tmp_path / "file.pth", [])


@pytest.mark.parametrize("limit", [100, 60_000])
def test_a_full_disk_leaves_the_old_file(limit: int, tmp_path: Path) -> None:
    path = tmp_path / "a.pth"
    write_checkpoint(path, small_checkpoint())
    before = path.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))  # a write beyond it fails as on a full disk
    try:
        with pytest.raises(UserError, match="cannot write .*a.pth"):
            write_checkpoint(path, small_checkpoint(weights={"w": torch.ones(100_000)}))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("prefix", ["", "module."])
@pytest.mark.parametrize("masked", [False, True])
def test_published_files_are_read(prefix: str, masked: bool, tmp_path: Path) -> None:
    source, net = small_net(1), small_net(2)
    torch.save(published_state(source, prefix, masked), tmp_path / "published.pth")
    checkpoint = read_checkpoint(tmp_path / "published.pth", list(CHANNELS))
    restore(net, checkpoint, tmp_path / "published.pth")
    image = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    if masked:
        assert set(masks_of(net)) == set(kept_counts(net))
        kept, numel = map(sum, zip(*kept_counts(net).values(), strict=True))
        assert 0.25 <= kept / numel < 0.26
        with torch.no_grad():
            for parameter in source.parameters():
                if parameter.ndim == 4:
                    parameter *= torch.arange(parameter.numel()).view(parameter.shape) % 4 == 0
    for task, prediction in net.eval()(image).items():
        assert torch.equal(prediction, source.eval()(image)[task])


@pytest.mark.parametrize("layout", ["plain_state_dict", "pruned_state_dict"])
@pytest.mark.parametrize("outputs", [[40, 3, 1], [19, 1], [17, 3, 1, 1, 1]])
def test_the_published_layouts_fit_the_full_network(
    layout: str, outputs: list[int], shared: Path, tmp_path: Path
) -> None:
    path = tmp_path / "published.pth"
    torch.save(published_layout(shared, layout, outputs, "module."), path)
    channels = {f"task{number}": count for number, count in enumerate(outputs)}
    with torch.device("meta"):
        net = build_network(ModelConfig(), channels)
    restore(net, read_checkpoint(path, list(channels)), path)
    assert len(masks_of(net)) == (len(weights(net)) if layout == "pruned_state_dict" else 0)


def published_layout(shared: Path, layout: str, outputs: list[int], prefix: str) -> dict[str, Tensor]:
    """All the keys and shapes of a published file; each tensor is one number, repeated, and takes no room."""
    nets = json.loads((shared / "golden" / "state_dict.json").read_text())["nets"]
    keys = nets[json.dumps(outputs, separators=(",", ":"))][layout]
    ones = {key: torch.ones(1) for key, _ in keys}
    return {prefix + key: ones[key].expand(shape) if shape else torch.tensor(0) for key, shape in keys}


def test_a_published_file_for_other_outputs_names_what_differs(shared: Path, tmp_path: Path) -> None:
    path = tmp_path / "published.pth"
    torch.save(published_layout(shared, "plain_state_dict", [19, 1], ""), path)
    with torch.device("meta"):
        other = build_network(ModelConfig(), {"seg": 40, "sn": 3})
        more = build_network(ModelConfig(), {"seg": 19, "sn": 1, "depth": 1})
    with pytest.raises(UserError, match=r"heads.seg.\S+conv3.weight' of shape \(19, .*network of shape \(40,"):
        restore(other, read_checkpoint(path, ["seg", "sn"]), path)
    with pytest.raises(UserError, match="lacks 'heads.depth"):
        restore(more, read_checkpoint(path, ["seg", "sn", "depth"]), path)
    with pytest.raises(UserError, match="head for task 2, but the tasks named are "):
        read_checkpoint(path, ["seg"])


def test_our_checkpoint_of_other_tasks_says_which_tasks(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="tasks seg,depth, asked for were seg,sn; use --tasks seg,depth"):
        restore(small_net(), small_checkpoint(tasks=["seg", "depth"]), tmp_path / "a.pth")
