"""How the tasks' gradients on the shared weights become one: their sum, or an aggregator of torchjd's."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from configs import UserError
from configs.plugins import resolve
from models import MultitaskNet

SUM = "sum"
LONGEST_REASON = 150
AGGREGATORS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "aligned_mtl": ("AlignedMTL", {}),  # Senushkin et al., CVPR 2023
    "cagrad": ("CAGrad", {"c": 0.5}),  # Liu et al., NeurIPS 2021, with the paper's c
    "config": ("ConFIG", {}),  # Liu et al., ICLR 2025
    "dualproj": ("DualProj", {}),  # Lopez-Paz and Ranzato, NeurIPS 2017 (GEM)
    "imtl_g": ("IMTLG", {}),  # Liu et al., ICLR 2021
    "mgda": ("MGDA", {}),  # Sener and Koltun, NeurIPS 2018
    "pcgrad": ("PCGrad", {}),  # Yu et al., NeurIPS 2020
    "upgrad": ("UPGrad", {}),  # Quinton and Rey, 2024
}
"""By name, torchjd's class and its options. Those that remember earlier steps are left out: no run could go on."""

Aggregate = Callable[[Tensor], Tensor]
Backward = Callable[[Mapping[str, Tensor]], None]
"""Sets the gradient of every parameter, given each task's loss times its weight."""


def backward_of_sum(losses: Mapping[str, Tensor]) -> None:
    """The gradient of the sum of the losses."""
    total: Tensor = sum(losses.values())  # type: ignore[assignment]
    total.backward()


def make_backward(name: str, net: MultitaskNet, folder: Path, processes: int) -> Backward:
    """What ``train.balance`` asks for.

    Args:
        name: ``sum``, a name of ``AGGREGATORS``, or ``module:attribute``: a function of the gradients [tasks, weights].
        folder: where the user's module may lie.

    Raises:
        UserError: an unknown name, a library that is missing, or several processes.
    """
    if name == SUM or len(net.heads) == 1:
        return backward_of_sum
    if processes > 1:
        remedy = "call it without torchrun"
        raise UserError(f"train.balance={name}: it needs the gradients of all tasks in one process; {remedy}")
    if name in AGGREGATORS:
        return Balanced(name, net, _of_torchjd(name))
    return Balanced(name, net, resolve(name, dict.fromkeys((SUM, *AGGREGATORS)), "train.balance", folder))


class Balanced:
    """Each task's own gradient on the shared weights, made one by an aggregator; on its own head it stays as it is.

    The backbone is run backwards once for each task; the gradients of all tasks are in memory together.

    Args:
        name: of the setting, for messages.
        aggregate: gradients [tasks, shared weights] -> [shared weights].
    """

    def __init__(self, name: str, net: MultitaskNet, aggregate: Aggregate) -> None:
        self._name, self._net, self._aggregate = name, net, aggregate

    def __call__(self, losses: Mapping[str, Tensor]) -> None:
        shared = [parameter for parameter in self._net.backbone.parameters() if parameter.requires_grad]
        rows: list[Tensor] = []
        for task, loss in losses.items():
            own = [parameter for parameter in self._net.heads[task].parameters() if parameter.requires_grad]
            last = len(rows) == len(losses) - 1
            gradients = torch.autograd.grad(loss, [*shared, *own], retain_graph=not last, materialize_grads=True)
            rows.append(torch.cat([gradient.flatten() for gradient in gradients[: len(shared)]]))
            for parameter, gradient in zip(own, gradients[len(shared) :], strict=True):
                parameter.grad = gradient
        _spread(self._combined(torch.stack(rows)), shared)

    def _combined(self, rows: Tensor) -> Tensor:
        try:
            return self._aggregate(rows).detach()
        except (ValueError, torch.linalg.LinAlgError) as error:  # some answer so to numbers that are not finite
            reason = " ".join(str(error).split())[:LONGEST_REASON]
            raise UserError(f"train.balance={self._name}: {reason}; try a lower train.lr, or train.clip") from error


def _spread(flat: Tensor, parameters: Sequence[Tensor]) -> None:
    """Make parts of one tensor the gradients of parameters, each in the parameter's order of memory."""
    parts = flat.split([parameter.numel() for parameter in parameters])
    for parameter, part in zip(parameters, parts, strict=True):
        parameter.grad = torch.empty_like(parameter).copy_(part.view(parameter.shape))


def _of_torchjd(name: str) -> Aggregate:
    attribute, options = AGGREGATORS[name]
    try:
        from torchjd import aggregation

        return getattr(aggregation, attribute)(**options)
    except ImportError as error:
        remedy = "pip install torchjd[cagrad,quadprog-projector]"
        raise UserError(f"train.balance={name}: torchjd, or a part of it, is not installed; {remedy}") from error
