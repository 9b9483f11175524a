"""How much each task leans on each weight.

SNIP (Lee et al., "SNIP: single-shot network pruning based on connection sensitivity", ICLR 2019) scores a weight
by |dL/dm| at m = 1, where m multiplies the weight; since dL/dm = w * dL/dw, no mask tensor is needed. DiSparse
(Sun et al., CVPR 2022) does so for each task of a multi-task network.
"""

import copy
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch
from torch import Tensor, nn

from configs.errors import UserError
from prune_utils.layers import Scores, head_weights, shared_weights, weights

Batch = Mapping[str, Tensor]
Loss = Callable[[Tensor, Batch], Tensor]
NO_BATCH = "no batch to score with: the number of batches is 0 or the data set is empty"


def xavier_copy(net: nn.Module, seed: int) -> nn.Module:
    """A copy of the network with Xavier-normal weights drawn from ``seed``; biases and norms stay as they are."""
    twin = copy.deepcopy(net)
    generator = torch.Generator().manual_seed(seed)
    for parameter in weights(twin).values():
        # Drawn on the CPU, so that a seed means the same network on every device.
        drawn = nn.init.xavier_normal_(torch.empty(parameter.shape), generator=generator)
        with torch.no_grad():
            parameter.copy_(drawn)
    return twin


def gradient_magnitudes(
    net: nn.Module,
    batches: Iterable[Batch],
    losses: Mapping[str, Loss],
    *,
    precision: Callable[[], AbstractContextManager] = nullcontext,
    before_batch: Callable[[int], object] = lambda number: None,
) -> dict[str, Scores]:
    """For each task, sum over batches of |dL_t/dw|, for the backbone and the task's own head.

    The backbone runs forwards once a batch, for all tasks; each task runs its own head forwards and backwards, and
    the backbone backwards: F + 2kF for k tasks, where a pass per task through the whole network is 3kF and more.
    The network's parameters, buffers and mode are as before when this returns.

    Args:
        net: has ``backbone`` and ``heads[task]``; any modules.
        batches: each has "img" and what the losses need, on the network's device.
        losses: for each task, a function of (prediction, batch) that gives a scalar.
        precision: a context for the forward passes, such as autocast.
        before_batch: called with the number of the batch, for seeding dropout.

    Raises:
        UserError: a loss is not finite, or there is no batch.
    """
    shared = shared_weights(net)
    own = {task: head_weights(net, task) for task in losses}
    sums = {task: _zeros({**shared, **own[task]}) for task in losses}
    number = -1
    with _training_mode(net):
        for number, batch in enumerate(batches):
            before_batch(number)
            with precision():
                features = net.backbone(batch["img"])  # type: ignore[operator]
            for position, (task, loss) in enumerate(losses.items(), start=1):
                # A leaf of its own ends the head's backward pass at the features; what arrives there is then sent
                # through the backbone. autograd.grad, unlike backward, leaves no gradients on the parameters.
                leaf = features.detach().requires_grad_()
                with precision():
                    value = loss(net.heads[task](leaf), batch)  # type: ignore[index, operator]
                _check_finite(value, task, number, batch)
                at_features, *at_head = torch.autograd.grad(value, [leaf, *own[task].values()])
                _add_magnitudes(sums[task], own[task], at_head)
                # The backbone's graph serves all tasks; with the last pass its memory is given back as it goes.
                more = position < len(losses)
                at_shared = torch.autograd.grad(features, list(shared.values()), at_features, retain_graph=more)
                _add_magnitudes(sums[task], shared, at_shared)
            # The names outlive the loop's body: their memory would still be held when the next batch runs forwards.
            del features, at_features, at_shared
    if number < 0:
        raise UserError(NO_BATCH)
    return sums


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

    One pass forwards and one backwards a batch. The network is left as ``gradient_magnitudes`` leaves it.

    Args:
        factors: for each task, the factor of its loss; all else is as for ``gradient_magnitudes``.

    Raises:
        UserError: a loss is not finite, or there is no batch.
    """
    parameters = shared_weights(net)
    for task in losses:
        parameters |= head_weights(net, task)
    sums = _zeros(parameters)
    number = -1
    with _training_mode(net):
        for number, batch in enumerate(batches):
            before_batch(number)
            with precision():
                features = net.backbone(batch["img"])  # type: ignore[operator]
                values = {t: loss(net.heads[t](features), batch) for t, loss in losses.items()}  # type: ignore[index, operator]
            for task, value in values.items():  # one by one: of the sum nobody could tell whose loss it was
                _check_finite(value, task, number, batch)
            joint = torch.stack([factors[task] * value for task, value in values.items()]).sum()
            _add_magnitudes(sums, parameters, torch.autograd.grad(joint, list(parameters.values())))
            del features, values, joint
    if number < 0:
        raise UserError(NO_BATCH)
    return sums


def snip_scores(net: nn.Module, magnitudes: Mapping[str, Scores]) -> dict[str, Scores]:
    """|w| * sum |dL_t/dw|, in place of the magnitudes: the weights do not change between batches."""
    return _times(net, magnitudes, torch.abs)


def trained_scores(net: nn.Module, magnitudes: Mapping[str, Scores]) -> dict[str, Scores]:
    """w^2 * sum |dL_t/dw|, DiSparse's score of a trained network, in place of the magnitudes."""
    return _times(net, magnitudes, torch.square)


