"""Whether two tasks read the same directions of the shared features."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
from pydantic import field_validator
from pydantic_core import PydanticCustomError
from torch import Tensor

from configs import UserError
from models import build_backbone
from relatedness.base import Estimator
from relatedness.materials.cells import Features, Pooled, too_few_numbers, without_numbers
from relatedness.materials.depths import module_at
from relatedness.materials.ridge import Moments, choose_strength, explained, fit

if TYPE_CHECKING:
    from relatedness.study import Study

SMALLEST = 1e-9
"""Directions in which a readout has less than this share of its largest energy are no part of its subspace."""


@dataclass(frozen=True)
class Reading:
    """How a role's targets are read from the features.

    Attributes:
        slopes: [C, K].
        explained: R^2 on the held-out batches, all outputs together; below 0 where their mean would have been better,
            0 where they do not vary.
    """

    slopes: Tensor
    explained: float


class Readout(Estimator):
    """Share of a's readout energy that lies inside b's readout subspace, in the metric of the features' covariance.

    A ridge regression predicts each task's pooled targets (one-hot for classes) from the features, slopes W_a [C, K_a];
    its strength is the one that, fitted on the first batches, explains most of the held-out ones. With S the features'
    covariance, the energy of a readout is tr(W_a' S W_a), the variance of what it reads; P_b is the projection,
    orthogonal in S, onto the columns of W_b. The estimate is tr(W_a' S P_b W_a) / tr(W_a' S W_a): how much of what a
    reads can be told from what b reads. A task of more outputs has a larger subspace, so it is directed.

    The subspace of a partner that cannot be read, noise say, is one of those directions in which features vary most,
    whatever the targets, and a part of a lies in it by that alone; how large a part differs from network to network.
    ``readable`` therefore multiplies by min(1, R_b^2 / R_a^2), the shares of the held-out targets that the two readouts
    explain: what lies in directions that b reads counts as far as b is read as well as a is. Ours; noise comes to 0.

    Cost: one pass forwards on twice as many batches; regressions of as many inputs as the features have channels.

    Options:
        depth: a module of the backbone, as in ``blocks.2.0`` or ``layer3``; the features as they enter it are read. Not
            what leaves one, since in residual networks that is not yet added to its shortcut. Or how far down, in
            (0, 1): 0.5 is the block before which half of the blocks lie. None: the backbone's output.
        symmetric: the geometric mean of both directions, for the mutual form.
        readable: whether a partner that is read less well than a counts less.
    """

    needs: ClassVar = ("init", "warm")
    directed: ClassVar = True

    depth: str | float | None = None
    symmetric: bool = False
    readable: bool = False

    @field_validator("depth", mode="before")
    @classmethod
    def _name_or_share(cls, value: Any) -> Any:
        if value is None or (isinstance(value, str) and value) or (isinstance(value, float) and 0 < value < 1):
            return value
        raise PydanticCustomError("depth", "give the name of a module of the backbone, or a share such as 0.5")

    @property
    def held_out(self) -> bool:
        return True

    def estimate(self, study: "Study") -> np.ndarray:
        depth = None if self.depth is None else module_at(study.network(self.network_state).backbone, self.depth)
        first, held_out = (study.features(self.network_state, part, depth) for part in ("first", "held_out"))
        targets = study.pooled("first", first.grid), study.pooled("held_out", held_out.grid)
        covariance = Moments.of(*_all_rows(first), torch.ones(first.values[..., 0].numel())).xx
        readings = {name: readout(first, held_out, *targets, name) for name in study.names if name in targets[0].values}
        bases = {name: energetic_basis(found.slopes, covariance) for name, found in readings.items()}

        def share(helped: str, partner: str) -> float:
            inside = shared_energy(readings[helped].slopes, bases[partner], covariance)
            return inside * readable_share(readings[helped], readings[partner]) if self.readable else inside

        found = np.full(study.wanted.shape, np.nan)
        for i, j in zip(*study.wanted.nonzero(), strict=True):
            helped, partner = study.names[i], study.names[j]
            if helped in readings and partner in readings:
                one_way = share(helped, partner)
                found[i, j] = (one_way * share(partner, helped)) ** 0.5 if self.symmetric else one_way
        return found

    def problem(self, study: "Study") -> str | None:
        self._check_depth(study)  # a name that is not known is to be reported before any work
        return too_few_numbers(study)

    def remarks(self, study: "Study") -> list[str]:
        return without_numbers(study)

    def _check_depth(self, study: "Study") -> None:
        if self.depth is None:
            return
        config = study.setup.config
        try:
            module_at(build_backbone(config.model, config.source.parent), self.depth)
        except UserError as error:
            raise UserError(f"{config.source}: relatedness.readout.depth: {error}") from None


def readout(first: Features, held_out: Features, fitted: Pooled, judged: Pooled, name: str) -> Reading:
    """The ridge regression of a role's targets on the features; slopes of 0 where there are no valid targets.

    Args:
        first, held_out: features that it is fitted on, and those on which its strength is chosen.
        fitted, judged: the targets in the same cells.
    """
    inputs = torch.cat([first.values.flatten(0, 1), held_out.values.flatten(0, 1)])
    outputs = torch.cat([fitted.values[name].flatten(0, 1), judged.values[name].flatten(0, 1)])
    weights = torch.cat([fitted.shares[name].flatten(), judged.shares[name].flatten()])
    fitting = torch.arange(len(inputs)) < first.values[..., 0].numel()
    if not (weights[fitting].sum() > 0 and weights[~fitting].sum() > 0):
        return Reading(torch.zeros(inputs.shape[1], outputs.shape[1], dtype=torch.float64), 0.0)
    strength = choose_strength(inputs, outputs, weights, fitting)
    slopes, intercept = fit(Moments.of(inputs[fitting], outputs[fitting], weights[fitting]), strength)
    predicted = inputs[~fitting].double() @ slopes + intercept
    found = explained(outputs[~fitting], predicted, weights[~fitting])
    return Reading(slopes, 0.0 if math.isnan(found) else found)


def readable_share(helped: Reading, partner: Reading) -> float:
    """min(1, R_b^2 / R_a^2), where R_b^2 counts from 0 on; 1 for a partner that is read no worse than a, as a twin is,
    even where a itself is read no better than by its mean."""
    if not partner.explained < helped.explained:
        return 1.0
    return max(0.0, partner.explained) / helped.explained if helped.explained > 0 else 0.0


def energetic_basis(slopes: Tensor, covariance: Tensor) -> Tensor:
    """A basis [C, r] of the readout's columns that is orthonormal in the covariance; r <= K, directions of no energy
    left out."""
    gram = slopes.T @ covariance @ slopes
    energies, directions = torch.linalg.eigh((gram + gram.T) / 2)
    kept = energies > SMALLEST * energies.max().clamp(min=0)
    return slopes @ directions[:, kept] / energies[kept].sqrt() if energies.max() > 0 else slopes[:, :0]


def shared_energy(slopes: Tensor, basis: Tensor, covariance: Tensor) -> float:
    """Share of a readout's energy in the span of a basis that is orthonormal in the covariance; NaN without energy."""
    weighted = covariance @ slopes
    energy = float((slopes * weighted).sum())
    return float((basis.T @ weighted).square().sum()) / energy if energy > 0 else float("nan")


def _all_rows(features: Features) -> tuple[Tensor, Tensor]:
    rows = features.values.flatten(0, 1)
    return rows, rows[:, :1]
