"""Magnitude pruning of a trained network, one threshold over all of it (Han et al., NeurIPS 2015)."""

from prune_utils.layers import Masks, weights
from prune_utils.sparsifiers.base import OneShot, OneShotInputs, masks_from_scores


class Magnitude(OneShot):
    """|w| of the trained network. Before training it says only how wide a layer's initialisation is."""

    trained = True

    def masks(self, inputs: OneShotInputs) -> tuple[Masks, float]:
        scores = {name: weight.detach().abs() for name, weight in weights(inputs.net).items()}
        return masks_from_scores({"joint": scores}, list(scores), inputs)
