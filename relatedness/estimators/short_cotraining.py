"""The gain itself, after a short training of every pair: the dear reference."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import torch
from pydantic import Field

from models import MultitaskNet
from prune_utils.modes import training_mode
from relatedness.base import Estimator
from relatedness.controls import Role
from relatedness.materials.networks import trained_on
from relatedness.materials.short_training import short_iterations
from runtime.passes import seed_batch

if TYPE_CHECKING:
    from relatedness.study import Study


class ShortCotraining(Estimator):
    """1 - L_a(trained with b) / L_a(trained alone), both for the same number of iterations.

    L_a is a's loss on held-out training pictures, which neither training sees. Initial weights, batches and their order
    are the same for all runs, and the losses of a pair are added up with their weights, as in training. It is what
    measured gains are, after a fraction of the schedule: tasks that are slow to profit from one another are
    underrated (Standley et al., "Which tasks should be learned together?", ICML 2020, train for 20 % of it).

    Cost: of T tasks, T + T (T - 1) / 2 runs of ``iterations`` steps; with controls T (T - 1) + T more, since a shuffled
    partner of a and a's twin serve a alone. Several processes share the runs of pairs.

    Options:
        iterations: steps of each run; by default as many as the warm-up has.
    """

    needs: ClassVar = ("pairs",)
    directed: ClassVar = True

    iterations: int | None = Field(None, gt=0)

    @property
    def held_out(self) -> bool:
        return True

    def estimate(self, study: "Study") -> np.ndarray:
        iterations = short_iterations(study, self.iterations)
        tasks = [role for role in study.roles if role.kind == "real"]
        alone = {role.name: held_out_losses(study, study.alone(role, iterations), [role])[role.name] for role in tasks}
        gains = np.full(study.wanted.shape, np.nan)
        for together in self._pairs(study, iterations):
            i, j = (study.names.index(name) for name in together)
            for helped, partner in ((i, j), (j, i)):
                if study.wanted[helped, partner]:
                    gains[helped, partner] = relative_gain(together[study.names[helped]], alone[study.names[helped]])
        return gains

    def _pairs(self, study: "Study", iterations: int) -> list[dict[str, float]]:
        """For every pair that is looked at, the losses of its two roles after their joint training."""
        pairs = np.argwhere(np.triu(study.wanted | study.wanted.T, 1))
        runtime, found = study.setup.runtime, {}
        for number in range(runtime.rank, len(pairs), runtime.world):
            roles = [study.roles[place] for place in pairs[number]]
            name = f"{roles[0].name} with {roles[1].name}, pair {number + 1} of {len(pairs)}"
            found[number] = held_out_losses(study, trained_on(study, roles, iterations, name), roles)
        study.products.count_passes(len(pairs) * iterations, len(pairs) * iterations)
        study.products.count_passes((len(pairs) + len(study.setup.tasks)) * len(study.numbers("held_out")), 0)
        return study.from_all(found)


@torch.no_grad()
def held_out_losses(study: "Study", net: MultitaskNet, roles: Sequence[Role]) -> dict[str, float]:
    """Mean loss of each role over all held-out batches, each looked at by this process.

    In training mode, since a few steps are too few for running statistics; a role's dropout does not depend on which
    others there are.
    """
    losses = {role.name: 0.0 for role in roles}
    numbers = study.numbers("held_out")
    with training_mode(net):
        for number, batch in study.read("held_out", numbers):
            seed_batch(study.seed, number)
            with study.setup.runtime.autocast():
                features = net.backbone(batch["img"])
            for role in roles:
                seed_batch(study.seed, number)
                with study.setup.runtime.autocast():
                    prediction = net.heads[role.name](features)
                losses[role.name] += float(role.loss(prediction.float(), batch)) / len(numbers)
    return losses


def relative_gain(together: float, alone: float) -> float:
    """The relative fall of a loss; NaN where there was none to lower."""
    return 1 - together / alone if alone > 0 else float("nan")
