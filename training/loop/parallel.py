"""One network on several processes: gradients averaged, normalisation statistics alike."""

import warnings

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.parallel import DistributedDataParallel

from runtime.device import Net, Runtime


def share_normalisation(net: Net, runtime: Runtime) -> Net:
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
    # Newer versions of torch warn of a new name of this option, which older ones that we support do not know.
    with warnings.catch_warnings(action="ignore", category=FutureWarning):
        return DistributedDataParallel(net, device_ids=ids, broadcast_buffers=False, gradient_as_bucket_view=True)


@torch.no_grad()
def average_statistics(net: nn.Module, runtime: Runtime) -> None:
    """Replace the running statistics of batch normalisation by their mean over the processes, after every step.

    They are running means, so that averaging now and then would do but for rounding: then the last digits of a run that
    was cut off would be others, since it averages where it was. Statistics of the whole batch are alike already.
    """
    if runtime.world == 1:
        return
    layers = [m for m in net.modules() if isinstance(m, _BatchNorm) and not isinstance(m, nn.SyncBatchNorm)]
    statistics = [buffer for layer in layers for buffer in layer.buffers() if buffer.is_floating_point()]
    if not statistics:
        return
    together = torch.cat([buffer.flatten() for buffer in statistics])  # one message for all
    runtime.sum_over_processes([together])
    together /= runtime.world
    for buffer, mean in zip(statistics, together.split([buffer.numel() for buffer in statistics]), strict=True):
        buffer.copy_(mean.view_as(buffer))
