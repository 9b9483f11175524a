"""DiSparse static: prune at initialisation what no task needs (Sun et al., CVPR 2022)."""

from prune_utils.layers import Masks, shared_weights
from prune_utils.scores import snip_scores, xavier_copy
from prune_utils.sparsifiers.base import OneShot, Request, masks_from_scores


class DisparseStatic(OneShot):
    """SNIP scores of each task on a Xavier copy; the network keeps its own initialisation."""

    published = "static"

    def masks(self, request: Request) -> tuple[Masks, float]:
        twin = xavier_copy(request.net, request.seed)
        scores = snip_scores(twin, request.task_magnitudes(twin))
        return masks_from_scores(scores, list(shared_weights(request.net)), request)
