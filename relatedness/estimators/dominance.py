"""How loud a task is beside a partner: lengths of gradients, no direction at all. The second baseline to beat."""

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from relatedness.base import Estimator
from relatedness.materials.gradients import too_few_batches

if TYPE_CHECKING:
    from relatedness.study import Study


class Dominance(Estimator):
    """log(w_a |g_a| / (w_b |g_b|)), w the weights of the losses, g the gradients on the shared weights.

    A task whose gradient is longer than its partner's decides where the shared weights go. It knows nothing of what the
    tasks are about: its floor, a partner with the targets of other pictures, may be as good as its values, and its
    ceiling, a twin, is a task as loud as itself, near 0. What it predicts of measured gains is loudness, which other
    weights of the losses mend. The squared length of a mean gradient is its product across two halves of the batches,
    which noise does not lengthen, where that is above zero.

    Cost: nothing beyond the gradients, which it shares with the other estimators that are made of them.
    """

    needs: ClassVar = ("warm", "init")
    directed: ClassVar = True
    baseline: ClassVar = True

    def estimate(self, study: "Study") -> np.ndarray:
        return log_ratio(study.gradients(self.network_state).weighted(study.roles).sum(0))

    def problem(self, study: "Study") -> str | None:
        return too_few_batches(study)


def log_ratio(products: np.ndarray) -> np.ndarray:
    """Log of the ratio of the lengths of gradients, [R, R]; NaN where one is zero.

    Args:
        products: [2, 2, R, R] inner products of weighted gradients, (half, half, role, role).
    """
    across = np.diag(products[0, 1])
    noisy = np.sqrt(np.diag(products[0, 0]) * np.diag(products[1, 1]))
    squares = np.where(across > 0, across, noisy)
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log(squares) / 2
        ratios = logs[:, None] - logs[None]
    return np.where(np.isfinite(ratios), ratios, np.nan)
