"""How much each task leans on each weight.

SNIP (Lee et al., "SNIP: single-shot network pruning based on connection sensitivity", ICLR 2019) scores a weight
by |dL/dm| at m = 1, where m multiplies the weight; since dL/dm = w * dL/dw, no mask tensor is needed. DiSparse
(Sun et al., CVPR 2022) does so for each task of a multi-task network.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from configs.errors import UserError
from prune_utils.layers import Scores, head_weights, shared_weights
from prune_utils.modes import training_mode

Batch = Mapping[str, Tensor]
Loss = Callable[[Tensor, Batch], Tensor]
NO_BATCH = "no batch to score with: the number of batches is 0 or the data set is empty"


@dataclass(frozen=True)
class TaskGradient:
    """A part of the gradient of one task's loss on one batch.

    Attributes:
        number: of the batch, from 0.
        task: its name.
        loss: its value.
        shared: whether this is the backbone's part, else it is that of the task's own head.
        at: parameter name -> dL_t/dw; the receiver may overwrite the tensors, and empty the dict to free them early.
    """

    number: int
    task: str
    loss: float
    shared: bool
    at: dict[str, Tensor]


def task_gradients(
    net: nn.Module,
    batches: Iterable[Batch],
    losses: Mapping[str, Loss],
    *,
    precision: Callable[[], AbstractContextManager] = nullcontext,
    before_batch: Callable[[int], object] = lambda number: None,
    own_heads: bool = True,
) -> Iterator[TaskGradient]:
    """For each batch and task, the gradient at the task's own head, then at the backbone.

    The backbone runs forwards once a batch, for all tasks; each task runs its own head forwards and backwards, and
    the backbone backwards: F + 2kF for k tasks, where a pass per task through the whole network is 3kF and more.
    The network's parameters, buffers and mode are as before when this is exhausted.

    Args:
        net: has ``backbone`` and ``heads[task]``; any modules.
        batches: each has "img" and what the losses need, on the network's device.
        losses: for each task, a function of (prediction, batch) that gives a scalar.
        precision: a context for the forward passes, such as autocast.
        before_batch: called with the number of the batch, for seeding dropout.
        own_heads: False leaves out the heads' gradients, which are a third of a head's work.

    Raises:
        UserError: a loss is not finite, or there is no batch.
    """
    number = -1
    with training_mode(net):
        for number, batch in enumerate(batches):
            before_batch(number)
            yield from _of_batch(net, number, batch, losses, precision, own_heads)
    if number < 0:
        raise UserError(NO_BATCH)


def _of_batch(
    net: nn.Module, number: int, batch: Batch, losses: Mapping[str, Loss], precision: Callable, own_heads: bool
) -> Iterator[TaskGradient]:
    """What ``task_gradients`` gives for one batch; its features' memory is free before the next runs forwards."""
    shared = shared_weights(net)
    with precision():
        features = net.backbone(batch["img"])  # type: ignore[operator]
    for position, (task, loss) in enumerate(losses.items(), start=1):
        own = head_weights(net, task) if own_heads else {}
        # A leaf of its own ends the head's backward pass at the features; what arrives there is then sent through the
        # backbone. autograd.grad, unlike backward, leaves no gradients on the parameters.
        leaf = features.detach().requires_grad_()
        with precision():
            value = loss(net.heads[task](leaf), batch)  # type: ignore[index, operator]
        _check_finite(value, task, number, batch)
        at_features, *at_head = torch.autograd.grad(value, [leaf, *own.values()])
        if own_heads:
            given = dict(zip(own, at_head, strict=True))
            del at_head
            yield TaskGradient(number, task, value.item(), shared=False, at=given)
        # The backbone's graph serves all tasks; with the last pass its memory is given back as it goes.
        more = position < len(losses)
        at_shared = torch.autograd.grad(features, list(shared.values()), at_features, retain_graph=more)
        given = dict(zip(shared, at_shared, strict=True))
        del at_shared
        yield TaskGradient(number, task, value.item(), shared=True, at=given)


def gradient_magnitudes(
    net: nn.Module, batches: Iterable[Batch], losses: Mapping[str, Loss], **options: Any
) -> dict[str, Scores]:
    """For each task, sum over batches of |dL_t/dw|, for the backbone and the task's own head.

    Arguments and errors are those of ``task_gradients``.
    """
    sums = zero_scores(net, losses)
    for gradient in task_gradients(net, batches, losses, **options):
        add_magnitudes(sums[gradient.task], gradient.at)
    return sums


