"""Optimiser and schedule: Adam with step decay, as published, and what else settings may ask for."""

import math
from typing import Any

from torch import nn
from torch.optim import SGD, Adam, AdamW, Optimizer
from torch.optim.lr_scheduler import LRScheduler, StepLR

from configs import Config
from configs.schema import ScheduleConfig, TrainConfig

OPTIMIZERS: dict[str, type[Optimizer]] = {"adam": Adam, "adamw": AdamW, "sgd": SGD}


def schedule(config: Config, trained: bool, max_iters: int | None) -> ScheduleConfig:
    """Length and learning rate of a run: the ``train`` section, or ``retrain`` for a network pruned after training.

    Args:
        trained: whether the network was trained before it was pruned.
        max_iters: the flag's number of iterations; None: the settings'.
    """
    chosen = config.retrain if trained and config.retrain is not None else config.train
    return chosen if max_iters is None else chosen.model_copy(update={"max_iters": max_iters})


def make_optimizer(net: nn.Module, settings: ScheduleConfig, train: TrainConfig) -> tuple[Optimizer, LRScheduler]:
    """The optimiser of all parameters and its schedule.

    Parameters are in the order of their plain names, in which masks make no difference, so that the state of a
    network masked before fits one masked after.

    Args:
        settings: length and rate.
        train: everything else.
    """
    named = {name.removesuffix("_orig"): parameter for name, parameter in net.named_parameters()}
    ordered = [named[name] for name in sorted(named)]
    further = {"momentum": train.momentum} if train.optimizer == "sgd" else {}
    # One pass over each parameter; torch's default takes nine times as long on a CPU.
    make: Any = OPTIMIZERS[train.optimizer]
    optimizer = make(ordered, lr=settings.lr, weight_decay=train.weight_decay, fused=True, **further)
    if settings.schedule == "step" and not settings.warmup:
        return optimizer, StepLR(optimizer, step_size=settings.decay_every, gamma=settings.decay_rate)
    return optimizer, Rate(optimizer, settings)


def kept_of(optimizer: Optimizer) -> tuple[str, ...]:
    """Names of what an optimiser keeps for each parameter: ``step``, a number, and moments of the parameter's shape."""
    if isinstance(optimizer, SGD):
        return ("momentum_buffer",)
    return ("step", "exp_avg", "exp_avg_sq")


class Rate(LRScheduler):
    """The rate as a function of the iteration alone, so that a run may go on anywhere.

    It rises in equal parts over ``warmup`` iterations. ``step``: times ``decay_rate`` every ``decay_every`` iterations,
    counted from the first. ``cosine``: half a cosine from the end of the warm-up to 0 at ``max_iters`` (Loshchilov and
    Hutter, SGDR, ICLR 2017, without restarts).
    """

    def __init__(self, optimizer: Optimizer, settings: ScheduleConfig) -> None:
        self.kind, self.warmup, self.length = settings.schedule, settings.warmup, settings.max_iters
        self.every, self.rate = settings.decay_every, settings.decay_rate
        super().__init__(optimizer)

    def get_lr(self) -> list[float]:  # type: ignore[override]
        """Of each group of parameters."""
        return [float(base) * self._factor(self.last_epoch) for base in self.base_lrs]

    def _factor(self, iteration: int) -> float:
        rise = min(1.0, (iteration + 1) / self.warmup) if self.warmup else 1.0
        if self.kind == "step":
            return rise * self.rate ** (iteration // self.every)
        done = max(0, iteration - self.warmup) / max(1, self.length - self.warmup)
        return rise * 0.5 * (1 + math.cos(math.pi * min(done, 1.0)))
