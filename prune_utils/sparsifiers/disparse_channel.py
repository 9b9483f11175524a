"""DiSparse by whole channels: at initialisation, take out the channels that no task needs."""

from prune_utils.initialisation import scores_at_initialisation
from prune_utils.layers import Masks
from prune_utils.sparsifiers.base import OneShotInputs
from prune_utils.sparsifiers.channel_pruning import ChannelPruning


class DisparseChannel(ChannelPruning):
    """The scores of ``disparse_static``, summed over channels (``prune_utils.channels.selection``)."""

    def masks(self, inputs: OneShotInputs) -> tuple[Masks, float]:
        _, scores = scores_at_initialisation(inputs.net, inputs.seed, inputs.task_magnitudes, inputs.init)
        return self.from_scores(scores, inputs)
