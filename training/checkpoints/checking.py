"""What may be inside a checkpoint, looked at before anything of it is used.

``models.files`` sees that a file holds plain values only; moments of another shape could still lead a kernel out of
its memory.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from models.files import FLOATS, Unsound, first_not_finite

NEVER_NEGATIVE = {"step", "exp_avg_sq"}
"""Of what Adam keeps, a count and a mean of squares."""
VARIANCE = "running_var"
"""The last part of what torch calls a variance of batch normalisation; a square root is taken of it."""


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


def as_mask(tensor: Tensor, name: str) -> Tensor:
    """A mask that was kept as numbers, as bool.

    Raises:
        Unsound: it holds something besides 0 and 1, and so would scale weights or mean nothing.
    """
    if not bool(((tensor == 0) | (tensor == 1)).all()):
        raise Unsound(f"the mask '{name}' holds other values than 0 and 1")
    return tensor.bool()


def check_optimizer(state: Any, optimizer: torch.optim.Optimizer, names: tuple[str, ...]) -> None:
    """See that an optimiser's state fits the optimiser: a fused kernel does not look, and writes outside of its memory.

    Args:
        state: as ``optimizer.state_dict()`` gave it; of no parameter, or of all.
        optimizer: new, of the same settings.
        names: of what it keeps for each parameter: moments, of the parameter's shape, and ``step``, a number.

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
        _check_moments(entry, parameters[index], names, f"optimizer.state.{index}")


def _check_moments(entry: Any, parameter: Tensor, names: tuple[str, ...], where: str) -> None:
    if not isinstance(entry, Mapping) or set(entry) != set(names):
        raise Unsound(f"'{where}' does not hold {', '.join(names)}")
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
