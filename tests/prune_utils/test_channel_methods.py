"""disparse_channel and magnitude_channel: their share of the multiply-adds; two_four: two of every four."""

from collections.abc import Mapping
from typing import Any

import pytest
import torch
from small_networks import LOSSES, WEIGHTS, batch, conv_net
from small_sparsifiers import CHANNELS, one_shot
from torch import Tensor

from configs import UserError
from models import MultitaskNet
from prune_utils.apply import apply_masks
from prune_utils.channels.removal import without_idle_channels
from prune_utils.layers import weights
from prune_utils.scores import gradient_magnitudes, joint_magnitudes
from prune_utils.sparsifiers.base import OneShotInputs
from prune_utils.sparsifiers.two_four import two_of_four
from training.costs import multiply_adds

pytestmark = pytest.mark.usefixtures("one_thread")
BATCHES = [batch(0)]
EXAMPLE = torch.zeros(1, 3, 6, 6)


def request_for(net: MultitaskNet, sparsity: float, **changes: Any) -> OneShotInputs:
    usual = {
        "keep_ratio": None,
        "seed": 0,
        "task_magnitudes": lambda twin: gradient_magnitudes(twin, BATCHES, LOSSES),
        "joint_magnitudes": lambda twin: joint_magnitudes(twin, BATCHES, LOSSES, WEIGHTS),
        "example": lambda: EXAMPLE,
    }
    return OneShotInputs(**{"net": net, "tasks": list(net.heads), "sparsity": sparsity, **usual, **changes})


@pytest.mark.parametrize("ratio", [20, 50, 90])
@pytest.mark.parametrize("method", CHANNELS)
def test_the_share_of_multiply_adds_and_a_smaller_network_that_has_exactly_them(method: str, ratio: int) -> None:
    pytest.importorskip("torch_pruning")
    net = conv_net().eval()
    masks, kept = one_shot(method).masks(request_for(net, ratio))
    assert list(masks) == list(weights(net)) and 0 < kept < 1
    apply_masks(net, masks)
    cost = multiply_adds(net, 6, 6)
    assert cost.saved == pytest.approx(ratio, abs=4)  # a channel of this network is up to 8 % of its work
    small, _ = without_idle_channels(net, EXAMPLE)
    assert multiply_adds(small, 6, 6).dense == cost.sparse
    with torch.no_grad():
        torch.testing.assert_close(small.eval()(EXAMPLE + 1)["b"], net(EXAMPLE + 1)["b"], rtol=1e-5, atol=1e-6)


def test_a_channel_goes_only_if_every_task_lets_it_go() -> None:
    """Task a leans on the last four channels of the backbone alone, task b on the first four alone."""
    pytest.importorskip("torch_pruning")
    net = conv_net()

    def magnitudes(twin: MultitaskNet) -> dict[str, dict[str, Tensor]]:
        found = gradient_magnitudes(twin, BATCHES, LOSSES)
        for task, needed in (("a", range(12, 16)), ("b", range(4))):
            for name in ("backbone.5.weight", f"heads.{task}.weight"):
                score = found[task][name].transpose(0, int(name.startswith("heads")))
                others = [channel for channel in range(16) if channel not in needed]
                score[others] = 0
        return found

    masks, _ = one_shot("disparse_channel").masks(request_for(net, 50, task_magnitudes=magnitudes))
    kept = masks["backbone.5.weight"].flatten(1).any(1)
    assert kept[:4].all() and kept[12:].all() and not kept[4:12].all()


def test_a_number_of_channels_that_each_task_keeps_and_multiples() -> None:
    pytest.importorskip("torch_pruning")
    net = conv_net()
    masks, ratio = one_shot("magnitude_channel").masks(request_for(net, 50, keep_ratio=0.4))
    assert ratio == 0.4 and channels(masks) == 16  # of 40
    masks, _ = one_shot("magnitude_channel", multiple=4).masks(request_for(net, 50))
    assert all(int(mask.flatten(1).any(1).sum()) % 4 == 0 for name, mask in masks.items() if "backbone" in name)
    with pytest.raises(UserError, match="--ratio: channels can take"):
        one_shot("magnitude_channel", multiple=16).masks(request_for(net, 50))


def channels(masks: Mapping[str, Tensor]) -> int:
    return sum(int(mask.flatten(1).any(1).sum()) for name, mask in masks.items() if name.startswith("backbone"))


def test_two_of_every_four_inputs_stay() -> None:
    score = torch.tensor([[4.0, 1.0, 3.0, 2.0, 5.0, 5.0, 5.0, 5.0]])
    assert two_of_four(score).tolist() == [[True, False, True, False, True, True, False, False]]
    kernel = torch.rand(3, 8, 2, 2, generator=torch.Generator().manual_seed(0))
    mask = two_of_four(kernel)
    assert mask.shape == kernel.shape and (mask.unflatten(1, (2, 4)).sum(2) == 2).all()
    assert torch.equal(mask[1, :4, 0, 1], kernel[1, :4, 0, 1] >= kernel[1, :4, 0, 1].sort().values[2])
    assert two_of_four(torch.rand(2, 3, 7, 7)).all()


def test_two_four_is_of_half_the_weights() -> None:
    masks, ratio = one_shot("two_four").masks(request_for(conv_net(), 50))
    assert ratio == 0.5 and masks["backbone.0.weight"].all() and masks["backbone.3.weight"].float().mean() == 0.5
    for changes, words in (({"sparsity": 90}, "--ratio"), ({"keep_ratio": 0.3}, "--keep_ratio")):
        request = request_for(conv_net(), **{"sparsity": 50, **changes})
        with pytest.raises(UserError, match=words):
            one_shot("two_four").masks(request)
