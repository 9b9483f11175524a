"""A network in training or evaluation mode for a while."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn


@contextmanager
def training_mode(net: nn.Module) -> Iterator[None]:
    """Training mode inside, with the mode of every module and all buffers (running statistics) restored after."""
    buffers = [(buffer, buffer.clone()) for buffer in net.buffers()]
    try:
        with _mode(net, training=True):
            yield
    finally:
        with torch.no_grad():
            for buffer, value in buffers:
                buffer.copy_(value)


@contextmanager
def evaluation_mode(net: nn.Module) -> Iterator[None]:
    """Evaluation mode inside, with the mode of every module restored after."""
    with _mode(net, training=False):
        yield


@contextmanager
def _mode(net: nn.Module, training: bool) -> Iterator[None]:
    modes = [(module, module.training) for module in net.modules()]
    try:
        net.train(training)
        yield
    finally:
        for module, mode in modes:
            module.training = mode
