"""Which slices share a channel: chains, residual connections, heads and what may not go."""

import sys

import pytest
import torch
from small_networks import conv_net
from torch import Tensor, nn

from configs import UserError, load_config
from models import MultitaskNet, build_network
from prune_utils.channels.graph import ChannelSet, channel_sets, dependency_graph
from prune_utils.layers import weights

pytest.importorskip("torch_pruning")
EXAMPLE = torch.zeros(1, 3, 6, 6)


def sets_of(net: nn.Module, example: Tensor = EXAMPLE) -> dict[str, ChannelSet]:
    """By the first layer that makes them."""
    found = channel_sets(net, dependency_graph(net, example))
    order = list(weights(net))
    return {min((s.layer for s in each.slices if s.makes), key=order.index): each for each in found}


def layers(channels: ChannelSet) -> set[tuple[str, int, bool]]:
    return {(slices.layer, slices.dim, slices.makes) for slices in channels.slices}


def test_a_chain_and_its_heads() -> None:
    net = conv_net().train()
    found = sets_of(net)
    assert {root: channels.channels for root, channels in found.items()} == {
        "backbone.0.weight": 8, "backbone.3.weight": 16, "backbone.5.weight": 16,
    }  # fmt: skip
    assert layers(found["backbone.0.weight"]) == {("backbone.0.weight", 0, True), ("backbone.3.weight", 1, False)}
    assert layers(found["backbone.5.weight"]) == {
        ("backbone.5.weight", 0, True), ("heads.a.weight", 1, False), ("heads.b.weight", 1, False),
    }  # fmt: skip
    assert net.training and all(module.training for module in net.modules())


def test_a_residual_stage_shares_its_channels_with_the_stem_and_with_all_that_read_it() -> None:
    config = load_config("sample", ["model.width=4", "model.head_channels=4"]).model
    net = build_network(config, {"seg": 3, "depth": 1})
    found = sets_of(net, torch.zeros(1, 3, 48, 48))
    stem = layers(found["backbone.conv1.weight"])
    makes = {name for name, _, makes in stem if makes}
    assert makes == {"backbone.conv1.weight", "backbone.blocks.0.0.conv2.weight", "backbone.blocks.0.1.conv2.weight"}
    assert {name for name, _, makes in stem if not makes} == {
        "backbone.blocks.0.0.conv1.weight", "backbone.blocks.0.1.conv1.weight", "backbone.blocks.1.0.conv1.weight",
        "backbone.ds.1.0.weight",
    }  # fmt: skip
    # Every head reads the last stage, on a small map through its one tap too (``models.aspp``).
    last = max(found.values(), key=lambda channels: len(channels.slices))
    readers = {name for name, _, makes in layers(last) if not makes and name.startswith("heads")}
    assert readers == {f"heads.{task}.branches.{i}.conv1.weight" for task in ("seg", "depth") for i in range(4)}
    # Predictions stay.
    assert not any(name.endswith("conv3.weight") for name in found)


def test_a_flattened_map_gives_each_channel_several_inputs() -> None:
    net = MultitaskNet(nn.Sequential(nn.Conv2d(3, 2, 1), nn.Flatten()), {"a": nn.Linear(8, 3)})
    reads = next(s for s in sets_of(net, torch.zeros(1, 3, 2, 2))["backbone.0.weight"].slices if not s.makes)
    assert (reads.layer, reads.dim) == ("heads.a.weight", 1)
    assert dict(zip(reads.index.tolist(), reads.channel.tolist(), strict=True)) == {i: i // 4 for i in range(8)}


def test_depthwise_and_transposed_convolutions() -> None:
    backbone = nn.Sequential(
        nn.Conv2d(3, 4, 1), nn.Conv2d(4, 4, 3, padding=1, groups=4), nn.ConvTranspose2d(4, 6, 2), nn.Conv2d(6, 2, 1)
    )
    found = sets_of(MultitaskNet(backbone, {"a": nn.Identity()}))
    assert layers(found["backbone.0.weight"]) == {
        ("backbone.0.weight", 0, True), ("backbone.1.weight", 0, True), ("backbone.2.weight", 0, False),
    }  # fmt: skip
    assert layers(found["backbone.2.weight"]) == {("backbone.2.weight", 1, True), ("backbone.3.weight", 1, False)}
    assert "backbone.3.weight" not in found


@pytest.mark.parametrize("mixer", [nn.GroupNorm(2, 4), nn.Conv2d(4, 4, 3, padding=1, groups=2)])
def test_channels_that_a_layer_mixes_stay(mixer: nn.Module) -> None:
    net = MultitaskNet(nn.Sequential(nn.Conv2d(3, 4, 1), mixer, nn.Conv2d(4, 4, 1)), {"a": nn.Conv2d(4, 1, 1)})
    assert set(sets_of(net)) == {"backbone.2.weight"}


def test_without_the_library_and_with_a_network_that_it_cannot_follow(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            raise RuntimeError("no\nway")

    with pytest.raises(UserError, match=r"cannot follow this network \(RuntimeError: no\)"):
        dependency_graph(Broken(), EXAMPLE)
    monkeypatch.setitem(sys.modules, "torch_pruning", None)
    with pytest.raises(UserError, match="pip install torch-pruning"):
        dependency_graph(conv_net(), EXAMPLE)
