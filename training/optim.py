"""Optimiser and schedule: Adam with step decay, as published."""

from torch import nn
from torch.optim import Adam
from torch.optim.lr_scheduler import StepLR

from configs import Config
from configs.schema import ScheduleConfig

MOMENTS = ("exp_avg", "exp_avg_sq")
"""What Adam keeps for each parameter beside its step."""


def schedule(config: Config, trained: bool, max_iters: int | None) -> ScheduleConfig:
    """Length and learning rate of a run: the ``train`` section, or ``retrain`` for a network pruned after training.

    Args:
        trained: whether the network was trained before it was pruned.
        max_iters: the flag's number of iterations; None: the settings'.
    """
    chosen = config.retrain if trained and config.retrain is not None else config.train
    return chosen if max_iters is None else chosen.model_copy(update={"max_iters": max_iters})


def make_optimizer(net: nn.Module, settings: ScheduleConfig, weight_decay: float) -> tuple[Adam, StepLR]:
    """Adam over all parameters and its schedule.

    Parameters are in the order of their plain names, in which masks make no difference, so that the state of a
    network masked before fits one masked after.
    """
    named = {name.removesuffix("_orig"): parameter for name, parameter in net.named_parameters()}
    ordered = [named[name] for name in sorted(named)]
    # One pass over each parameter; torch's default takes nine times as long on a CPU.
    optimizer = Adam(ordered, lr=settings.lr, weight_decay=weight_decay, fused=True)
    return optimizer, StepLR(optimizer, step_size=settings.decay_every, gamma=settings.decay_rate)
