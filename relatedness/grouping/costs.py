"""What the real networks cost: one backbone, and the head of every task that is trained on it."""

import numpy as np
import torch

from configs import Config
from dataloaders import open_dataset
from models import MultitaskNet, build_network
from relatedness.grouping.groups import Costs
from reports.groups.file import By
from tasks import own_heads
from training.costs import multiply_adds, parameters


def parts_cost(config: Config, by: By) -> Costs:
    """The cost of the parts of the network that the settings describe, with the tasks that they name.

    Multiply-adds are those for one image of the test split.

    Raises:
        UserError: an unknown backbone or head, or no test image to be had.
    """
    size = tuple(open_dataset(config, "test", keys=()).read(0, "img").shape[-2:]) if by == "multiply_adds" else None
    try:
        with torch.device("meta"):  # shapes are all that is needed: no memory, no arithmetic
            return _count(config, size)
    except RuntimeError:  # a user's own network may look at numbers, which there are none of on "meta"
        return _count(config, size)


def _count(config: Config, size: tuple[int, ...] | None) -> Costs:
    channels = {name: task.channels for name, task in config.tasks.items()}
    net = build_network(config.model, channels, config.source.parent, own_heads(config))
    if size is None:
        return parameters(net.backbone).dense, np.array([float(parameters(net.heads[task]).dense) for task in channels])
    height, width = size
    backbone = multiply_adds(MultitaskNet(net.backbone, {}), height, width).dense
    whole = [multiply_adds(MultitaskNet(net.backbone, {task: net.heads[task]}), height, width) for task in channels]
    return backbone, np.array([float(cost.dense - backbone) for cost in whole])
