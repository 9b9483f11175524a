"""Scores: by hand, against the plain scorer, and what scoring must leave alone."""

from collections.abc import Mapping

import pytest
import torch
from torch import Tensor, nn

from benchmarks.naive_scorer import naive_scores
from configs import ModelConfig, UserError
from models import MultitaskNet, build_network
from prune_utils.initialisation import xavier_copy
from prune_utils.layers import head_weights, shared_weights, weights
from prune_utils.scores import gradient_magnitudes, magnitude_scores, snip_scores, trained_scores


def mlp(tasks: Mapping[str, int] | None = None) -> MultitaskNet:
    """A network that knows nothing of pictures."""
    torch.manual_seed(0)
    backbone = nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.Tanh(), nn.Linear(6, 5))
    return MultitaskNet(backbone, {task: nn.Linear(5, n) for task, n in (tasks or {"a": 2, "b": 1, "c": 3}).items()})


def conv_net() -> MultitaskNet:
    torch.manual_seed(0)
    return build_network(ModelConfig(depth=18, width=4, head_channels=6, dropout=0.0), {"seg": 5, "sn": 3, "depth": 1})


def square(prediction: Tensor, batch: Mapping[str, Tensor]) -> Tensor:
    return (prediction - batch["target"]).square().mean()


def batches(shape: tuple[int, ...], count: int = 3) -> list[dict[str, Tensor]]:
    generator = torch.Generator().manual_seed(1)
    return [{"img": torch.randn(shape, generator=generator), "target": torch.tensor(0.5)} for _ in range(count)]


def test_scores_of_a_linear_network_by_hand() -> None:
    heads = {"a": nn.Linear(1, 1, bias=False), "b": nn.Linear(1, 1, bias=False)}
    net = MultitaskNet(nn.Linear(2, 1, bias=False), heads)
    with torch.no_grad():
        net.backbone.weight.copy_(torch.tensor([[2.0, -1.0]]))
        net.heads["a"].weight.fill_(3.0)
        net.heads["b"].weight.fill_(-1.0)
    # y = h * (2 x1 - x2) with x = (1, 4): features -2; a: 3 * -2 = -6, b: 2; the loss is y itself.
    batch = {"img": torch.tensor([[1.0, 4.0]])}
    losses = {"a": lambda p, b: p.sum(), "b": lambda p, b: p.sum()}
    magnitudes = gradient_magnitudes(net, [batch, batch], losses)
    assert magnitudes["a"]["backbone.weight"].tolist() == [[6.0, 24.0]]  # twice |h * x|
    assert magnitudes["a"]["heads.a.weight"].tolist() == [[4.0]]  # twice |features|
    assert magnitudes["b"]["backbone.weight"].tolist() == [[2.0, 8.0]]
    scores = snip_scores(net, magnitudes)
    assert scores["a"]["backbone.weight"].tolist() == [[12.0, 24.0]]
    assert scores["a"]["heads.a.weight"].tolist() == [[12.0]]
    assert set(scores["b"]) == {"backbone.weight", "heads.b.weight"}
    trained = trained_scores(net, gradient_magnitudes(net, [batch], losses))
    assert trained["a"]["backbone.weight"].tolist() == [[12.0, 12.0]]  # w^2 |g| = 4 * 3, 1 * 12


def test_tasks_that_share_a_head_and_joint_scores_are_multiplied_once_by_their_weights() -> None:
    head = nn.Linear(1, 1, bias=False)
    net = MultitaskNet(nn.Linear(1, 1, bias=False), {"a": head, "b": head})
    with torch.no_grad():
        net.backbone.weight.fill_(2.0)
        head.weight.fill_(3.0)
    ones = torch.ones(1, 1)
    names = {"a": ["heads.a.weight"], "b": ["heads.b.weight"], "joint": ["backbone.weight", "heads.a.weight"]}
    scores = snip_scores(net, {key: {name: ones.clone() for name in own} for key, own in names.items()})
    assert scores["a"]["heads.a.weight"].item() == scores["b"]["heads.b.weight"].item() == 3
    assert [score.item() for score in scores["joint"].values()] == [2, 3]


