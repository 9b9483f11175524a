"""DiSparse pretrained: prune a trained network of what no task needs (Sun et al., CVPR 2022)."""

from typing import Literal

from prune_utils.layers import Masks, shared_weights
from prune_utils.scores import magnitude_scores, trained_scores
from prune_utils.sparsifiers.base import OneShot, OneShotInputs, masks_from_scores


class DisparsePretrained(OneShot):
    """Scores of each task decide what it keeps.

    Options:
        criterion: ``gradient`` scores by w^2 * sum |dL_t/dw|; ``l1`` by |w|, as the published Cityscapes run did.
    """

    trained = True
    published = "pretrained"

    criterion: Literal["gradient", "l1"] = "gradient"

    def masks(self, inputs: OneShotInputs) -> tuple[Masks, float]:
        if self.criterion == "l1":
            scores = magnitude_scores(inputs.net, inputs.tasks)
        else:
            scores = trained_scores(inputs.net, inputs.task_magnitudes(inputs.net))
        return masks_from_scores(scores, list(shared_weights(inputs.net)), inputs)
