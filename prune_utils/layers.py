"""Which parameters are scored and pruned: the weights of every convolution and linear layer, by name."""

from collections.abc import Iterable

from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd

from configs.errors import UserError

Scores = dict[str, Tensor]
"""Parameter name -> score of every weight, non-negative, shaped as the parameter."""

Masks = dict[str, Tensor]
"""Parameter name -> bool, True where the weight is kept, shaped as the parameter."""


def weight_layers(module: nn.Module, prefix: str = "") -> dict[str, nn.Module]:
    """Every Conv and Linear layer under the name of its weight, in module order."""
    return {
        f"{prefix}{name}.weight" if name else f"{prefix}weight": layer
        for name, layer in module.named_modules()
        if isinstance(layer, _ConvNd | nn.Linear)
    }


def weights(module: nn.Module, prefix: str = "") -> dict[str, nn.Parameter]:
    """The weight of every Conv and Linear layer by its parameter name, in module order.

    Of a layer masked with ``torch.nn.utils.prune`` it is the stored parameter, which the mask multiplies.
    """
    return {name: stored_weight(layer) for name, layer in weight_layers(module, prefix).items()}


def stored_weight(layer: nn.Module) -> nn.Parameter:
    """A layer's weight parameter: ``weight_orig`` if ``torch.nn.utils.prune`` masks it, else ``weight``."""
    return layer.weight_orig if "weight_orig" in layer._parameters else layer.weight  # type: ignore[return-value]


def shared_weights(net: nn.Module) -> dict[str, nn.Parameter]:
    """Weights of the backbone.

    Raises:
        UserError: the backbone has no Conv or Linear layer.
    """
    found = weights(net.backbone, "backbone.")  # type: ignore[arg-type]
    if not found:
        raise UserError("the backbone has no convolution or linear layer, so there is nothing to score")
    return found


def head_weights(net: nn.Module, task: str) -> dict[str, nn.Parameter]:
    """Weights of one task's head; empty for a head without Conv or Linear layers."""
    return weights(net.heads[task], f"heads.{task}.")  # type: ignore[index, arg-type]


def total(tensors: Iterable[Tensor]) -> int:
    """Number of entries of all tensors."""
    return sum(tensor.numel() for tensor in tensors)
