"""How well a task can be read from what a partner made of the backbone by itself."""

from typing import TYPE_CHECKING, ClassVar

import numpy as np
from pydantic import Field

from relatedness.base import Estimator
from relatedness.controls import Role
from relatedness.materials.cells import backbone_features, has_numbers
from relatedness.materials.closed_form import readout_share
from relatedness.materials.short_training import short_iterations

if TYPE_CHECKING:
    from relatedness.study import Study


class Probe(Estimator):
    """R^2 of a's readout from the features that b made, less that from the features that a made.

    Every role trains the same initial backbone by itself for a short while, on the training pictures that are not held
    out. From each of these backbones a ridge regression predicts a's pooled targets (one-hot for classes), fitted on
    the first batches and judged on the held-out ones. A partner whose features serve a as well as its own has 0, most
    have less. The difference, not the ratio: after a short training a's own R^2 may be near 0 or below, where a ratio
    has any size and turns its sign round, and so would the order of the partners; the difference keeps that order and
    its scale. A shuffled partner was trained on the targets of other pictures; the twin is a training of a's own
    with another head and another order of the batches, so the ceiling is how far two trainings of one task differ.
    Transfer of single-task features as a measure: Zamir et al., "Taskonomy" (CVPR 2018), here with a linear readout.

    Cost: one training of ``iterations`` steps for each task, and with controls for each stand-in: k runs, not k^2; one
    pass forwards on the first and the held-out batches for each. Every process does all trainings.

    Options:
        iterations: steps of each training; by default as many as the warm-up has.
    """

    needs: ClassVar = ("alone",)
    directed: ClassVar = True

    iterations: int | None = Field(None, gt=0)

    @property
    def held_out(self) -> bool:
        return True

    def estimate(self, study: "Study") -> np.ndarray:
        looked_at = study.wanted | np.diag([role.kind == "real" for role in study.roles])
        shares = np.full(looked_at.shape, np.nan)
        for j, partner in enumerate(study.roles):
            rows = looked_at[:, j].nonzero()[0]
            shares[rows, j] = self._shares(study, partner, [study.names[i] for i in rows])
        return np.where(study.wanted, shares - np.diag(shares)[:, None], np.nan)

    def problem(self, study: "Study") -> str | None:
        if not any(map(has_numbers, study.setup.tasks.values())):
            return "none of the tasks has targets that are numbers (see Task.pooled_targets)"
        return None

    def remarks(self, study: "Study") -> list[str]:
        without = [name for name, task in study.setup.tasks.items() if not has_numbers(task)]
        return [f"what helps {name} is not told: its kind has no pooled_targets" for name in without]

    def _shares(self, study: "Study", partner: Role, helped: list[str]) -> list[float]:
        """R^2 of each helped role from what the partner made."""
        net = study.alone(partner, short_iterations(study, self.iterations))
        first, held_out = backbone_features(study, net, "first"), backbone_features(study, net, "held_out")
        fitted, judged = study.pooled("first", first.grid), study.pooled("held_out", held_out.grid)
        return [readout_share(first, held_out, fitted, judged, name) for name in helped]
