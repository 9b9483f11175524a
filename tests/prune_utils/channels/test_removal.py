"""Smaller networks: the same outputs, no idle channel left, and their shapes given to a new network."""

import copy

import pytest
import torch
from small_networks import conv_net
from torch import nn

from models import MultitaskNet
from prune_utils.apply import apply_masks, load_state
from prune_utils.channels.removal import fit, without_idle_channels, without_masks
from prune_utils.layers import weights

pytest.importorskip("torch_pruning")
EXAMPLE = torch.zeros(1, 3, 6, 6)
IMAGES = torch.randn(2, 3, 6, 6, generator=torch.Generator().manual_seed(1))


def alive(net: MultitaskNet) -> MultitaskNet:
    """With normalisation that keeps masked channels alive: biases, and statistics that are not 0 and 1."""
    with torch.no_grad():
        net.backbone[1].bias.fill_(0.7)
        net.backbone[1].running_mean.fill_(-0.2)
        net.backbone[1].running_var.fill_(2.0)
    return net.eval()


def masked(net: MultitaskNet, **gone: list[int]) -> MultitaskNet:
    """Channels of the first, second and third convolution, masked where they are made and where they are read."""
    readers = {"0": ["backbone.3"], "3": ["backbone.5"], "5": ["heads.a", "heads.b"]}
    masks = {name: torch.ones_like(weight, dtype=torch.bool) for name, weight in weights(net).items()}
    for layer, channels in gone.items():
        masks[f"backbone.{layer[1:]}.weight"][channels] = False
        for reader in readers[layer[1:]]:
            masks[f"{reader}.weight"][:, channels] = False
    apply_masks(net, masks)
    return net


def test_the_smaller_network_computes_the_same() -> None:
    net = masked(alive(conv_net()), _0=[0, 5], _3=[1, 2, 3], _5=[15])
    small, removed = without_idle_channels(net, EXAMPLE)
    assert removed == 6
    shapes = {name: list(weight.shape[:2]) for name, weight in weights(small).items()}
    assert shapes == {
        "backbone.0.weight": [6, 3], "backbone.3.weight": [13, 6], "backbone.5.weight": [15, 13],
        "heads.a.weight": [4, 15], "heads.b.weight": [2, 15],
    }  # fmt: skip
    with torch.no_grad():
        for task, prediction in net(IMAGES).items():
            torch.testing.assert_close(small.eval()(IMAGES)[task], prediction, rtol=1e-5, atol=1e-6)


def test_what_made_an_idle_channel_makes_others_idle() -> None:
    net = alive(conv_net())
    masks = {name: torch.ones_like(weight, dtype=torch.bool) for name, weight in weights(net).items()}
    masks["heads.a.weight"][:, 4] = masks["heads.b.weight"][:, 4] = False  # channel 4 of the last is not read
    masks["backbone.5.weight"][:, 7] = False
    masks["backbone.5.weight"][4, 7] = True  # only channel 4 reads channel 7 of the layer before
    apply_masks(net, masks)
    small, removed = without_idle_channels(net, EXAMPLE)
    assert removed == 2 and small.backbone[5].weight.shape[:2] == (15, 15)
    with torch.no_grad():
        torch.testing.assert_close(small.eval()(IMAGES)["a"], net(IMAGES)["a"], rtol=1e-5, atol=1e-6)


def test_a_constant_channel_that_is_read_stays() -> None:
    net = alive(conv_net())
    mask = torch.ones_like(net.backbone[0].weight, dtype=torch.bool)
    mask[3] = False  # its normalisation still gives it a value
    apply_masks(net, {"backbone.0.weight": mask})
    assert without_idle_channels(net, EXAMPLE)[1] == 0


def test_a_layer_keeps_its_last_channel() -> None:
    net = masked(alive(conv_net()), _0=list(range(8)))
    small, removed = without_idle_channels(net, EXAMPLE)
    assert removed == 7 and small.backbone[0].out_channels == 1
    with torch.no_grad():
        torch.testing.assert_close(small.eval()(IMAGES)["b"], net(IMAGES)["b"], rtol=1e-5, atol=1e-6)


def test_masks_become_zeros_and_the_network_stays_as_it_was() -> None:
    net = masked(alive(conv_net()), _0=[2])
    net(IMAGES)  # the product of weights and masks hangs in this graph
    before = copy.deepcopy({name: tensor.clone() for name, tensor in net.state_dict().items()})
    plain = without_masks(net)
    assert not any("mask" in name for name in plain.state_dict()) and not plain.backbone[0].weight[2].any()
    assert all(torch.equal(tensor, before[name]) for name, tensor in net.state_dict().items())


def test_a_new_network_takes_the_shapes_of_a_smaller_one() -> None:
    small = without_idle_channels(masked(alive(conv_net()), _0=[0], _3=[1], _5=[2]), EXAMPLE)[0].eval()
    new = conv_net(3).eval()
    fit(new, small.state_dict())
    load_state(new, small.state_dict())
    assert torch.equal(new(IMAGES)["a"], small(IMAGES)["a"])
    counts = (new.backbone[0].out_channels, new.backbone[1].num_features, new.backbone[3].in_channels)
    assert counts == (7, 7, 7)


def test_layers_do_not_grow_nor_lose_a_dimension() -> None:
    net = nn.Sequential(nn.Conv2d(3, 4, 1), nn.Linear(4, 2))
    fit(net, {"0.weight": torch.zeros(5, 3, 1, 1), "1.weight": torch.zeros(2), "1.bias": torch.zeros(0)})
    assert net[0].weight.shape == (4, 3, 1, 1) and net[1].weight.shape == (2, 4) and net[1].bias.shape == (2,)
