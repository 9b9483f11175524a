"""DiSparse static: prune at initialisation what no task needs (Sun et al., CVPR 2022)."""

from prune_utils.initialisation import scores_at_initialisation
from prune_utils.layers import Masks, shared_weights
from prune_utils.sparsifiers.base import OneShot, OneShotInputs, masks_from_scores


class DisparseStatic(OneShot):
    """SNIP scores of each task at initialisation, on a Xavier copy unless told otherwise; the network keeps its own."""

    published = "static"

    def masks(self, inputs: OneShotInputs) -> tuple[Masks, float]:
        _, scores = scores_at_initialisation(inputs.net, inputs.seed, inputs.task_magnitudes, inputs.init)
        return masks_from_scores(scores, list(shared_weights(inputs.net)), inputs)
