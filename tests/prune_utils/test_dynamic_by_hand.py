"""One update of masks by hand, and how batches and schedules are cut."""

from typing import Any

import pytest
import torch
from small_networks import batch, two_features
from small_sparsifiers import begin
from torch import Tensor

from configs import DynamicConfig, UserError
from models import MultitaskNet
from prune_utils.apply import apply_masks, mask_buffer
from prune_utils.layers import stored_weight
from prune_utils.sparsifiers.base import DynamicInputs, MaskUpdates
from prune_utils.sparsifiers.prune_and_grow import fitted, split

BY_HAND = [[0.1, 0.2, 0.3, 0.4], [0.5, 0.6, 0.7, 0.8]]
FEATURES = {"a": lambda p, b: p[:, 0].sum(), "b": lambda p, b: p[:, 1].sum()}


def by_hand(regrow: str, method: str = "disparse_dynamic", **losses: Any) -> tuple[MultitaskNet, MaskUpdates]:
    """Eight weights, four of them present, half of which an update replaces."""
    net = two_features(BY_HAND)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.0)
    settings = DynamicConfig(end=10, interval=10, prune_rate=0.5, chunks=1, regrow=regrow)
    run = DynamicInputs(net, optimizer, settings, 50, losses or FEATURES, {"a": 1.0, "b": 1.0}, seed=0)
    sparsifier = begin(method, run)
    apply_masks(net, {"backbone.weight": torch.tensor([[1, 1, 1, 0], [1, 0, 0, 0]])})
    return net, sparsifier


def mask(net: MultitaskNet) -> list[list[float]]:
    return mask_buffer(net.backbone).tolist()


def values(net: MultitaskNet) -> Tensor:
    return stored_weight(net.backbone).detach()


def test_one_update_by_hand() -> None:
    net, sparsifier = by_hand("stored")
    sparsifier.before_step(0, {"img": torch.tensor([[1.0, 2.0, 3.0, 4.0]])})
    # Of 0.1 0.2 0.3 0.5, the 0.3 and the 0.5 stay. Gradients are 1 2 3 4: a grows the places 3 and 1 of its
    # row, b the places 3 and 2 of its own; the backbone gets the union, two more than its number.
    assert mask(net) == [[0, 1, 1, 1], [1, 0, 1, 1]]
    assert torch.equal(values(net), torch.tensor(BY_HAND))  # what grew resumes its stored value
    assert torch.equal(net.backbone.weight, torch.tensor([[0, 0.2, 0.3, 0.4], [0.5, 0, 0.7, 0.8]]))
    sparsifier.before_step(10, {})
    assert mask(net) == [[0, 0, 0, 1], [1, 0, 1, 1]]  # the four largest, fixed


def test_one_update_by_hand_with_growth_from_zero() -> None:
    net, sparsifier = by_hand("zero")
    sparsifier.before_step(0, {"img": torch.tensor([[1.0, 2.0, 3.0, 4.0]])})
    assert mask(net) == [[0, 1, 1, 1], [1, 0, 1, 1]]
    assert torch.equal(values(net), torch.tensor([[0, 0, 0.3, 0], [0.5, 0, 0, 0]]))


def test_rigl_by_hand() -> None:
    net, sparsifier = by_hand("stored", "rigl", a=lambda p, b: 3 * p[:, 0].sum(), b=FEATURES["b"])
    sparsifier.before_step(0, {"img": torch.tensor([[1.0, 2.0, 3.0, 4.0]])})
    # The joint gradient is 3 6 9 12 in the first row and 1 2 3 4 in the second; what grows starts from 0.
    assert mask(net) == [[0, 1, 1, 1], [1, 0, 0, 0]]
    assert torch.equal(values(net), torch.tensor([[0, 0, 0.3, 0], [0.5, 0, 0, 0]]))


@pytest.mark.parametrize(
    ("regrow", "expected"), [("stored", [[0, 0, 1, 1], [1, 1, 0, 0]]), ("zero", [[1, 1, 1, 1], [0, 0, 0, 0]])]
)
def test_stored_weights_take_part_in_the_gradient_and_zeros_do_not(regrow: str, expected: list[list[int]]) -> None:
    # The loss is half the square of both features and x is 1, so dL/dw is the feature: with all stored weights
    # -1.3 and 2.55, of the sparse network 0.7 and 0.45. The 0.4 and the 0.3 stay; the row with the larger one grows.
    net, sparsifier = by_hand(regrow, a=lambda p, b: p.square().sum() / 2)
    with torch.no_grad():
        stored_weight(net.backbone).copy_(torch.tensor([[-1.0, -1.0, 0.4, 0.3], [0.2, 0.25, 1.0, 1.1]]))
    apply_masks(net, {"backbone.weight": torch.tensor([[0, 0, 1, 1], [1, 1, 0, 0]])})
    sparsifier.before_step(0, {"img": torch.ones(1, 4)})
    assert mask(net) == expected


def test_a_batch_is_split_as_far_as_it_goes() -> None:
    parts = split(batch(0, size=3), 2)
    assert [len(part["img"]) for part in parts] == [1, 2]
    assert [part["name"] for part in parts] == [["0.0"], ["0.1", "0.2"]]
    assert [len(part["img"]) for part in split(batch(0, size=3), 8)] == [1, 1, 1]


def test_the_end_of_a_shorter_run_comes_at_the_same_share() -> None:
    settings = DynamicConfig(end=300, interval=10)
    assert fitted(settings, planned=400, max_iters=400) == settings
    assert fitted(settings, planned=400, max_iters=320) == settings  # it is reached
    assert fitted(settings, planned=400, max_iters=40).end == 30
    assert fitted(settings, planned=400, max_iters=1).end == 1
    with pytest.raises(UserError, match=r"dynamic.end: 300 .*train.max_iters: 200.*--set dynamic.end=200"):
        fitted(settings, planned=200, max_iters=200)
