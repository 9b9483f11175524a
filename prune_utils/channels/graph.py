"""Which slices of which weights go when a channel goes, from torch-pruning's dependency graph.

Fang et al., "DepGraph: Towards Any Structural Pruning" (CVPR 2023). What a residual connection adds up shares its
channels: a channel of the stem goes from every block of its stage, and from all that read the stage, or from none.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd

from configs.errors import UserError
from prune_utils.layers import weight_layers

NEEDS = "torch-pruning is not installed, which knows how layers share their channels; run: pip install torch-pruning"
CHANNELWISE = (_ConvNd, nn.Linear, _NormBase, nn.PReLU)
"""Layers with parameters that treat each channel by itself, or mix channels by weights that can be masked."""


@dataclass(frozen=True)
class Slices:
    """What one layer has of a set's channels.

    Attributes:
        layer: name of its weight.
        dim: of the weight, along which the slices lie.
        makes: whether the layer makes the channels; else it reads them.
        index: position of each slice, [slices].
        channel: which of the set's channels each slice belongs to, [slices].
    """

    layer: str
    dim: int
    makes: bool
    index: Tensor
    channel: Tensor


@dataclass(frozen=True)
class ChannelSet:
    """Channels that several layers share; each can go by itself, from all of these layers at once.

    Attributes:
        root: name of the weight that the channels are counted by: they are its outputs.
        channels: how many there are.
        slices: of every layer that makes or reads them.
    """

    root: str
    channels: int
    slices: tuple[Slices, ...]


def channel_sets(net: nn.Module, graph: Any) -> list[ChannelSet]:
    """All sets of channels that can go, in the network's order.

    Channels of predictions stay; so do those that meet a grouped convolution, a layer that mixes channels by itself (as
    normalisation over channels does) or a parameter outside of any layer.

    Args:
        net: without masks.
        graph: its ``dependency_graph``.
    """
    names = {layer: name for name, layer in weight_layers(net).items()}
    found = [_as_set(graph, group, names) for group in graph.get_all_groups() if _may_go(graph, group, names)]
    order = {name: number for number, name in enumerate(names.values())}
    return sorted(found, key=lambda channels: min(order[slices.layer] for slices in channels.slices if slices.makes))


def dependency_graph(net: nn.Module, example: Tensor) -> Any:
    """torch-pruning's ``DependencyGraph`` of a network.

    Args:
        net: without masks; it is left as it is.
        example: an input of the network, on its device.

    Raises:
        UserError: torch-pruning is not installed, or cannot follow the network.
    """
    try:
        import torch_pruning
    except ImportError as error:
        raise UserError(NEEDS) from error
    with _as_it_was(net), torch.enable_grad(), warnings.catch_warnings(action="ignore"):
        try:
            return torch_pruning.DependencyGraph().build_dependency(net, example, verbose=False)
        except Exception as error:  # a network of the user's own may do what the library does not foresee
            problem = f"{type(error).__name__}: {error}".partition("\n")[0]
            remedy = "prune its weights instead"
            raise UserError(f"torch-pruning cannot follow this network ({problem}); {remedy}") from error


def _may_go(graph: Any, group: Any, names: dict[nn.Module, str]) -> bool:
    """Whether masks can take a group's channels out, without another effect on what remains."""
    for item in group:
        if graph.is_out_channel_pruning_fn(item.dep.handler) and not item.dep.target.outputs:  # a prediction
            return False
    for module in (item.dep.target.module for item in group):
        if isinstance(module, nn.Parameter) or (_has_parameters(module) and not isinstance(module, CHANNELWISE)):
            return False
        if isinstance(module, _ConvNd) and (module not in names or (module.groups > 1 and not _is_depthwise(module))):
            return False
    return True


def _as_set(graph: Any, group: Any, names: dict[nn.Module, str]) -> ChannelSet:
    slices = []
    for item in group:
        layer = item.dep.target.module
        if layer in names:
            makes = graph.is_out_channel_pruning_fn(item.dep.handler)
            index, channel = torch.tensor(item.idxs), torch.tensor(item.root_idxs)
            slices.append(Slices(names[layer], _dimension(layer, makes), makes, index, channel))
    return ChannelSet(slices[0].layer, len(group[0].idxs), tuple(slices))


def _dimension(layer: nn.Module, makes: bool) -> int:
    """The dimension of the weight that counts what a layer makes, or what it reads."""
    if isinstance(layer, _ConvNd) and _is_depthwise(layer):
        return 0
    return int(makes == isinstance(layer, _ConvTransposeNd))


def _is_depthwise(layer: _ConvNd) -> bool:
    return layer.groups > 1 and layer.groups == layer.in_channels == layer.out_channels


def _has_parameters(module: nn.Module) -> bool:
    return next(module.parameters(), None) is not None


@contextmanager
def _as_it_was(net: nn.Module) -> Iterator[None]:
    """The library switches the network to evaluation mode; inside, every parameter has a gradient, as it needs."""
    modes = [(module, module.training) for module in net.modules()]
    frozen = [parameter for parameter in net.parameters() if not parameter.requires_grad]
    try:
        for parameter in frozen:
            parameter.requires_grad_()
        yield
    finally:
        for parameter in frozen:
            parameter.requires_grad_(False)
        for module, mode in modes:
            module.training = mode
