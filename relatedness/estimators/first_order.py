"""How much a step along a partner's gradient lowers a task's loss, to first order."""

from typing import TYPE_CHECKING, ClassVar

import numpy as np
from pydantic import Field

from relatedness.from_gradients import FromGradients
from relatedness.materials.gradients import shared_length

if TYPE_CHECKING:
    from relatedness.study import Study


class FirstOrder(FromGradients):
    """Relative fall of a's loss by a step of fixed length against b's gradient, to first order.

    The shared weights w move by step * |w| along -g_b / |g_b|; a's loss then falls by step * |w| * <g_a, g_b> / |g_b|,
    which is divided by a's loss. g_a and g_b are mean gradients of different halves of the batches; the mean of both
    ways round. It is the first term of what TAG measures (Fifty et al., "Efficiently identifying task groupings for
    multi-task learning", NeurIPS 2021), for the price of the gradients.

    Cost: nothing beyond the gradients, which it shares with the other estimators that are made of them. With
    closed-form heads those are measured once more, after one pass forwards on as many held-out batches.

    Options:
        step: length of the step, as a share of the length of all shared weights together.
    """

    needs: ClassVar = ("init", "warm")
    directed: ClassVar = True

    step: float = Field(0.01, gt=0, allow_inf_nan=False)

    def estimate(self, study: "Study") -> np.ndarray:
        gradients = self.gradients(study)
        return relative_fall(gradients.products.sum(0), gradients.losses, self._length(study))

    def by_layer(self, study: "Study") -> tuple[tuple[str, ...], np.ndarray]:
        """The part of the fall that each layer has in it; the sum over the layers is the estimate."""
        gradients = self.gradients(study)
        whole = gradients.products.sum(0)
        parts = [relative_fall(part, gradients.losses, self._length(study), whole) for part in gradients.products]
        return gradients.layers, np.stack(parts)

    def _length(self, study: "Study") -> float:
        return self.step * shared_length(study.network(self.network_state))


def relative_fall(
    products: np.ndarray, losses: np.ndarray, length: float, whole: np.ndarray | None = None
) -> np.ndarray:
    """length * <g_a, g_b> / (|g_b| * loss_a), mean of both halves, [R, R]; NaN where a gradient or a loss is zero.

    Args:
        products: [2, 2, R, R] inner products of all weights or of some, as in ``Gradients``.
        losses: [2, R].
        length: of the step.
        whole: products of all weights, whose lengths count; none: ``products``.
    """
    lengths = np.sqrt([np.diag((products if whole is None else whole)[half, half]) for half in (0, 1)])
    with np.errstate(invalid="ignore", divide="ignore"):
        falls = [products[one, 1 - one] / np.outer(losses[one], lengths[1 - one]) for one in (0, 1)]
    return length * np.where(np.isfinite(falls), falls, np.nan).mean(0)
