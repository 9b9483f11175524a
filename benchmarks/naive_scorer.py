"""SNIP scores the plain way, as published code computes them: the yardstick for ours, in tests and benchmarks.

Every Conv and Linear weight is multiplied by an explicit mask of ones, and for each task the *whole* network runs
forwards, its own loss backwards; the score is the sum over batches of |dL/dm|.
"""

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn
from torch.func import functional_call

from prune_utils.layers import Scores, head_weights, shared_weights, weights
from prune_utils.scores import Batch, Loss


def naive_scores(net: nn.Module, batches: Iterable[Batch], losses: Mapping[str, Loss]) -> dict[str, Scores]:
    """For each task, sum over batches of |dL_t/dm| at m = 1, in the network's present mode."""
    masks = {name: torch.ones_like(weight, requires_grad=True) for name, weight in weights(net).items()}
    values = {name: weight.detach() for name, weight in weights(net).items()}
    scores: dict[str, Scores] = {
        task: {name: torch.zeros_like(values[name]) for name in own_names(net, task)} for task in losses
    }
    for batch in batches:
        for task, loss in losses.items():
            masked: dict[str, Tensor] = {name: values[name] * mask for name, mask in masks.items()}
            predictions = functional_call(net, masked, (batch["img"],))
            names = list(scores[task])
            gradients = torch.autograd.grad(loss(predictions[task], batch), [masks[name] for name in names])
            for name, gradient in zip(names, gradients, strict=True):
                scores[task][name] += gradient.abs()
    return scores


def own_names(net: nn.Module, task: str) -> list[str]:
    """Names of the weights that a task is scored on: the backbone's and its own head's."""
    return [*shared_weights(net), *head_weights(net, task)]
