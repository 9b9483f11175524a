"""How much of a task's targets a partner's targets explain; no network. The baseline that every other has to beat."""

from typing import TYPE_CHECKING, ClassVar

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from relatedness.base import Estimator
from relatedness.materials.cells import Pooled, too_few_numbers, without_numbers
from relatedness.materials.ridge import explained, fit_by_halves

if TYPE_CHECKING:
    from relatedness.study import Study


class Labels(Estimator):
    """Share of the variance of a's pooled targets that b's explain linearly, on pictures that are held out.

    Targets are averaged over cells of ``stride`` x ``stride`` pixels (one-hot for classes). A ridge regression with an
    intercept, fitted on the first batches, predicts a's from b's; its strength is the one that does best when fitted on
    one half of their pictures and judged on the other. R^2 over all of a's channels together, on the held-out
    batches; below 0 where b misleads.

    Cost: reading twice as many batches as the others do; no pass through a network.

    Options:
        stride: pixels of a cell's side.
    """

    needs: ClassVar = ("labels",)
    directed: ClassVar = True

    stride: int = Field(8, gt=0)

    @property
    def held_out(self) -> bool:
        return True

    def estimate(self, study: "Study") -> np.ndarray:
        height, width = study.setup.config.data.crop
        grid = -(-height // self.stride), -(-width // self.stride)
        first, held_out = study.pooled("first", grid), study.pooled("held_out", grid)
        found = np.full(study.wanted.shape, np.nan)
        for i, j in zip(*study.wanted.nonzero(), strict=True):
            found[i, j] = explained_share(first, held_out, study.names[i], study.names[j])
        return found

    def problem(self, study: "Study") -> str | None:
        return too_few_numbers(study)

    def remarks(self, study: "Study") -> list[str]:
        return without_numbers(study)


def explained_share(first: Pooled, held_out: Pooled, helped: str, partner: str) -> float:
    """R^2 of one role's targets from another's; NaN where a role has no targets or no cell has both.

    Args:
        first: what the map is fitted on.
        held_out: what it is judged on.
        helped, partner: names of roles.
    """
    if not {helped, partner} <= first.values.keys():
        return float("nan")
    outputs, inputs, weights, pictures = _rows(first, helped, partner)
    fitted = fit_by_halves(inputs, outputs, weights, pictures)
    outputs, inputs, weights, _ = _rows(held_out, helped, partner)
    if fitted is None or not weights.sum() > 0:
        return float("nan")
    slopes, intercept = fitted
    return explained(outputs, inputs.double() @ slopes + intercept, weights)


def _rows(pooled: Pooled, helped: str, partner: str) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Outputs, inputs, weights and the number of the picture of every cell; a cell counts by what both see of it."""
    weights = pooled.shares[helped] * pooled.shares[partner]
    pictures = torch.arange(len(weights))[:, None].expand_as(weights)
    values = (pooled.values[name].flatten(0, 1) for name in (helped, partner))
    outputs, inputs = values
    return outputs, inputs, weights.flatten(), pictures.flatten()
