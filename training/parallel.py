"""One network on several processes: gradients averaged, normalisation statistics alike."""

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.parallel import DistributedDataParallel

from runtime.device import Runtime


def share_normalisation(net: nn.Module, runtime: Runtime) -> nn.Module:
    """On several GPUs, batch normalisation over the whole batch, as on one; elsewhere the network as it is.

    Torch has this for CUDA only. On CPUs each process normalises with its own share of the batch.
    """
    if runtime.world > 1 and runtime.device.type == "cuda":
        return nn.SyncBatchNorm.convert_sync_batchnorm(net)
    return net


def distributed(net: nn.Module, runtime: Runtime) -> nn.Module:
    """The network whose backward pass averages gradients over the processes; itself where there is one process."""
    if runtime.world == 1:
        return net
    ids = [runtime.device.index] if runtime.device.type == "cuda" else None
    # Masks are buffers too and alike everywhere; sending all buffers round before every step would be for nothing.
    return DistributedDataParallel(net, device_ids=ids, broadcast_buffers=False, gradient_as_bucket_view=True)


@torch.no_grad()
def average_statistics(net: nn.Module, runtime: Runtime) -> None:
    """Replace the running statistics of batch normalisation by their mean over the processes.

    They are running means of batch statistics, so averaging now and then gives the same as averaging in every step.
    """
    if runtime.world == 1:
        return
    layers = [module for module in net.modules() if isinstance(module, _BatchNorm)]
    statistics = [buffer for layer in layers for buffer in layer.buffers() if buffer.is_floating_point()]
    runtime.sum_over_processes(statistics)
    for buffer in statistics:
        buffer /= runtime.world
