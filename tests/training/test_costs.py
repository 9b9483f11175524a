"""Parameters and multiply-adds, worked out by hand."""

import torch
from torch import nn

from prune_utils.apply import apply_masks
from training.costs import Cost, multiply_adds, parameters


class Everything(nn.Module):
    """Image [1, 3, 8, 8] -> 4 x 4 -> groups -> transposed 8 x 8 -> one number."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, stride=2, padding=1)  # 108 weights at 16 places
        self.norm = nn.BatchNorm2d(4)
        self.groups = nn.Conv2d(4, 4, 1, groups=2, bias=False)  # 8 weights at 16 places
        self.up = nn.ConvTranspose2d(4, 2, 2, stride=2, bias=False)  # 32 weights at 16 places
        self.linear = nn.Linear(8, 1)  # 8 weights at 2 * 8 places

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.linear(self.up(self.groups(self.norm(self.conv(x)))))


def test_dense() -> None:
    net = Everything().train()
    assert multiply_adds(net, 8, 8) == Cost(*[16 * (108 + 8 + 32 + 8)] * 2)
    assert parameters(net) == Cost(*[112 + 8 + 8 + 32 + 9] * 2)
    assert net.training and not net.conv._forward_hooks


def test_sparse() -> None:
    net = Everything()
    apply_masks(net, {"conv.weight": torch.arange(108).view(4, 3, 3, 3) < 8})
    assert multiply_adds(net, 8, 8) == Cost(16 * 156, 16 * 56)
    assert parameters(net) == Cost(169, 69)


def test_a_layer_used_twice_counts_twice_and_one_never_used_not_at_all() -> None:
    net = nn.Sequential(nn.Conv2d(3, 3, 1))
    net.append(net[0])
    net.spare = nn.Identity()
    assert multiply_adds(net, 2, 5) == Cost(2 * 10 * 9, 2 * 10 * 9)
