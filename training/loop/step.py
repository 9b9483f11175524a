"""One step of joint training, which the training loop and every shorter training share."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np
from torch import Tensor
from torch.nn.utils import clip_grad_norm_
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from runtime.device import Runtime
from training.balancing import Backward, backward_of_sum


class Trained(Protocol):
    """What a step needs of a task."""

    @property
    def weight(self) -> float: ...

    def loss(self, prediction: Tensor, batch: Mapping[str, Any]) -> Tensor: ...


def task_losses(
    model: Callable[[Tensor], Mapping[str, Tensor]], batch: Mapping[str, Any], tasks: Mapping[str, Trained],
    runtime: Runtime,
) -> dict[str, Tensor]:
    """Each task's loss on a batch, not multiplied by its weight.

    Args:
        model: images -> predictions by task.
        batch: on the device.
    """
    with runtime.autocast():
        predictions = model(batch["img"])
    return {name: task.loss(predictions[name].float(), batch) for name, task in tasks.items()}


def descend(
    losses: Mapping[str, Tensor],
    tasks: Mapping[str, Trained],
    optimizer: Optimizer,
    scheduler: LRScheduler,
    clip: float | None = None,
    backward: Backward = backward_of_sum,
) -> None:
    """One step along the gradient of the weighted losses.

    Args:
        clip: the gradient, of all parameters together, is made no longer than this; None: it stays as it is.
        backward: makes one gradient of the losses.
    """
    backward({name: task.weight * losses[name] for name, task in tasks.items()})
    if clip is not None:
        clip_grad_norm_([parameter for group in optimizer.param_groups for parameter in group["params"]], clip)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    scheduler.step()


def step_seed(seed: int, iteration: int, rank: int) -> int:
    """The seed of dropout and of every other random choice of one step on one process."""
    sequence = np.random.SeedSequence([seed % 2**64, iteration, rank])
    return int(sequence.generate_state(1, np.uint64)[0])
