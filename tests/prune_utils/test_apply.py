"""Masks on a network: what a forward pass sees, what a state dict holds, and what does not fit."""

import pytest
import torch
from small_networks import batch, conv_net

from configs import UserError
from prune_utils.apply import apply_masks, dense_state, is_masked, kept_counts, load_state, mask_buffer, masks_of
from prune_utils.layers import weight_layers, weights

FIRST, HEAD = "backbone.0.weight", "heads.a.weight"


def some_masks(net: torch.nn.Module, kept: float = 0.3) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    chosen = {name: weight for name, weight in weights(net).items() if name in (FIRST, HEAD)}
    return {name: torch.rand(weight.shape, generator=generator) < kept for name, weight in chosen.items()}


def test_a_forward_pass_uses_the_weights_that_are_kept() -> None:
    net, zeroed = conv_net(), conv_net()
    masks = some_masks(net)
    apply_masks(net, masks)
    with torch.no_grad():
        for name, weight in weights(zeroed).items():
            if name in masks:
                weight *= masks[name]
    image = batch(0)["img"]
    for task, prediction in net(image).items():
        assert torch.equal(prediction, zeroed(image)[task])


def test_the_state_is_that_of_the_network_without_masks() -> None:
    net, plain = conv_net(), conv_net()
    masks = some_masks(net)
    apply_masks(net, masks)
    state, found = dense_state(net)
    assert state.keys() == plain.state_dict().keys()
    assert all(torch.equal(state[name], value) for name, value in plain.state_dict().items())
    assert list(found) == [FIRST, HEAD]
    assert all(mask.dtype == torch.bool and torch.equal(mask, masks[name]) for name, mask in found.items())


def test_a_dense_network_has_no_masks() -> None:
    net = conv_net()
    assert masks_of(net) == {}
    assert not any(is_masked(layer) for layer in weight_layers(net).values())


def test_new_masks_overwrite_old_ones_in_place() -> None:
    net = conv_net()
    apply_masks(net, some_masks(net))
    layer = weight_layers(net)[FIRST]
    buffer, parameter = mask_buffer(layer), layer.weight_orig
    apply_masks(net, {FIRST: torch.zeros(buffer.shape, dtype=torch.bool)})
    assert mask_buffer(layer) is buffer and not buffer.any()
    assert layer.weight_orig is parameter
    assert masks_of(net)[HEAD].any()


def test_a_state_is_loaded_with_or_without_masks() -> None:
    source, plain, masked = conv_net(seed=1), conv_net(), conv_net()
    apply_masks(masked, some_masks(masked))
    before = masks_of(masked)
    for net in (plain, masked):
        load_state(net, source.state_dict())
        assert all(torch.equal(value, source.state_dict()[name]) for name, value in dense_state(net)[0].items())
    assert all(torch.equal(mask, before[name]) for name, mask in masks_of(masked).items())


def test_counts_are_those_of_every_layer_in_order() -> None:
    net = conv_net()
    apply_masks(net, {HEAD: torch.arange(4 * 16 * 9).view(4, 16, 3, 3) < 7})
    counts = kept_counts(net)
    assert list(counts) == list(weights(net))
    assert counts[HEAD] == (7, 576)
    assert counts[FIRST] == (216, 216)


def test_weight_decay_moves_stored_values_but_nothing_that_is_masked_counts() -> None:
    net = conv_net()
    masks = some_masks(net)
    apply_masks(net, masks)
    optimizer = torch.optim.Adam(net.parameters(), lr=0.1, weight_decay=0.1)
    for number in range(3):
        sum(prediction.square().mean() for prediction in net(batch(number)["img"]).values()).backward()
        optimizer.step()
        optimizer.zero_grad()
    net(batch(0)["img"])
    for name, mask in masks.items():
        assert not weight_layers(net)[name].weight[~mask].any()
        assert weights(net)[name][~mask].all()


@pytest.mark.parametrize(
    ("masks", "message"),
    [
        ({"backbone.9.weight": torch.ones(1)}, "'backbone.9.weight' fits no layer"),
        ({FIRST: torch.ones(8, 3, 1, 1)}, r"shape \(8, 3, 1, 1\).*\(8, 3, 3, 3\)"),
    ],
)
def test_a_mask_that_does_not_fit_is_named(masks: dict[str, torch.Tensor], message: str) -> None:
    with pytest.raises(UserError, match=message):
        apply_masks(conv_net(), masks)


def test_a_state_that_does_not_fit_is_named_and_nothing_is_loaded() -> None:
    net, state = conv_net(), dict(conv_net(seed=1).state_dict())
    before = {name: value.clone() for name, value in net.state_dict().items()}
    lacking = {name: value for name, value in state.items() if name != HEAD}
    cases = [
        (lacking, f"my.pth lacks '{HEAD}'"),
        ({**state, "heads.c.bias": torch.ones(1)}, "which the network has not, 'heads.c.bias'"),
        ({**state, HEAD: torch.ones(5, 16, 3, 3)}, f"'{HEAD}' of shape .5, 16, 3, 3., the network of shape .4, 16"),
    ]
    for wrong, message in cases:
        with pytest.raises(UserError, match=message):
            load_state(net, wrong, "my.pth")
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())


def test_a_state_of_old_without_counters_is_loaded() -> None:
    net, other = conv_net(), conv_net()
    with torch.no_grad():
        other.backbone[0].weight.fill_(0.25)
    state = {name: value for name, value in other.state_dict().items() if not name.endswith("num_batches_tracked")}
    load_state(net, state)
    assert net.backbone[0].weight.unique().tolist() == [0.25]
