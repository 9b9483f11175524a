"""2:4 sparsity: of every four weights that meet consecutive inputs, two stay (Mishra et al., arXiv:2104.08378, 2021).

NVIDIA's sparse tensor cores take matrices of this form. The masks are made and trained with here; no sparse kernel is
used, and how fast one would be has not been measured.
"""

import torch
from torch import Tensor, nn

from configs.errors import UserError
from prune_utils.initialisation import scores_at_initialisation
from prune_utils.layers import Masks, Scores
from prune_utils.sparsifiers.base import OneShot, OneShotInputs


class TwoFour(OneShot):
    """SNIP on the joint loss decides; layers whose inputs are no multiple of four stay dense.

    The joint loss, since what any of several tasks keeps of four weights may be more than two.
    """

    def masks(self, inputs: OneShotInputs) -> tuple[Masks, float]:
        if inputs.sparsity != 50:
            raise UserError("--ratio: two_four keeps two of every four weights; give --ratio 50")
        if inputs.keep_ratio not in (None, 0.5):
            raise UserError("--keep_ratio: two_four keeps half of the weights; leave the flag out")

        def magnitudes(twin: nn.Module) -> dict[str, Scores]:
            return {"joint": inputs.joint_magnitudes(twin)}

        _, scores = scores_at_initialisation(inputs.net, inputs.seed, magnitudes, inputs.init)
        return {name: two_of_four(score) for name, score in scores["joint"].items()}, 0.5


def two_of_four(score: Tensor) -> Tensor:
    """A mask, true at the two largest of each four consecutive inputs; of equal ones the first.

    Args:
        score: [outputs, inputs, ...]; all is kept where the inputs are no multiple of four.
    """
    if score.shape[1] % 4:
        return torch.ones_like(score, dtype=torch.bool)
    fours = score.movedim(1, -1).unflatten(-1, (-1, 4))
    best = fours.argsort(dim=-1, descending=True, stable=True)[..., :2]
    mask = torch.zeros_like(fours, dtype=torch.bool).scatter_(-1, best, True)
    return mask.flatten(-2).movedim(-1, 1).contiguous()
