"""How much of a task's progress is left when its network takes the step that it and a partner agree on."""

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from relatedness.base import Estimator
from relatedness.materials.gradients import too_few_batches

if TYPE_CHECKING:
    from relatedness.study import Study


class JointAlignment(Estimator):
    """Cosine of a's gradient with the gradient of the weighted joint loss of a and b.

    A normalised step of the pair lowers a's loss by |g_a| * cos(g_a, w_a g_a + w_b g_b) where a step of its own would
    lower it by |g_a|: the cosine is the share that is left. Loss weights and the gradients' lengths count, so it is
    directed: a loud partner takes the step over. g_a comes from one half of the batches, the joint gradient from the
    other; the mean of both ways round. With gradients of equal length it is sqrt((1 + cos(g_a, g_b)) / 2) up to noise,
    so that only ``gradient_cosine`` is left of it.

    Cost: nothing beyond the gradients, which it shares with the other estimators that are made of them.
    """

    needs: ClassVar = ("warm", "init")
    directed: ClassVar = True

    def estimate(self, study: "Study") -> np.ndarray:
        return alignment(study.gradients(self.network_state).weighted(study.roles).sum(0))

    def by_layer(self, study: "Study") -> tuple[tuple[str, ...], np.ndarray]:
        gradients = study.gradients(self.network_state)
        return gradients.layers, np.stack([alignment(part) for part in gradients.weighted(study.roles)])

    def problem(self, study: "Study") -> str | None:
        return too_few_batches(study)


def alignment(products: np.ndarray) -> np.ndarray:
    """Cosine of a's gradient in one half with a's plus b's in the other, mean of both ways, [R, R]; NaN where 0 / 0.

    Args:
        products: [2, 2, R, R] inner products of weighted gradients, (half, half, role, role).
    """
    found = []
    for one, other in ((0, 1), (1, 0)):
        own = np.sqrt(np.diag(products[one, one]))
        along = np.diag(products[one, other])[:, None] + products[one, other]
        squares = np.diag(products[other, other])
        joint = np.sqrt(np.maximum(squares[:, None] + squares[None] + 2 * products[other, other], 0))
        with np.errstate(invalid="ignore", divide="ignore"):
            cosine = along / (own[:, None] * joint)
        found.append(np.where(np.isfinite(cosine), cosine, np.nan))
    return np.mean(found, axis=0)
