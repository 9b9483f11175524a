"""SNIP on the joint loss: one threshold over the whole network (Lee et al., "SNIP", ICLR 2019)."""

from prune_utils.layers import Masks, weights
from prune_utils.scores import xavier_copy
from prune_utils.sparsifiers.base import OneShot, Request, masks_from_scores


class Snip(OneShot):
    """|w| * sum |dL/dw| of the weighted sum of all losses, on a Xavier copy; initialisation stays."""

    def masks(self, request: Request) -> tuple[Masks, float]:
        twin = xavier_copy(request.net, request.seed)
        magnitudes = request.joint_magnitudes(twin)
        factors = weights(twin)
        scores = {name: magnitude * factors[name].detach().abs() for name, magnitude in magnitudes.items()}
        return masks_from_scores({"joint": scores}, list(scores), request)
