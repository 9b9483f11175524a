"""The ASPP head of AdaShare and DiSparse: four dilated branches, summed (Chen et al., "DeepLab", TPAMI 2018)."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from configs.schema import ModelConfig


class DilatedConv2d(nn.Conv2d):
    """A 3 x 3 convolution, padded by its dilation, that does not multiply by the padding where it need not.

    On a map no larger than the dilation, the eight outer taps meet nothing but padding: only the centre is
    convolved, with the same result and the same gradients (zero for the outer taps) at a ninth of the work.
    """

    def __init__(self, in_channels: int, out_channels: int, dilation: int) -> None:
        super().__init__(in_channels, out_channels, kernel_size=3, padding=dilation, dilation=dilation)

    def forward(self, x: Tensor) -> Tensor:
        if self.dilation[0] >= max(x.shape[-2:]):
            return F.conv2d(x, self.weight[:, :, 1:2, 1:2], self.bias)
        return super().forward(x)


class ByteDropout(nn.Dropout):
    """Dropout that draws its mask some twenty times faster on the CPU, where drawing it is a tenth of a step.

    PyTorch's CPU dropout draws one float for each value; here one random byte decides over each, eight bytes to a
    draw. So the probability has to be a multiple of 1/256 (0.5 is); any other takes PyTorch's way, as do GPUs.
    """

    def forward(self, x: Tensor) -> Tensor:
        keep = self._drawn(x)
        return super().forward(x) if keep is None else (x * keep).mul_(1 / (1 - self.p))

    def of_relu(self, x: Tensor) -> Tensor:
        """The same of max(x, 0), which overwrites x; for the backward pass one map is kept, not three."""
        keep = self._drawn(x)
        if keep is None:
            return super().forward(F.relu(x, inplace=True))
        return _ReluDropout.apply(x, keep, 1 / (1 - self.p))

    def _drawn(self, x: Tensor) -> Tensor | None:
        """Which values are kept, drawn at random; None where PyTorch has to do it."""
        dense = x.is_contiguous() or x.is_contiguous(memory_format=torch.channels_last)
        if not self.training or x.device.type != "cpu" or not dense or (self.p * 256) % 1:
            return None
        draws = torch.empty((x.numel() + 7) // 8, dtype=torch.int64).random_(-(2**63), None)
        keep = draws.view(torch.int8)[: x.numel()] >= int(self.p * 256) - 128
        return keep.as_strided(x.shape, x.stride())


class _ReluDropout(torch.autograd.Function):
    """max(x, 0) * keep * scale in the place of x. What is above zero in the end is what gradients pass through."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, keep: Tensor, scale: float) -> Tensor:
        x.relu_().mul_(keep).mul_(scale)
        ctx.mark_dirty(x)
        ctx.save_for_backward(x)
        ctx.scale = scale
        return x

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        (result,) = ctx.saved_tensors
        return torch.where(result > 0, gradient * ctx.scale, 0), None, None


class Branch(nn.Module):
    """Dilated 3 x 3, then two 1 x 1 convolutions; [N, in_channels, h, w] -> [N, out_channels, h, w]."""

    def __init__(self, in_channels: int, hidden: int, out_channels: int, dilation: int, dropout: float) -> None:
        super().__init__()
        self.conv1 = DilatedConv2d(in_channels, hidden, dilation)
        self.conv2 = nn.Conv2d(hidden, hidden, kernel_size=1)
        self.conv3 = nn.Conv2d(hidden, out_channels, kernel_size=1)
        self.dropout = ByteDropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        x = self.dropout.of_relu(self.conv1(x))
        x = self.dropout.of_relu(self.conv2(x))
        return self.conv3(x)


class ASPP(nn.Module):
    """One branch for each dilation rate, summed; features [N, in_channels, h, w] -> [N, out_channels, h, w]."""

    def __init__(self, in_channels: int, out_channels: int, config: ModelConfig) -> None:
        super().__init__()
        self.branches = nn.ModuleList(
            Branch(in_channels, config.head_channels, out_channels, rate, config.dropout) for rate in config.rates
        )

    def forward(self, x: Tensor) -> Tensor:
        first, *others = self.branches
        total = first(x)
        for branch in others:
            total = total + branch(x)
        return total
