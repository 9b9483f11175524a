"""One-shot methods: exact sparsity, what each of them scores by, and what they leave alone."""

import math
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from small_networks import LOSSES, WEIGHTS, batch, conv_net
from small_sparsifiers import CONFIG, ONE_SHOT, one_shot
from torch import Tensor, nn

from configs import UserError
from models import MultitaskNet
from prune_utils.erk import erk_counts
from prune_utils.initialisation import xavier_copy
from prune_utils.layers import Masks, weights
from prune_utils.masks import target_count
from prune_utils.scores import gradient_magnitudes, joint_magnitudes
from prune_utils.sparsifiers.base import OneShotInputs
from prune_utils.sparsifiers.registry import build_sparsifier, find_sparsifier

pytestmark = pytest.mark.usefixtures("one_thread")
BATCHES = [batch(0), batch(1)]


def request_for(net: MultitaskNet, sparsity: float = 90, **changes: Any) -> OneShotInputs:
    return OneShotInputs(
        **{
            "net": net,
            "tasks": list(net.heads),
            "sparsity": sparsity,
            "keep_ratio": None,
            "seed": 0,
            "task_magnitudes": lambda twin: gradient_magnitudes(twin, BATCHES, LOSSES),
            "joint_magnitudes": lambda twin: joint_magnitudes(twin, BATCHES, LOSSES, WEIGHTS),
            "example": lambda: torch.zeros(1, 3, 6, 6),
            **changes,
        }
    )


def kept(masks: Masks) -> int:
    return sum(int(mask.sum()) for mask in masks.values())


@pytest.mark.parametrize("sparsity", [30, 50, 70, 90, 99])
@pytest.mark.parametrize("method", ONE_SHOT)
def test_sparsity_is_exact(method: str, sparsity: int) -> None:
    net = conv_net()
    masks, ratio = one_shot(method).masks(request_for(net, sparsity))
    assert kept(masks) == target_count(4536, sparsity)
    assert {name: mask.shape for name, mask in masks.items()} == {n: w.shape for n, w in weights(net).items()}
    assert all(mask.dtype == torch.bool for mask in masks.values())
    assert 0 < ratio < 1


@pytest.mark.parametrize("method", ["disparse_static", "disparse_pt", "snip"])
def test_sparsity_is_exact_where_all_scores_are_equal(method: str) -> None:
    zeros = {
        "task_magnitudes": lambda twin: gradient_magnitudes(twin, BATCHES, dict.fromkeys(LOSSES, nothing)),
        "joint_magnitudes": lambda twin: joint_magnitudes(twin, BATCHES, dict.fromkeys(LOSSES, nothing), WEIGHTS),
    }
    assert kept(one_shot(method).masks(request_for(conv_net(), 70, **zeros))[0]) == target_count(4536, 70)


def nothing(prediction: Tensor, data: Any) -> Tensor:
    return 0 * prediction.sum()


@pytest.mark.parametrize("method", ONE_SHOT)
def test_the_network_stays_as_it_was(method: str) -> None:
    net = conv_net().eval()
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    one_shot(method).masks(request_for(net))
    assert {name: torch.equal(tensor, before[name]) for name, tensor in net.state_dict().items()} == dict.fromkeys(
        before, True
    )
    assert not net.training


@pytest.mark.parametrize("method", ["disparse_static", "snip", "random"])
def test_untrained_methods_depend_on_the_seed_and_not_on_the_weights(method: str) -> None:
    first, again, other = (
        one_shot(method).masks(request_for(net, seed=seed))[0] for net, seed in
        ((conv_net(0), 0), (same_biases(conv_net(1)), 0), (conv_net(0), 1))
    )  # fmt: skip
    assert all(torch.equal(mask, again[name]) for name, mask in first.items())
    assert not all(torch.equal(mask, other[name]) for name, mask in first.items())


