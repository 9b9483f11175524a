"""Networks without the channels that no mask needs: smaller layers, the same outputs."""

import copy
from collections.abc import Mapping, Sequence
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd
from torch.nn.utils import prune

from prune_utils.apply import is_masked
from prune_utils.channels.graph import ChannelSet, channel_sets, dependency_graph
from prune_utils.layers import weight_layers

Net = TypeVar("Net", bound=nn.Module)


def without_masks(net: Net) -> Net:
    """A copy of a network whose masked weights are zeros, and which has no masks."""
    for layer in weight_layers(net).values():
        if is_masked(layer):  # the product, which every forward pass makes anew, may hang in a graph: no copy of that
            layer.weight = layer.weight.detach()  # type: ignore[operator]
    twin = copy.deepcopy(net)
    for layer in weight_layers(twin).values():
        if is_masked(layer):
            prune.remove(layer, "weight")
    return twin


def without_idle_channels(net: Net, example: Tensor) -> tuple[Net, int]:
    """A copy without masks and without the channels that nothing reads, and how many channels went.

    A channel is idle if every weight that reads it is zero. The weights that made it then read nothing either, which
    may leave further channels idle. A channel that is merely constant, since all that makes it is masked, stays where
    it is read: its bias reaches the outputs, but for the border, where the padding is zero.

    Args:
        example: an input of the network, on its device.

    Raises:
        UserError: torch-pruning is not installed, or cannot follow the network.
    """
    small = without_masks(net)
    graph = dependency_graph(small, example)
    sets = channel_sets(small, graph)
    layers = weight_layers(small)
    idle = idle_channels(sets, {name: layer.weight != 0 for name, layer in layers.items()})  # type: ignore[misc]
    for channels, chosen in zip(sets, idle, strict=True):
        root = layers[channels.root]
        # Of channels that are all idle the last one stays: there are no layers without channels.
        positions = chosen.nonzero().flatten().tolist()[: channels.channels - 1]
        if positions:
            remove = graph.get_pruner_of_module(root).prune_out_channels
            graph.get_pruning_group(root, remove, positions).prune()
    return small, sum(min(int(chosen.sum()), len(chosen) - 1) for chosen in idle)


def idle_channels(sets: Sequence[ChannelSet], needed: Mapping[str, Tensor]) -> list[Tensor]:
    """For each set, which channels nothing reads, [channels], bool, on the CPU.

    Args:
        needed: for each weight, bool, where it is not zero; weights that make an idle channel become False.
    """
    idle = [torch.zeros(channels.channels, dtype=torch.bool) for channels in sets]
    changed = True
    while changed:
        changed = False
        for number, channels in enumerate(sets):
            read = torch.zeros(channels.channels, dtype=torch.bool)
            for slices in channels.slices:
                if not slices.makes:
                    alive = needed[slices.layer].transpose(0, slices.dim).flatten(1).any(1).cpu()
                    read[slices.channel[alive[slices.index]]] = True
            fresh = ~read & ~idle[number]
            if fresh.any():
                changed, idle[number] = True, idle[number] | fresh
                for slices in (slices for slices in channels.slices if slices.makes):
                    chosen = slices.index[fresh[slices.channel]].to(needed[slices.layer].device)
                    needed[slices.layer].index_fill_(slices.dim, chosen, False)
    return idle


def fit(net: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Give the layers of a new network the shapes of a smaller one's state, in place; values are not copied.

    Only Conv, Linear and normalisation layers change, and never to more than they have; what does not fit is left for
    ``prune_utils.apply.load_state`` to name.
    """
    for name, module in net.named_modules():
        if not isinstance(module, _ConvNd | nn.Linear | _NormBase):
            continue
        for kind in ("weight", "bias", "running_mean", "running_var"):
            current, given = getattr(module, kind, None), weights.get(f"{name}.{kind}")
            if current is None or given is None or given.dim() != current.dim() or given.shape == current.shape:
                continue
            if all(0 < new <= old for new, old in zip(given.shape, current.shape, strict=True)):
                smaller = current.new_zeros(given.shape)
                setattr(module, kind, nn.Parameter(smaller) if isinstance(current, nn.Parameter) else smaller)
        _count_channels(module)


def _count_channels(module: nn.Module) -> None:
    """Let a layer's numbers of channels say what its tensors have."""
    if isinstance(module, _ConvNd):
        rows, columns = module.weight.shape[:2]
        if isinstance(module, _ConvTransposeNd):
            module.in_channels, module.out_channels = rows, columns * module.groups
        else:
            # Only depthwise convolutions among the grouped ones lose channels, and then a group with each.
            module.groups = rows if module.groups == module.in_channels == module.out_channels else module.groups
            module.in_channels, module.out_channels = columns * module.groups, rows
    elif isinstance(module, nn.Linear):
        module.out_features, module.in_features = module.weight.shape
    elif isinstance(module, _NormBase) and module.weight is not None:
        module.num_features = len(module.weight)
