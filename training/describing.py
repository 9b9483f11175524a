"""What a network on disk is: where it comes from, how sparse it is, and what it costs."""

from pathlib import Path
from typing import Any

from torch import nn

from dataloaders import open_dataset
from prune_utils.apply import kept_counts
from reports.sparsity import sparsity_by_layer, sparsity_by_part
from runtime.setup import Setup
from training.checkpoints import Checkpoint
from training.costs import multiply_adds, parameters


def describe_network(setup: Setup, net: nn.Module, checkpoint: Checkpoint, path: Path) -> dict[str, Any]:
    """Plain values, for ``eval_<run>.json``; multiply-adds are those of one image of the test split."""
    height, width = open_dataset(setup.config, "test", keys=()).read(0, "img").shape[-2:]
    counts = kept_counts(net)
    return {
        "dataset": setup.config.name,
        "tasks": list(setup.tasks),
        "method": checkpoint.method,
        "ratio": checkpoint.ratio,
        "checkpoint": str(path),
        "checkpoint_bytes": path.stat().st_size,
        "details": checkpoint.details,
        "sparsity": {
            "all": sparsity_by_part(counts).loc["all", "sparsity"],
            "parts": sparsity_by_part(counts).to_dict("index"),
            "layers": sparsity_by_layer(counts).to_dict("index"),
        },
        "parameters": vars(parameters(net)),
        "multiply_adds": {"image": [height, width], **vars(multiply_adds(net, height, width))},
    }