def same_biases(net: MultitaskNet) -> MultitaskNet:
    """Biases are not drawn anew for scoring, so they are made alike here."""
    likes = dict(conv_net(0).named_parameters())
    with torch.no_grad():
        for name, parameter in net.named_parameters():
            if name not in weights(net):
                parameter.copy_(likes[name])
    return net


def test_disparse_keeps_what_any_task_keeps() -> None:
    net = conv_net()
    masks, ratio = one_shot("disparse_static").masks(request_for(net, keep_ratio=0.2))
    assert ratio == 0.2
    twin = xavier_copy(net, 0)
    names = {task: [n for n in weights(net) if n.startswith(("backbone", f"heads.{task}"))] for task in LOSSES}
    tops = {}
    for task, loss in LOSSES.items():
        scores = plain_scores(twin, lambda outputs, data, t=task, f=loss: f(outputs[t], data), names[task])
        flat = torch.cat([scores[name].flatten() for name in names[task]])
        threshold = flat.sort(descending=True).values[int(0.2 * len(flat)) - 1]
        tops[task] = {name: scores[name] >= threshold for name in names[task]}
    for name, mask in masks.items():
        expected = torch.stack([top[name] for top in tops.values() if name in top]).any(dim=0)
        assert (mask != expected).sum() <= 1, name  # rounding may swap two weights at the threshold


def plain_scores(net: MultitaskNet, loss: Any, names: list[str], power: int = 1) -> dict[str, Tensor]:
    """|w|^power * sum over batches |dL/dw|, the plain way."""
    net = net.train()
    parameters = weights(net)
    sums = {name: torch.zeros_like(parameters[name]) for name in names}
    for data in BATCHES:
        gradients = torch.autograd.grad(loss(net(data["img"]), data), [parameters[name] for name in names])
        for name, gradient in zip(names, gradients, strict=True):
            sums[name] += gradient.abs()
    return {name: total * parameters[name].detach().abs() ** power for name, total in sums.items()}


def joint_loss(outputs: dict[str, Tensor], data: Any) -> Tensor:
    return sum(WEIGHTS[task] * LOSSES[task](outputs[task], data) for task in LOSSES)


def assert_top(masks: Masks, scores: dict[str, Tensor], count: int) -> None:
    """The masks keep the largest scores, except for rounding at the threshold."""
    flat = torch.cat([scores[name].flatten() for name in masks])
    chosen = torch.cat([mask.flatten() for mask in masks.values()])
    assert chosen.sum() == count
    threshold = flat.sort(descending=True).values[count - 1]
    assert flat[chosen].min() >= 0.999 * threshold and flat[~chosen].max() <= 1.001 * threshold


def test_snip_ranks_the_joint_loss_over_the_whole_network() -> None:
    net = conv_net()
    scores = plain_scores(xavier_copy(net, 0), joint_loss, list(weights(net)))
    assert_top(one_shot("snip").masks(request_for(net, 80))[0], scores, target_count(4536, 80))


def test_joint_magnitudes_are_those_of_the_weighted_sum() -> None:
    net = conv_net()
    ours = joint_magnitudes(net, BATCHES, LOSSES, WEIGHTS)
    expected = plain_scores(conv_net(), joint_loss, list(weights(net)), power=0)
    assert set(ours) == set(expected)
    for name, magnitude in ours.items():
        torch.testing.assert_close(magnitude, expected[name])
    with pytest.raises(UserError, match="no batch to score with"):
        joint_magnitudes(net, [], LOSSES, WEIGHTS)
    broken = {**BATCHES[0], "b": torch.full((4, 2, 6, 6), math.nan)}
    with pytest.raises(UserError, match=r"loss of task 'b' is nan on batch 1"):
        joint_magnitudes(net, [BATCHES[0], broken], LOSSES, WEIGHTS)


def test_magnitude_keeps_the_largest_weights_of_the_network() -> None:
    net = conv_net()
    scores = {name: weight.detach().abs() for name, weight in weights(net).items()}
    assert_top(one_shot("magnitude").masks(request_for(net, 60))[0], scores, target_count(4536, 60))


