"""Balancing the tasks' gradients: two that conflict, small enough to work out by hand."""

import sys
from pathlib import Path

import pytest
import torch
from conftest import Script, assert_user_error, tiny
from torch import Tensor, nn
from torch.optim.lr_scheduler import StepLR

from configs import UserError
from models import MultitaskNet
from tasks.maps import MapTask
from training.balancing import AGGREGATORS, make_backward
from training.loop.step import descend

NEEDS = {"cagrad": "cvxpy", "upgrad": "quadprog", "dualproj": "quadprog"}
OWN = """
def larger(gradients):
    return gradients[gradients.norm(dim=1).argmax()]
"""


def net_and_losses(factor: float = 1.0) -> tuple[MultitaskNet, dict[str, Tensor]]:
    """On the two shared weights (2, 3), a's gradient is (1, 0) and b's is (-1, 1); on their own heads 2 and 1."""
    net = MultitaskNet(nn.Linear(2, 1, bias=False), {task: nn.Linear(1, 1, bias=False) for task in "ab"})
    with torch.no_grad():
        net.backbone.weight.copy_(torch.tensor([[2.0, 3.0]]))  # type: ignore[union-attr, operator]
        for head in net.heads.values():
            head.weight.fill_(1)  # type: ignore[union-attr, operator]
    predictions = net(torch.tensor([[1.0, 0.0], [-1.0, 1.0]]))
    return net, {"a": predictions["a"][0, 0], "b": factor * predictions["b"][1, 0]}


def gradients(net: MultitaskNet) -> list[list[float]]:
    """Of the shared weights, and of each head's."""
    return [parameter.grad.flatten().tolist() for parameter in net.parameters() if parameter.grad is not None]


@pytest.mark.parametrize(
    ("name", "shared"),
    [
        ("sum", [0, 1]),
        # Each loses its part against the other: (1, 0) + (-1, 1) / 2, and (-1, 1) + (1, 0).
        ("pcgrad", [0.5, 1.5]),
        # The shortest on the line between the two, 3/5 of a's and 2/5 of b's.
        ("mgda", [0.2, 0.4]),
        # The mean (0, 1/2), and c = 1/2 of its length along the mixture that gains least: a's alone.
        ("cagrad", [0.25, 0.5]),
        # The mean of what PCGrad has of each.
        ("upgrad", [0.25, 0.75]),
        # The mean, which harms neither.
        ("dualproj", [0, 0.5]),
    ],
)
def test_two_gradients_that_conflict(name: str, shared: list[float]) -> None:
    if name in NEEDS:
        pytest.importorskip(NEEDS[name])
    net, losses = net_and_losses()
    make_backward(name, net, Path(), 1)(losses)
    found, *heads = gradients(net)
    assert found == pytest.approx(shared, abs=2e-3)
    assert heads == [[2], [1]], "no task's own head is balanced"


@pytest.mark.parametrize("name", [name for name in AGGREGATORS if name not in NEEDS])
def test_every_aggregator_harms_neither_task(name: str) -> None:
    net, losses = net_and_losses()
    make_backward(name, net, Path(), 1)(losses)
    x, y = gradients(net)[0]
    assert x >= 0 and y - x >= 0 and (x, y) != (0, 1), "products with (1, 0) and (-1, 1)"


def test_a_step_balances_weighted_losses_and_clips_what_comes_of_them() -> None:
    net, losses = net_and_losses()
    tasks = {"a": MapTask(name="a", channels=1, weight=1), "b": MapTask(name="b", channels=1, weight=2)}
    optimizer = torch.optim.SGD(net.parameters(), lr=1.0)
    # b's is (-2, 2) now: (1, 0) + (-2, 2) / 4 and (-2, 2) + 2 (1, 0) give (1/2, 5/2), beside 2 and 2 on the heads.
    length = (0.5**2 + 2.5**2 + 2**2 + 2**2) ** 0.5
    backward = make_backward("pcgrad", net, Path(), 1)
    descend(losses, tasks, optimizer, StepLR(optimizer, 9), clip=length / 2, backward=backward)
    assert net.backbone.weight.flatten().tolist() == pytest.approx([2 - 0.25, 3 - 1.25])  # type: ignore[union-attr, operator]


def test_the_order_of_memory_of_a_parameter_is_kept() -> None:
    """Fused optimisers ask for it."""
    net = MultitaskNet(nn.Conv2d(3, 2, 3), {task: nn.Conv2d(2, 1, 1) for task in "ab"}).to(
        memory_format=torch.channels_last
    )
    predictions = net(torch.randn(2, 3, 5, 5))
    make_backward("pcgrad", net, Path(), 1)({task: prediction.mean() for task, prediction in predictions.items()})
    weight = net.backbone.weight
    assert weight.grad.stride() == weight.stride()  # type: ignore[union-attr]


def test_an_aggregator_of_the_users_own(tmp_path: Path) -> None:
    (tmp_path / "own_balance.py").write_text(OWN)
    net, losses = net_and_losses()
    make_backward("own_balance:larger", net, tmp_path, 1)(losses)
    assert gradients(net)[0] == [-1, 1]


def test_a_single_task_has_nothing_to_balance() -> None:
    net = MultitaskNet(nn.Linear(2, 1), {"a": nn.Linear(1, 1)})
    make_backward("pcgrad", net, Path(), 4)({"a": net(torch.ones(1, 2))["a"].sum()})
    assert len(gradients(net)) == 4


def test_what_cannot_be_balanced_is_one_line(
    run_script: Script, rooms: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    net, losses = net_and_losses(factor=float("inf"))
    with pytest.raises(UserError, match="train.balance=imtl_g: .*; try a lower train.lr, or train.clip"):
        make_backward("imtl_g", net, tmp_path, 1)(losses)
    with pytest.raises(UserError, match="in one process; call it without torchrun"):
        make_backward("pcgrad", net, tmp_path, 2)
    train = ["launch_training.py", *tiny(rooms), "--device", "cpu", "--set"]
    assert_user_error(run_script(*train, "train.balance=pcgrade"), "train.balance", "'pcgrade'", "pcgrad", "mgda")
    monkeypatch.setitem(sys.modules, "torchjd", None)
    assert_user_error(
        run_script(*train, "train.balance=mgda"), "train.balance=mgda", "torchjd", "pip install torchjd[cagrad,"
    )
