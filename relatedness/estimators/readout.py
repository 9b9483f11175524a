"""Whether two tasks read the same directions of the shared features."""

from typing import TYPE_CHECKING, ClassVar

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn

from configs import UserError
from models import build_backbone
from relatedness.base import Estimator
from relatedness.materials.cells import Features, Pooled, too_few_numbers, without_numbers
from relatedness.materials.ridge import Moments, choose_strength, fit

if TYPE_CHECKING:
    from relatedness.study import Study

SMALLEST = 1e-9
"""Directions in which a readout has less than this share of its largest energy are no part of its subspace."""


class Readout(Estimator):
    """Share of a's readout energy that lies inside b's readout subspace, in the metric of the features' covariance.

    A ridge regression predicts each task's pooled targets (one-hot for classes) from the features, slopes W_a [C, K_a];
    its strength is the one that, fitted on the first batches, explains most of the held-out ones. With S the features'
    covariance, the energy of a readout is tr(W_a' S W_a), the variance of what it reads; P_b is the projection,
    orthogonal in S, onto the columns of W_b. The estimate is tr(W_a' S P_b W_a) / tr(W_a' S W_a): how much of what a
    reads can be told from what b reads. A task of more outputs has a larger subspace, so it is directed.

    Cost: one pass forwards on twice as many batches; regressions of as many inputs as the features have channels.

    Options:
        depth: a module of the backbone, as in ``blocks.2.0`` or ``layer3``; the features as they enter it are read. Not
            what leaves one, since in residual networks that is not yet added to its shortcut. None: the backbone's
            output.
        symmetric: the geometric mean of both directions, for the mutual form.
    """

    needs: ClassVar = ("init", "warm")
    directed: ClassVar = True

    depth: str | None = Field(None, min_length=1)
    symmetric: bool = False

    @property
    def held_out(self) -> bool:
        return True

    def estimate(self, study: "Study") -> np.ndarray:
        first, held_out = (study.features(self.network_state, part, self.depth) for part in ("first", "held_out"))
        targets = study.pooled("first", first.grid), study.pooled("held_out", held_out.grid)
        covariance = Moments.of(*_all_rows(first), torch.ones(first.values[..., 0].numel())).xx
        slopes = {name: readout(first, held_out, *targets, name) for name in study.names if name in targets[0].values}
        bases = {name: energetic_basis(found, covariance) for name, found in slopes.items()}
        found = np.full(study.wanted.shape, np.nan)
        for i, j in zip(*study.wanted.nonzero(), strict=True):
            helped, partner = study.names[i], study.names[j]
            if helped in slopes and partner in slopes:
                share = shared_energy(slopes[helped], bases[partner], covariance)
                if self.symmetric:
                    share = (share * shared_energy(slopes[partner], bases[helped], covariance)) ** 0.5
                found[i, j] = share
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
        backbone = build_backbone(config.model, config.source.parent)
        named = [(name, module) for name, module in backbone.named_modules() if name]
        entered = [name for name, module in named if not isinstance(module, nn.ModuleList | nn.ModuleDict)]
        if self.depth not in entered:
            blocks = [name for name, module in named if name in entered and any(module.children())]
            where = f"{config.source}: relatedness.readout.depth"
            raise UserError(f"{where}: nothing enters '{self.depth}'; choose from {', '.join(blocks or entered)}")


def readout(first: Features, held_out: Features, fitted: Pooled, judged: Pooled, name: str) -> Tensor:
    """Slopes [C, K] of the ridge regression of a role's targets on the features.

    Args:
        first, held_out: features that it is fitted on, and those on which its strength is chosen.
        fitted, judged: the targets in the same cells.
    """
    inputs = torch.cat([first.values.flatten(0, 1), held_out.values.flatten(0, 1)])
    outputs = torch.cat([fitted.values[name].flatten(0, 1), judged.values[name].flatten(0, 1)])
    weights = torch.cat([fitted.shares[name].flatten(), judged.shares[name].flatten()])
    fitting = torch.arange(len(inputs)) < first.values[..., 0].numel()
    if not (weights[fitting].sum() > 0 and weights[~fitting].sum() > 0):
        return torch.zeros(inputs.shape[1], outputs.shape[1], dtype=torch.float64)
    strength = choose_strength(inputs, outputs, weights, fitting)
    return fit(Moments.of(inputs[fitting], outputs[fitting], weights[fitting]), strength)[0]


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