def scores_at_initialisation(
    net: nn.Module, seed: int, magnitudes: Callable[[nn.Module], dict[str, Scores]]
) -> tuple[nn.Module, dict[str, Scores]]:
    """SNIP scores on a Xavier copy of the network: the copy, and task -> scores.

    Args:
        seed: of the copy's weights.
        magnitudes: gives, for the copy, each task's sum over batches of |dL_t/dw|.
    """
    twin = xavier_copy(net, seed)
    return twin, snip_scores(twin, magnitudes(twin))


def magnitude_scores(net: nn.Module, tasks: Iterable[str]) -> dict[str, Scores]:
    """|w|, the same for every task on the backbone (Han et al., NeurIPS 2015)."""
    shared = {name: weight.detach().abs() for name, weight in shared_weights(net).items()}
    return {
        task: {**shared, **{name: weight.detach().abs() for name, weight in head_weights(net, task).items()}}
        for task in tasks
    }


def _add_magnitudes(sums: Scores, names: Iterable[str], gradients: list[Tensor] | tuple[Tensor, ...]) -> None:
    """Add |gradient| to the sums; a list is emptied as it goes, which frees the memory before the next pass."""
    for index, name in enumerate(names):
        sums[name].add_(gradients[index].abs_())  # in place: nobody else has these gradients
    if isinstance(gradients, list):
        gradients.clear()


def _zeros(parameters: Mapping[str, Tensor]) -> Scores:
    return {name: torch.zeros_like(parameter, requires_grad=False) for name, parameter in parameters.items()}


@torch.no_grad()
def _times(net: nn.Module, magnitudes: Mapping[str, Scores], factor: Callable[[Tensor], Tensor]) -> dict[str, Scores]:
    for name, weight in weights(net).items():  # layer by layer: factors of all layers would be a second network
        layer_factor = factor(weight)
        for scores in magnitudes.values():
            if name in scores:
                scores[name].mul_(layer_factor)
    return dict(magnitudes)


@contextmanager
def _training_mode(net: nn.Module) -> Iterator[None]:
    """Training mode inside, with the mode of every module and all buffers (running statistics) restored after."""
    modes = [(module, module.training) for module in net.modules()]
    buffers = [(buffer, buffer.clone()) for buffer in net.buffers()]
    try:
        net.train()
        yield
    finally:
        for module, mode in modes:
            module.training = mode
        with torch.no_grad():
            for buffer, value in buffers:
                buffer.copy_(value)


def _check_finite(value: Tensor, task: str, number: int, batch: Mapping) -> None:
    if not math.isfinite(value.item()):
        names = ", ".join(map(str, batch.get("name", [])))
        raise UserError(f"the loss of task '{task}' is {value.item()} on batch {number}; look at its samples: {names}")
