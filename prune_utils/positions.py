"""How often each weight of a network is used in one forward pass."""

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvTransposeNd

from prune_utils.layers import weight_layers
from prune_utils.modes import evaluation_mode


@torch.no_grad()
def positions(net: nn.Module, example: Tensor) -> dict[str, int]:
    """How often each Conv and Linear layer's weights are used in a forward pass of one image, by parameter name.

    A weight is used once at each position of its layer's output, those at the border included, where part of the input
    is padding. Layers that the pass does not meet are left out.

    Args:
        example: input of the network, one image, on its device.
    """
    found: dict[str, int] = {}

    def hook(name: str) -> object:
        def count(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            found[name] = found.get(name, 0) + _uses(layer, inputs[0], output)

        return count

    handles = [layer.register_forward_hook(hook(name)) for name, layer in weight_layers(net).items()]  # type: ignore[arg-type]
    try:
        with evaluation_mode(net):
            net(example)
    finally:
        for handle in handles:
            handle.remove()
    return found


def _uses(layer: nn.Module, given: Tensor, output: Tensor) -> int:
    if isinstance(layer, nn.Linear):
        return output.numel() // layer.out_features
    # Every input position of a transposed convolution meets every weight; otherwise every output position does.
    places = given if isinstance(layer, _ConvTransposeNd) else output
    return places.numel() // places.shape[1]