def test_pretrained_scores_are_squared_weights_times_gradients() -> None:
    # One task, so that nothing is merged.
    net = conv_net()
    single = MultitaskNet(net.backbone, {"a": net.heads["a"]})
    losses = {"a": LOSSES["a"]}
    request = request_for(single, 80, task_magnitudes=lambda twin: gradient_magnitudes(twin, BATCHES, losses))
    scores = plain_scores(single, lambda outputs, data: LOSSES["a"](outputs["a"], data), list(weights(single)), power=2)
    count = target_count(4536 - 288, 80)
    assert_top(one_shot("disparse_pt").masks(request)[0], scores, count)
    by_size = {name: weight.detach().abs() for name, weight in weights(single).items()}
    unused = partial(pytest.fail, "l1 needs no gradients")
    request = request_for(single, 80, task_magnitudes=unused)
    assert_top(one_shot("disparse_pt", criterion="l1").masks(request)[0], by_size, count)


def test_random_masks_have_the_densities_of_their_layers() -> None:
    net = conv_net()
    shapes = {name: weight.shape for name, weight in weights(net).items()}
    masks, _ = one_shot("random").masks(request_for(net, 80))
    assert {name: int(mask.sum()) for name, mask in masks.items()} == erk_counts(shapes, 80)
    masks, ratio = one_shot("random").masks(request_for(net, 80, keep_ratio=0.5))
    assert (kept(masks), ratio) == (2268, 0.5)


def test_which_table_of_keep_ratios_is_a_methods() -> None:
    wanted = {"disparse_static": "static", "disparse_pt": "pretrained", "snip": None, "magnitude": None, "random": None}
    assert {name: one_shot(name).published for name in ONE_SHOT} == wanted


def test_a_number_is_taken_as_it_is() -> None:
    masks, _ = one_shot("magnitude").masks(request_for(conv_net(), 90, keep_ratio=0.25))
    assert kept(masks) == 4536 // 4


def test_a_method_of_the_users_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "my_pruning.py").write_text(
        "import torch\nfrom prune_utils.layers import weights\nfrom prune_utils.sparsifiers.base import OneShot\n"
        "class First(OneShot):\n"
        "    share: float = 0.5\n"
        "    def masks(self, inputs):\n"
        "        def first(w): return torch.arange(w.numel()).view(w.shape) < self.share * w.numel()\n"
        "        return {name: first(w) for name, w in weights(inputs.net).items()}, self.share\n"
        "class Unfinished(OneShot): pass\n"
    )
    config = CONFIG.model_copy(update={"pruning": {"my_pruning:First": {"share": 0.25}}})
    masks, ratio = build_sparsifier("my_pruning:First", config).masks(request_for(conv_net()))
    assert (kept(masks), ratio) == (4536 // 4, 0.25)
    for name, words in (
        ("lottery", "'lottery'; choose from disparse_channel, disparse_dynamic"),
        ("my_pruning:torch", "no pruning method"),
        ("my_pruning:Unfinished", "lacks masks"),
    ):
        with pytest.raises(UserError, match=words):
            find_sparsifier(name, config)


def test_linear_networks_can_be_pruned() -> None:
    torch.manual_seed(0)
    net = MultitaskNet(nn.Sequential(nn.Linear(6, 20), nn.Tanh()), {"a": nn.Linear(20, 1), "b": nn.Linear(20, 1)})
    data = [{"img": torch.randn(5, 6)}]
    losses = dict.fromkeys(LOSSES, lambda prediction, batch: prediction.square().mean())
    request = request_for(
        net, 75,
        task_magnitudes=lambda twin: gradient_magnitudes(twin, data, losses),
        joint_magnitudes=lambda twin: joint_magnitudes(twin, data, losses, WEIGHTS),
    )  # fmt: skip
    for method in ONE_SHOT:
        assert kept(one_shot(method).masks(request)[0]) == 40, method
