"""The names of the published checkpoints, and ours.

A published checkpoint is a bare state dict: ``backbone.conv1.weight``, ``task<i>_fc1_c<branch>.conv1.weight``,
perhaps under ``module.`` (DataParallel), pruned weights as ``weight_orig`` and ``weight_mask``.
"""

import re
from collections.abc import Mapping, Sequence

from torch import Tensor

from configs.errors import UserError

HEAD = re.compile(r"task(\d+)_fc1_c(\d+)\.(.+)")


def is_published(state: Mapping[str, object]) -> bool:
    """Whether the keys are those of a published checkpoint."""
    return any(HEAD.fullmatch(key.removeprefix("module.")) for key in state)


def from_published(state: Mapping[str, Tensor], tasks: Sequence[str]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Our weights (dense values) and masks (as they are kept, only of pruned weights) from a published state dict.

    Args:
        state: the published state dict.
        tasks: our names of task1, task2, ... in this order.

    Raises:
        UserError: a head for a task that was not named, or a key that is none of a published checkpoint.
    """
    weights: dict[str, Tensor] = {}
    masks: dict[str, Tensor] = {}
    for published, tensor in state.items():
        name = _our_name(published.removeprefix("module."), tasks)
        if name.endswith(".weight_mask"):
            masks[name.removesuffix("_mask")] = tensor
        else:
            weights[name.removesuffix("_orig") if name.endswith(".weight_orig") else name] = tensor
    return weights, masks


def _our_name(published: str, tasks: Sequence[str]) -> str:
    match = HEAD.fullmatch(published)
    if match is None:
        if published.startswith("backbone."):
            return published
        raise UserError(f"the checkpoint's key '{published}' is not one of a published network")
    number, branch, rest = int(match[1]), match[2], match[3]
    if not 1 <= number <= len(tasks):
        raise UserError(
            f"the checkpoint has a head for task {number}, but the tasks named are {', '.join(tasks)}; "
            f"name all its tasks in order with --tasks"
        )
    return f"heads.{tasks[number - 1]}.branches.{branch}.{rest}"
