"""DiSparse dynamic: each task proposes which weights grow (Sun et al., CVPR 2022)."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import Field

from prune_utils.layers import Scores
from prune_utils.scores import gradient_magnitudes
from prune_utils.sparsifiers.base import Dynamic, DynamicInputs
from prune_utils.sparsifiers.prune_and_grow import PruneAndGrow


class DisparseDynamic(Dynamic):
    """The backbone grows the union of the tasks' proposals, a head its own.

    Options:
        regrow: the value of a weight that grows back: what it was (``stored``, as published), or 0 (``zero``).
        erk_power: exponent of the Erdos-Renyi-kernel densities.
    """

    regrow: Literal["stored", "zero"] = "stored"
    erk_power: float = Field(0.9, ge=0)

    def begin(self, inputs: DynamicInputs) -> PruneAndGrow:
        def gradients(chunks: Sequence[Mapping[str, Any]]) -> Sequence[Scores]:
            return list(gradient_magnitudes(inputs.net, chunks, inputs.losses, precision=inputs.precision).values())

        return PruneAndGrow(inputs, gradients, self.regrow, self.erk_power)
