"""RigL: the gradient of the joint loss says which weights grow (Evci et al., ICML 2020)."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from prune_utils.layers import Scores
from prune_utils.scores import joint_magnitudes
from prune_utils.sparsifiers.dynamic import PruneAndGrow


class RigL(PruneAndGrow):
    """Weights grow from 0, whatever ``dynamic.regrow`` says: that is what RigL does."""

    @property
    def regrow(self) -> Literal["stored", "zero"]:
        return "zero"

    def gradients(self, chunks: Sequence[Mapping[str, Any]]) -> Sequence[Scores]:
        run = self.run
        return [joint_magnitudes(run.net, chunks, run.losses, run.weights, precision=run.precision)]