@pytest.mark.parametrize(("make", "shape"), [(mlp, (8, 4)), (conv_net, (2, 3, 48, 40))])
def test_the_fast_scorer_gives_what_the_plain_one_gives(make, shape) -> None:
    net = make().train()
    losses = dict.fromkeys(net.heads, square)
    ours = snip_scores(net, gradient_magnitudes(net, batches(shape), losses))
    plain = naive_scores(net, batches(shape), losses)
    assert {task: list(scores) for task, scores in ours.items()} == {task: list(s) for task, s in plain.items()}
    for task, scores in ours.items():
        for name, score in scores.items():
            scale = plain[task][name].max().item()
            torch.testing.assert_close(score, plain[task][name], rtol=1e-4, atol=1e-5 * scale, msg=f"{task} {name}")


def test_scoring_leaves_the_network_as_it_was() -> None:
    net = mlp().eval()
    net.backbone[0].train()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    modes = [module.training for module in net.modules()]
    gradient_magnitudes(net, batches((8, 4)), dict.fromkeys(net.heads, square))
    assert [module.training for module in net.modules()] == modes
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert all(parameter.grad is None for parameter in net.parameters())


def test_an_error_leaves_the_network_as_it_was_too() -> None:
    net = mlp().eval()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    with pytest.raises(UserError, match="task 'a'"):
        gradient_magnitudes(net, batches((8, 4)), {"a": lambda p, b: square(p, b) * float("nan")})
    assert not any(module.training for module in net.modules())
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())


def test_scaling_a_loss_scales_its_tasks_scores_alone() -> None:
    net = mlp()
    losses = dict.fromkeys(net.heads, square)
    plain = gradient_magnitudes(net, batches((8, 4)), losses)
    scaled = gradient_magnitudes(net, batches((8, 4)), {**losses, "b": lambda p, b: 8 * square(p, b)})
    for name in plain["b"]:
        torch.testing.assert_close(scaled["b"][name], 8 * plain["b"][name])
    assert all(torch.equal(scaled["a"][name], plain["a"][name]) for name in plain["a"])


def test_bf16_is_close_to_fp32() -> None:
    net, data = conv_net(), batches((8, 3, 48, 40))
    losses = dict.fromkeys(net.heads, lambda p, b: square(p.float(), b))
    full = gradient_magnitudes(net, data, losses)["seg"]
    mixed = gradient_magnitudes(
        net, data, losses, precision=lambda: torch.autocast("cpu", dtype=torch.bfloat16)
    )["seg"]
    a, b = (torch.cat([scores[name].flatten() for name in full]) for scores in (full, mixed))
    assert mixed["backbone.conv1.weight"].dtype == torch.float32
    # Four channels and batch norm make rounding count for more than it does in a full-size network.
    assert torch.nn.functional.cosine_similarity(a, b, dim=0) > 0.95
    assert not torch.equal(a, b)


def test_a_xavier_copy_is_drawn_from_its_seed_and_keeps_the_rest() -> None:
    net = conv_net()
    first, again, other = xavier_copy(net, 3), xavier_copy(net, 3), xavier_copy(net, 4)
    name = "heads.seg.branches.0.conv2.weight"
    assert torch.equal(weights(first)[name], weights(again)[name])
    assert not torch.equal(weights(first)[name], weights(other)[name])
    drawn = weights(first)["heads.seg.branches.3.conv1.weight"]  # 6 x 32 x 3 x 3
    assert drawn.std().item() == pytest.approx((2 / (32 * 9 + 6 * 9)) ** 0.5, rel=0.1)
    bias = "heads.seg.branches.0.conv2.bias"
    assert torch.equal(first.state_dict()[bias], net.state_dict()[bias])


def test_magnitudes_are_those_of_the_weights() -> None:
    net = mlp()
    scores = magnitude_scores(net, ["a"])
    assert torch.equal(scores["a"]["heads.a.weight"], net.heads["a"].weight.detach().abs())
    assert list(scores["a"]) == [*shared_weights(net), *head_weights(net, "a")]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_loss_that_is_not_finite_is_named(value: float) -> None:
    net = mlp()
    data = [{**batch, "name": ["one.png", "two.png"]} for batch in batches((8, 4))]
    losses = {"a": square, "b": lambda p, b: p.sum() * value, "c": square}
    with pytest.raises(UserError, match="task 'b' is .* on batch 0.*one.png, two.png"):
        gradient_magnitudes(net, data, losses)


def test_no_batch_and_no_layer_are_errors() -> None:
    with pytest.raises(UserError, match="no batch"):
        gradient_magnitudes(mlp(), [], {"a": square})
    with pytest.raises(UserError, match="no convolution or linear layer"):
        shared_weights(MultitaskNet(nn.ReLU(), {"a": nn.Linear(1, 1)}))
