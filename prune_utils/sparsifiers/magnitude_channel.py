"""Magnitude pruning of a trained network by whole channels (Li et al., "Pruning filters", ICLR 2017)."""

from prune_utils.layers import Masks, weights
from prune_utils.sparsifiers.base import OneShotInputs
from prune_utils.sparsifiers.channel_pruning import ChannelPruning


class MagnitudeChannel(ChannelPruning):
    """|w| of the trained network, summed over channels (``prune_utils.channels.selection``), for all tasks alike."""

    trained = True

    def masks(self, inputs: OneShotInputs) -> tuple[Masks, float]:
        scores = {name: weight.detach().abs() for name, weight in weights(inputs.net).items()}
        return self.from_scores({"joint": scores}, inputs)
