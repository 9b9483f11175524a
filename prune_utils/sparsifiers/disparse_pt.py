"""DiSparse pretrained: prune a trained network of what no task needs (Sun et al., CVPR 2022)."""

from prune_utils.layers import Masks, shared_weights
from prune_utils.scores import magnitude_scores, trained_scores
from prune_utils.sparsifiers.base import OneShot, Request, masks_from_scores


class DisparsePretrained(OneShot):
    """w^2 * sum |dL_t/dw| of each task; or |w| (``l1``), with which the published Cityscapes run was made."""

    trained = True
    published = "pretrained"
    criteria = ("gradient", "l1")

    def masks(self, request: Request) -> tuple[Masks, float]:
        if request.criterion == "l1":
            scores = magnitude_scores(request.net, request.tasks)
        else:
            scores = trained_scores(request.net, request.task_magnitudes(request.net))
        return masks_from_scores(scores, list(shared_weights(request.net)), request)
