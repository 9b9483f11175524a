"""SNIP on the joint loss: one threshold over the whole network (Lee et al., "SNIP", ICLR 2019)."""

from torch import nn

from prune_utils.initialisation import scores_at_initialisation
from prune_utils.layers import Masks, Scores
from prune_utils.sparsifiers.base import OneShot, OneShotInputs, masks_from_scores


class Snip(OneShot):
    """|w| * sum |dL/dw| of the weighted sum of all losses, scored at initialisation, which stays."""

    def masks(self, inputs: OneShotInputs) -> tuple[Masks, float]:
        def magnitudes(twin: nn.Module) -> dict[str, Scores]:
            return {"joint": inputs.joint_magnitudes(twin)}

        _, scores = scores_at_initialisation(inputs.net, inputs.seed, magnitudes, inputs.init)
        return masks_from_scores(scores, list(scores["joint"]), inputs)
