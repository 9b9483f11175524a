"""Pruning once: from settings and a method to masks."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from torch import nn
from tqdm import tqdm

from configs import UserError
from models import MultitaskNet
from prune_utils.keep_ratio import KeepRatio, stated_keep_ratio
from prune_utils.layers import Masks
from prune_utils.sparsifiers.base import OneShot, OneShotInputs
from runtime.passes import joint_loss_magnitudes, task_magnitudes
from runtime.setup import Setup
from training.checkpoints.checkpoint import SMALL, Checkpoint
from training.checkpoints.networks import open_network
from training.costs import blank_image, image_size


def network_to_prune(setup: Setup, source: Path | None) -> tuple[MultitaskNet, Checkpoint | None]:
    """The network at initialisation, or the dense one in a checkpoint, and that checkpoint.

    Raises:
        UserError: the checkpoint cannot be used, or its network is pruned already.
    """
    if source is None:
        return setup.network(), None
    net, checkpoint = open_network(setup, source)
    if checkpoint.masks or checkpoint.details.get(SMALL):
        raise UserError(f"{source}: this network is pruned already; name a dense one with --checkpoint")
    return net, checkpoint


def prune(
    setup: Setup, method: OneShot, net: MultitaskNet, *, ratio: int, keep_ratio: KeepRatio, num_batches: int
) -> tuple[Masks, float]:
    """The method's masks, and the keep ratio that led to them; a progress bar while it scores.

    Args:
        ratio: share to prune of what the method's ``ratio_of`` says, in percent.

    Raises:
        UserError: not a single weight would be kept.
    """

    def with_bar(measure: Callable[..., Any], network: nn.Module) -> Any:
        with tqdm(total=num_batches, unit="batch", desc="scoring", disable=not setup.runtime.is_main) as bar:
            return measure(setup, network, num_batches=num_batches, seed=setup.seed, bar=bar)

    published = setup.config.scoring.keep_ratios.get(method.published, {}) if method.published else {}
    inputs = OneShotInputs(
        net=net,
        tasks=list(setup.tasks),
        sparsity=ratio,
        keep_ratio=stated_keep_ratio(keep_ratio, ratio, published),
        seed=setup.seed,
        task_magnitudes=partial(with_bar, task_magnitudes),
        joint_magnitudes=partial(with_bar, joint_loss_magnitudes),
        init=setup.init,
        example=lambda: blank_image(*image_size(setup), setup.runtime.device),
    )
    masks, found = method.masks(inputs)
    if not any(bool(mask.any()) for mask in masks.values()):
        raise UserError(f"--keep_ratio: {keep_ratio} keeps not a single weight; give a larger one")
    return masks, found
