"""From the tasks' scores of weights to masks of whole channels."""

from collections.abc import Mapping

from pydantic import Field

from prune_utils.channels.graph import channel_sets, dependency_graph
from prune_utils.channels.selection import Work, blocks, channel_masks, for_share_removed, ranks
from prune_utils.layers import Masks, Scores, weights
from prune_utils.positions import positions
from prune_utils.sparsifiers.base import OneShot, OneShotInputs


class ChannelPruning(OneShot):
    """A method that takes whole channels out, from scores of weights.

    Options:
        multiple: channels of a layer go so many at a time. Kernels like multiples of 8; narrow layers do not.
    """

    ratio_of = "multiply-adds"

    multiple: int = Field(1, ge=1, le=1024)

    def from_scores(self, scores: Mapping[str, Scores], inputs: OneShotInputs) -> tuple[Masks, float]:
        """Masks of all weights, and the share of its channels that each task keeps.

        Args:
            scores: task -> scores of the backbone and its own head.

        Raises:
            UserError: torch-pruning is not installed, or cannot follow the network; too much is to go.
        """
        example = inputs.example()
        sets = channel_sets(inputs.net, dependency_graph(inputs.net, example))
        shapes = {name: weight.shape for name, weight in weights(inputs.net).items()}
        order = blocks(ranks(sets, scores), self.multiple)
        if inputs.keep_ratio is None:
            work = Work(sets, shapes, positions(inputs.net, example))
            gone = for_share_removed(order, work, inputs.sparsity)
            ratio = 1 - gone[-1].rank if gone else 1.0
        else:
            ratio = inputs.keep_ratio
            gone = [block for block in order if block.rank <= 1 - ratio]
        device = next(inputs.net.parameters()).device
        return {name: mask.to(device) for name, mask in channel_masks(sets, gone, shapes).items()}, ratio
