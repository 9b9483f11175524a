"""RigL: the gradient of the joint loss says which weights grow (Evci et al., ICML 2020)."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import Field

from prune_utils.layers import Scores
from prune_utils.scores import joint_magnitudes
from prune_utils.sparsifiers.base import Dynamic, DynamicInputs
from prune_utils.sparsifiers.prune_and_grow import PruneAndGrow


class RigL(Dynamic):
    """Weights grow from 0, whatever ``dynamic.regrow`` says: that is what RigL does.

    Options:
        erk_power: exponent of the Erdos-Renyi-kernel densities.
    """

    erk_power: float = Field(0.9, ge=0)

    def begin(self, inputs: DynamicInputs) -> PruneAndGrow:
        def gradients(chunks: Sequence[Mapping[str, Any]]) -> Sequence[Scores]:
            net, losses, factors = inputs.net, inputs.losses, inputs.weights
            return [joint_magnitudes(net, chunks, losses, factors, precision=inputs.precision)]

        return PruneAndGrow(inputs, gradients, "zero", self.erk_power)