def zero_scores(net: nn.Module, tasks: Iterable[str]) -> dict[str, Scores]:
    """For each task, zeros for the weights of the backbone and of its own head."""
    return {task: _zeros({**shared_weights(net), **head_weights(net, task)}) for task in tasks}


def add_magnitudes(sums: Scores, gradients: dict[str, Tensor]) -> None:
    """Add |gradient| to the sums; the gradients are overwritten, and freed as it goes, before the next pass."""
    for name in list(gradients):
        sums[name].add_(gradients.pop(name).abs_())


def joint_magnitudes(
    net: nn.Module,
    batches: Iterable[Batch],
    losses: Mapping[str, Loss],
    factors: Mapping[str, float],
    *,
    precision: Callable[[], AbstractContextManager] = nullcontext,
    before_batch: Callable[[int], object] = lambda number: None,
) -> Scores:
    """Sum over batches of |dL/dw|, L = sum of factor * loss over the tasks, for the backbone and these heads.

    One pass forwards and one backwards a batch. The network is left as ``task_gradients`` leaves it.

    Args:
        factors: for each task, the factor of its loss; all else is as for ``task_gradients``.

    Raises:
        UserError: a loss is not finite, or there is no batch.
    """
    parameters = shared_weights(net)
    for task in losses:
        parameters |= head_weights(net, task)
    sums = _zeros(parameters)
    number = -1
    with training_mode(net):
        for number, batch in enumerate(batches):
            before_batch(number)
            with precision():
                features = net.backbone(batch["img"])  # type: ignore[operator]
                values = {t: loss(net.heads[t](features), batch) for t, loss in losses.items()}  # type: ignore[index, operator]
            for task, value in values.items():  # one by one: of the sum nobody could tell whose loss it was
                _check_finite(value, task, number, batch)
            joint = torch.stack([factors[task] * value for task, value in values.items()]).sum()
            gradients = torch.autograd.grad(joint, list(parameters.values()))
            add_magnitudes(sums, dict(zip(parameters, gradients, strict=True)))
            del features, values, joint, gradients
    if number < 0:
        raise UserError(NO_BATCH)
    return sums


def snip_scores(net: nn.Module, magnitudes: Mapping[str, Scores]) -> dict[str, Scores]:
    """|w| * sum |dL_t/dw|, in place of the magnitudes: the weights do not change between batches."""
    return _times(net, magnitudes, torch.abs)


def trained_scores(net: nn.Module, magnitudes: Mapping[str, Scores]) -> dict[str, Scores]:
    """w^2 * sum |dL_t/dw|, DiSparse's score of a trained network, in place of the magnitudes."""
    return _times(net, magnitudes, torch.square)


def magnitude_scores(net: nn.Module, tasks: Iterable[str]) -> dict[str, Scores]:
    """|w|, the same for every task on the backbone (Han et al., NeurIPS 2015)."""
    shared = {name: weight.detach().abs() for name, weight in shared_weights(net).items()}
    return {
        task: {**shared, **{name: weight.detach().abs() for name, weight in head_weights(net, task).items()}}
        for task in tasks
    }


def _zeros(parameters: Mapping[str, Tensor]) -> Scores:
    return {name: torch.zeros_like(parameter, requires_grad=False) for name, parameter in parameters.items()}


@torch.no_grad()
def _times(net: nn.Module, magnitudes: Mapping[str, Scores], factor: Callable[[Tensor], Tensor]) -> dict[str, Scores]:
    parameters = shared_weights(net)
    # By task, since two may share a head, which ``weights(net)`` would name but once.
    for task in net.heads:  # type: ignore[union-attr]
        parameters |= head_weights(net, task)
    for name, weight in parameters.items():  # layer by layer: factors of all layers would be a second network
        layer_factor = factor(weight)
        for scores in magnitudes.values():
            if name in scores:
                scores[name].mul_(layer_factor)
    return dict(magnitudes)


def _check_finite(value: Tensor, task: str, number: int, batch: Mapping) -> None:
    if not math.isfinite(value.item()):
        names = ", ".join(map(str, batch.get("name", [])))
        raise UserError(f"the loss of task '{task}' is {value.item()} on batch {number}; look at its samples: {names}")
