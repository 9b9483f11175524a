"""Networks and batches that are small enough for many runs in a test."""

import torch
from torch import Tensor, nn

from configs.schema import ModelConfig
from models import MultitaskNet

LOSSES = {
    "a": lambda prediction, batch: (prediction - batch["a"]).square().mean(),
    "b": lambda prediction, batch: (prediction - batch["b"]).abs().mean(),
}
WEIGHTS = {"a": 1.0, "b": 3.0}


def conv_net(seed: int = 0) -> MultitaskNet:
    """4,536 weights: three convolutions with batch normalisation, two heads of one convolution each."""
    torch.manual_seed(seed)
    backbone = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU(),
        nn.Conv2d(8, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 16, 3, padding=1),
    )  # fmt: skip
    return MultitaskNet(backbone, {"a": nn.Conv2d(16, 4, 3, padding=1), "b": nn.Conv2d(16, 2, 3, padding=1)})


def batch(number: int, size: int = 4) -> dict[str, Tensor | list[str]]:
    """Images [size, 3, 6, 6] and targets of both tasks, drawn from the number."""
    generator = torch.Generator().manual_seed(number)
    shapes = {"img": 3, "a": 4, "b": 2}
    drawn = {key: torch.randn(size, channels, 6, 6, generator=generator) for key, channels in shapes.items()}
    return {**drawn, "name": [f"{number}.{index}" for index in range(size)]}


def two_features(weights: list[list[float]]) -> MultitaskNet:
    """Four inputs, two features, and heads that pass them on: dL/dw of feature f is x times dL/df."""
    net = MultitaskNet(nn.Linear(4, 2, bias=False), {"a": nn.Identity(), "b": nn.Identity()})
    with torch.no_grad():
        net.backbone.weight.copy_(torch.tensor(weights))
    return net


def few_layers(_: ModelConfig) -> nn.Module:
    """A backbone for settings, ``small_networks:few_layers``: two convolutions, an eighth of the resolution."""
    layers = [nn.Conv2d(3, 4, 5, stride=4, padding=2), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 6, 3, 2, padding=1)]
    backbone = nn.Sequential(*layers)
    backbone.out_channels = 6  # type: ignore[assignment]
    return backbone
