"""What a network costs: parameters and multiply-adds, dense and as sparse as its masks are."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvTransposeNd

from prune_utils.apply import kept_counts
from prune_utils.layers import weight_layers


@dataclass(frozen=True)
class Cost:
    """A count for the network without its masks and with them."""

    dense: int
    sparse: int


def parameters(net: nn.Module) -> Cost:
    """All parameters; the sparse count leaves out weights that are masked."""
    dense = sum(parameter.numel() for parameter in net.parameters())
    pruned = sum(numel - kept for kept, numel in kept_counts(net).values())
    return Cost(dense, dense - pruned)


def multiply_adds(net: nn.Module, height: int, width: int) -> Cost:
    """Multiply-adds of the Conv and Linear layers for one image; the sparse count is that of the weights kept.

    A weight is used once at each position of its layer's output, those at the border included, where part of the input
    is padding. Biases and other layers are not counted.

    Args:
        net: image [1, 3, height, width] -> anything.
    """
    positions = _positions(net, height, width)
    counts = kept_counts(net)
    dense = sum(numel * positions.get(name, 0) for name, (_, numel) in counts.items())
    return Cost(dense, sum(kept * positions.get(name, 0) for name, (kept, _) in counts.items()))


@torch.no_grad()
def _positions(net: nn.Module, height: int, width: int) -> dict[str, int]:
    """How often each layer's weights are used in a forward pass of one image."""
    positions: dict[str, int] = {}

    def hook(name: str) -> object:
        def count(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            positions[name] = positions.get(name, 0) + _uses(layer, inputs[0], output)

        return count

    handles = [layer.register_forward_hook(hook(name)) for name, layer in weight_layers(net).items()]  # type: ignore[arg-type]
    mode = net.training
    device = next(net.parameters()).device
    net.eval()
    try:
        net(torch.zeros(1, 3, height, width, device=device))
    finally:
        net.train(mode)
        for handle in handles:
            handle.remove()
    return positions


def _uses(layer: nn.Module, given: Tensor, output: Tensor) -> int:
    if isinstance(layer, nn.Linear):
        return output.numel() // layer.out_features
    # Every input position of a transposed convolution meets every weight; otherwise every output position does.
    places = given if isinstance(layer, _ConvTransposeNd) else output
    return places.numel() // places.shape[1]
