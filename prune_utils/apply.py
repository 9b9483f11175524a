"""Putting masks on a network with ``torch.nn.utils.prune``, and taking weights and masks off again."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn.utils import prune

from configs.errors import UserError
from prune_utils.layers import Masks, weight_layers


def apply_masks(net: nn.Module, masks: Mapping[str, Tensor]) -> None:
    """Mask the layers named; masks that are already there are overwritten in place.

    A masked layer's parameter ``weight`` becomes the parameter ``weight_orig`` and the buffer
    ``weight_mask``; every forward pass multiplies the two. Masked entries keep their stored values, which
    only weight decay still moves.

    Args:
        masks: parameter name -> [shape of the parameter], true where the weight is kept.

    Raises:
        UserError: a name or a shape that is not the network's.
    """
    layers = weight_layers(net)
    for name, mask in masks.items():
        if name not in layers:
            raise UserError(f"the mask '{name}' fits no layer; check the model settings and --tasks")
        layer = layers[name]
        weight: Tensor = layer.weight  # type: ignore[assignment]
        if mask.shape != weight.shape:
            raise UserError(
                f"the mask of '{name}' has shape {tuple(mask.shape)}, the network's weight has "
                f"{tuple(weight.shape)}; check the model settings and the tasks' channels"
            )
        if is_masked(layer):
            mask_buffer(layer).copy_(mask)
        else:
            prune.custom_from_mask(layer, "weight", mask.to(weight.device))


def is_masked(layer: nn.Module) -> bool:
    """Whether the layer's weight has a mask."""
    return "weight_mask" in layer._buffers


def masks_of(net: nn.Module) -> Masks:
    """The masks on the network as bool tensors, copies; nothing for layers without a mask."""
    layers = weight_layers(net).items()
    return {name: mask_buffer(layer).bool() for name, layer in layers if is_masked(layer)}


def mask_buffer(layer: nn.Module) -> Tensor:
    """The mask of a masked layer as its forward pass uses it: 0 and 1 in the weight's type, not a copy."""
    return layer.weight_mask  # type: ignore[return-value]


def dense_state(net: nn.Module) -> tuple[dict[str, Tensor], Masks]:
    """The state dict under the names of the network without masks, and the masks.

    The tensors of the state are the network's own, not copies; masked entries have their stored values.
    """
    masks = masks_of(net)
    hidden = {f"{name}_mask" for name in masks}
    plain = {f"{name}_orig": name for name in masks}
    state = {plain.get(key, key): value for key, value in net.state_dict().items() if key not in hidden}
    return state, masks


def load_state(net: nn.Module, weights: Mapping[str, Tensor], what: str = "the checkpoint") -> None:
    """Copy a state dict under plain names into a network, masked or not; masks stay as they are.

    Args:
        what: the source, for messages.

    Raises:
        UserError: names or shapes that differ, the first named.
    """
    current, _ = dense_state(net)
    # Files of old versions of torch lack these counters, which matter to nothing here.
    counters = {name for name in current if name.endswith("num_batches_tracked")}
    missing = sorted(current.keys() - weights.keys() - counters)
    unknown = sorted(weights.keys() - current.keys())
    for names, problem in ((missing, "lacks"), (unknown, "has, which the network has not,")):
        if names:
            more = f" and {len(names) - 1} more" if len(names) > 1 else ""
            raise UserError(f"{what} {problem} '{names[0]}'{more}; check the model settings and --tasks")
    given = {name: tensor for name, tensor in current.items() if name in weights}
    for name, tensor in given.items():
        if weights[name].shape != tensor.shape:
            raise UserError(
                f"{what} has '{name}' of shape {tuple(weights[name].shape)}, the network of shape "
                f"{tuple(tensor.shape)}; check the model settings and the tasks' channels"
            )
    with torch.no_grad():
        for name, tensor in given.items():
            tensor.copy_(weights[name])


def kept_counts(net: nn.Module) -> dict[str, tuple[int, int]]:
    """For each Conv and Linear weight, in module order: (weights kept, weights in all)."""
    counts = {}
    for name, layer in weight_layers(net).items():
        numel = layer.weight.numel()  # type: ignore[operator]
        kept = int(mask_buffer(layer).count_nonzero()) if is_masked(layer) else numel
        counts[name] = (kept, numel)
    return counts
