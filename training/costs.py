"""What a network costs: parameters and multiply-adds, dense and as sparse as its masks are."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from dataloaders import open_dataset
from prune_utils.apply import kept_counts
from prune_utils.positions import positions
from runtime.setup import Setup


@dataclass(frozen=True)
class Cost:
    """A count for the network without its masks and with them."""

    dense: int
    sparse: int

    @property
    def saved(self) -> float:
        """The share that the masks save, in percent."""
        return 100 * (1 - self.sparse / self.dense)


def parameters(net: nn.Module) -> Cost:
    """All parameters; the sparse count leaves out weights that are masked."""
    dense = sum(parameter.numel() for parameter in net.parameters())
    pruned = sum(numel - kept for kept, numel in kept_counts(net).values())
    return Cost(dense, dense - pruned)


def multiply_adds(net: nn.Module, height: int, width: int) -> Cost:
    """Multiply-adds of the Conv and Linear layers for one image; the sparse count is that of the weights kept.

    A weight counts once for each position of its layer's output (``prune_utils.positions``). Biases and other layers
    are not counted.

    Args:
        net: image [1, 3, height, width] -> anything.
    """
    uses = positions(net, blank_image(height, width, next(net.parameters()).device))
    counts = kept_counts(net)
    dense = sum(numel * uses.get(name, 0) for name, (_, numel) in counts.items())
    return Cost(dense, sum(kept * uses.get(name, 0) for name, (kept, _) in counts.items()))


def image_size(setup: Setup) -> tuple[int, int]:
    """Height and width of the images that multiply-adds and times are given for: those of the test split.

    Raises:
        UserError: there is no such image, or it cannot be read.
    """
    height, width = open_dataset(setup.config, "test", keys=()).read(0, "img").shape[-2:]
    return height, width


def blank_image(height: int, width: int, device: torch.device) -> Tensor:
    """A batch of one black image, [1, 3, height, width]."""
    return torch.zeros(1, 3, height, width, device=device)
