"""DiSparse dynamic: each task proposes which weights grow (Sun et al., CVPR 2022)."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from prune_utils.layers import Scores
from prune_utils.scores import gradient_magnitudes
from prune_utils.sparsifiers.dynamic import PruneAndGrow


class DisparseDynamic(PruneAndGrow):
    """The backbone grows the union of the tasks' proposals, a head its own."""

    @property
    def regrow(self) -> Literal["stored", "zero"]:
        return self.run.settings.regrow

    def gradients(self, chunks: Sequence[Mapping[str, Any]]) -> Sequence[Scores]:
        run = self.run
        magnitudes = gradient_magnitudes(run.net, chunks, run.losses, precision=run.precision)
        return list(magnitudes.values())
