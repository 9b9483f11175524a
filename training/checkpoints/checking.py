"""What may be inside a checkpoint, looked at before anything of it is used.

Files come from other people. Torch refuses those that would run code when they are read; what is left can still lead
a kernel out of its memory (moments of another shape), never end (a list that holds itself) or pass nonsense for a
network.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

MOST_LEVELS = 16
"""Dicts and lists inside one another; our own files have seven."""
MOST_ENTRIES = 2_000_000
"""Values in a file, those of shared lists counted each time: a few hundred bytes can stand for billions of them."""
MOST_SHARING = 1 << 28
"""Values of a tensor that may lie in the memory of fewer: four bytes can stand for terabytes."""
FLOATS = {torch.float16, torch.bfloat16, torch.float32, torch.float64}
NEVER_NEGATIVE = {"step", "exp_avg_sq"}
"""Of what Adam keeps, a count and a mean of squares."""
VARIANCE = "running_var"
"""The last part of what torch calls a variance of batch normalisation; a square root is taken of it."""
DTYPES = FLOATS | {torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64}


class Unsound(Exception):
    """Something that no checkpoint holds; the message says where and what, without the file's name."""


def check_plain(content: object) -> None:
    """See that content is made of plain values and plain tensors only, of bounded depth and number.

    Raises:
        Unsound: naming the place.
    """
    left = MOST_ENTRIES
    open_: list[tuple[str, object, int]] = [("", content, 0)]
    while open_:
        where, value, level = open_.pop()
        left -= 1
        if left < 0:
            raise Unsound(f"more than {MOST_ENTRIES:,} values")
        if level > MOST_LEVELS:
            raise Unsound(f"'{where[:80]}...' is nested more than {MOST_LEVELS} levels deep, perhaps in itself")
        if isinstance(value, Tensor):
            check_tensor(value, where)
        elif isinstance(value, Mapping):
            for key in value:
                if not isinstance(key, str | int | bool):
                    raise Unsound(f"'{where}' has a key of type {type(key).__name__}")
            open_ += [(f"{where}.{key}" if where else f"{key}", entry, level + 1) for key, entry in value.items()]
        elif isinstance(value, list | tuple):
            open_ += [(f"{where}[{index}]", entry, level + 1) for index, entry in enumerate(value)]
        elif value is not None and not isinstance(value, bool | int | float | str):
            raise Unsound(f"'{where}' is a {type(value).__name__}, neither a tensor nor a plain value")


def check_tensor(tensor: Tensor, name: str) -> None:
    """See that a tensor lies in memory as ours do: dense, with data, of a plain type.

    Raises:
        Unsound: it is sparse, quantised, on no device, nested, of a type that networks do not have, or so much larger
            than the memory that it lies in that looking at it would take all there is.
    """
    if tensor.is_meta:
        raise Unsound(f"the tensor '{name}' has no data (meta)")
    if tensor.layout != torch.strided or tensor.is_quantized or tensor.is_nested or tensor.dtype not in DTYPES:
        raise Unsound(f"the tensor '{name}' is {_describe(tensor)}; plain dense numbers are needed")
    if tensor.numel() > MOST_SHARING and tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes():
        raise Unsound(f"the {tensor.numel():,} values of the tensor '{name}' share memory; a layer has fewer")


def check_network(weights: Mapping[str, Tensor], masks: Mapping[str, Tensor]) -> None:
    """See that a network's weights are numbers, and that each mask fits a weight.

    Raises:
        Unsound: a weight is NaN or infinite, a variance negative, or a mask has no weight or another shape.
    """
    if (bad := first_not_finite(weights)) is not None:
        raise Unsound(f"the weight '{bad}' is not finite everywhere")
    for name, weight in weights.items():
        if name.endswith(VARIANCE) and bool((weight < 0).any()):
            raise Unsound(f"the variance '{name}' is negative somewhere")
    for name, mask in masks.items():
        if name not in weights:
            raise Unsound(f"there is a mask for '{name}', but no such weight")
        if mask.shape != weights[name].shape:
            shapes = f"{list(mask.shape)}, the weight {list(weights[name].shape)}"
            raise Unsound(f"the mask of '{name}' has the shape {shapes}")


def first_not_finite(state: Mapping[str, Tensor]) -> str | None:
    """The name of the first tensor that holds an infinity or NaN; None if all are finite."""
    for name, tensor in state.items():
        if tensor.dtype in FLOATS and not tensor.is_meta and not bool(torch.isfinite(tensor).all()):
            return name
    return None


def as_mask(tensor: Tensor, name: str) -> Tensor:
    """A mask that was kept as numbers, as bool.

    Raises:
        Unsound: it holds something besides 0 and 1, and so would scale weights or mean nothing.
    """
    if not bool(((tensor == 0) | (tensor == 1)).all()):
        raise Unsound(f"the mask '{name}' holds other values than 0 and 1")
    return tensor.bool()


def check_optimizer(state: Any, optimizer: torch.optim.Optimizer, moments: tuple[str, ...]) -> None:
    """See that an optimiser's state fits the optimiser: a fused kernel does not look, and writes outside of its memory.

    Args:
        state: as ``optimizer.state_dict()`` gave it; of no parameter, or of all.
        optimizer: new, of the same settings.
        moments: names of what it keeps for each parameter, of the parameter's shape; ``step`` besides.

    Raises:
        Unsound: anything differs but the learning rate.
    """
    fresh = optimizer.state_dict()
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    if not isinstance(state, Mapping) or set(state) != {"state", "param_groups"}:
        raise Unsound("the optimiser's state is not one")
    groups, kept = state["param_groups"], state["state"]
    if not isinstance(groups, list) or len(groups) != len(fresh["param_groups"]):
        raise Unsound("the optimiser's state is of other groups of parameters")
    for group, new in zip(groups, fresh["param_groups"], strict=True):
        settled = {key: value for key, value in new.items() if key != "lr"}
        if not isinstance(group, Mapping) or not _is_rate(group.get("lr")):
            raise Unsound("the optimiser's state has no learning rate")
        differing = [key for key, value in settled.items() if key in group and group[key] != value]
        if differing or "params" not in group:
            raise Unsound(f"the optimiser's state was made with another {(differing or ['params'])[0]}")
    if not isinstance(kept, Mapping) or (kept and set(kept) != set(range(len(parameters)))):
        raise Unsound("the optimiser's state is not of this network's parameters")
    for index, entry in kept.items():
        _check_moments(entry, parameters[index], moments, f"optimizer.state.{index}")


def _check_moments(entry: Any, parameter: Tensor, moments: tuple[str, ...], where: str) -> None:
    if not isinstance(entry, Mapping) or set(entry) != {"step", *moments}:
        raise Unsound(f"'{where}' does not hold step, {', '.join(moments)}")
    for name, value in entry.items():
        shape = parameter.shape if name != "step" else torch.Size([])
        if not isinstance(value, Tensor) or value.shape != shape or value.dtype not in FLOATS:
            raise Unsound(f"'{where}.{name}' is not a tensor of numbers with the shape {list(shape)}")
        if not bool(torch.isfinite(value).all()):
            raise Unsound(f"'{where}.{name}' is not finite")
        if name in NEVER_NEGATIVE and bool((value < 0).any()):
            raise Unsound(f"'{where}.{name}' is negative")


def _is_rate(value: object) -> bool:
    return isinstance(value, float | int) and not isinstance(value, bool) and 0 <= value < float("inf")


def _describe(tensor: Tensor) -> str:
    return f"{'quantised' if tensor.is_quantized else tensor.layout} of {tensor.dtype}"
