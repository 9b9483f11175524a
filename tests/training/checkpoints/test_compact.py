"""The compact form: bit for bit back, small, and refused where its parts do not belong together."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from configs import UserError, load_config
from models import build_network
from prune_utils.layers import weights
from prune_utils.selection import random_mask
from training.checkpoints.checkpoint import Checkpoint, read_checkpoint, save
from training.checkpoints.compact import pack, unpack

GENERATOR = torch.Generator().manual_seed(0)


def checkpoint(density: float = 0.1, **changes: Any) -> Checkpoint:
    weight = torch.randn(40, 30, 3, 3, generator=GENERATOR)
    weight[0, 0, 0, 0] = -0.0
    mask = random_mask(weight.shape, round(density * weight.numel()), GENERATOR)
    mask[0, 0, 0, 0] = True
    state = {"backbone.conv.weight": weight, "backbone.conv.bias": torch.randn(40), "n": torch.tensor(3)}
    values = {"weights": state, "masks": {"backbone.conv.weight": mask}, "details": {"iteration": 7}, **changes}
    return Checkpoint("sample", ["seg"], "disparse_static", 90, {"a": 1}, **values)


def written(tmp_path: Path, given: Checkpoint) -> tuple[Path, Checkpoint]:
    path = tmp_path / "x.pth"
    save(path, given, compact=True)
    return path, read_checkpoint(path, [])


def bits(tensor: Tensor) -> bytes:
    return tensor.numpy().tobytes()


def test_kept_weights_masks_and_all_else_come_back_bit_for_bit(tmp_path: Path) -> None:
    given = checkpoint()
    _, found = written(tmp_path, given)
    mask = given.masks["backbone.conv.weight"]
    assert bits(found.masks["backbone.conv.weight"]) == bits(mask)
    weight = found.weights["backbone.conv.weight"]
    assert bits(weight[mask]) == bits(given.weights["backbone.conv.weight"][mask]) and not weight[~mask].any()
    assert bits(found.weights["backbone.conv.bias"]) == bits(given.weights["backbone.conv.bias"])
    assert found.weights["n"].dtype == torch.int64 and found.weights["n"] == 3
    same = ("dataset", "tasks", "method", "ratio", "config", "details", "training", "identity")
    assert all(getattr(found, name) == getattr(given, name) for name in same)


@pytest.mark.parametrize("density", [0, 1])
def test_nothing_kept_and_everything_kept(tmp_path: Path, density: int) -> None:
    given = checkpoint()
    mask = torch.full((40, 30, 3, 3), bool(density))
    given.masks["backbone.conv.weight"] = mask
    _, found = written(tmp_path, given)
    assert torch.equal(found.masks["backbone.conv.weight"], mask)
    assert torch.equal(found.weights["backbone.conv.weight"], given.weights["backbone.conv.weight"] * mask)


def test_a_network_of_90_percent_takes_less_than_12_percent_of_the_dense_weights(tmp_path: Path) -> None:
    config = load_config("sample").model
    net = build_network(config, {"seg": 17})
    state = {name: torch.randn_like(value) if value.is_floating_point() else value
             for name, value in net.state_dict().items()}  # fmt: skip
    masks = {name: random_mask(w.shape, w.numel() // 10, GENERATOR) for name, w in weights(net).items()}
    path, _ = written(tmp_path, checkpoint(weights=state, masks=masks))
    dense = sum(tensor.numel() * tensor.element_size() for tensor in state.values())
    # Names and headers of a hundred tensors count for more here than in a network of full size.
    assert path.stat().st_size < 0.12 * dense + 60_000


def test_masks_of_whole_channels_take_next_to_nothing() -> None:
    mask = torch.ones(256, 256, 3, 3, dtype=torch.bool)
    mask[::2] = False
    packed = pack({"weights": {"w": torch.zeros(mask.shape)}, "masks": {"w": mask}})
    assert packed["masks"]["w"].numel() < mask.numel() / 400


def test_what_does_not_belong_together_is_refused(tmp_path: Path) -> None:
    def content() -> dict[str, Any]:
        buffer = io.BytesIO()
        torch.save(pack({"weights": dict(checkpoint().weights), "masks": dict(checkpoint().masks)}), buffer)
        buffer.seek(0)
        return torch.load(buffer, weights_only=True)

    name = "backbone.conv.weight"
    changes: list[tuple[str, Any, str]] = [
        ("shapes", {name: [40, 30, 3, 4]}, "mask of .* is damaged"),
        ("shapes", {name: [40, 30, -3, -3]}, "shape of .* is not one"),
        ("shapes", {name: [10**6, 10**6]}, "more than a network has"),
        ("shapes", {}, "not of the same layers"),
        ("masks", {name: torch.zeros(9, dtype=torch.uint8)}, "is damaged"),
        ("masks", {name: torch.zeros(3, 3)}, "is not packed"),
        ("weights", {name: torch.zeros(7)}, "not as many weights"),
        ("weights", None, "lacks weights"),
    ]
    for key, value, words in changes:
        with pytest.raises(Exception, match=words) as caught:
            unpack({**content(), key: value})
        assert type(caught.value).__name__ == "Unsound"
    broken = {**content(), "version": 1, "shapes": {name: [1]}}
    torch.save(broken, tmp_path / "x.pth")
    with pytest.raises(UserError, match="x.pth: not a checkpoint: "):
        read_checkpoint(tmp_path / "x.pth", [])


def test_a_bomb_is_not_inflated() -> None:
    """A thousand bytes that stand for a million zeros more than the shape has."""
    import zlib

    packed = torch.from_numpy(np.frombuffer(zlib.compress(bytes(10**6)), np.uint8).copy())
    given = {"weights": {"w": torch.zeros(0)}, "masks": {"w": packed}, "shapes": {"w": [80]}}
    with pytest.raises(Exception, match="of another length"):
        unpack(given)
