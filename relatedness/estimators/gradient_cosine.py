"""Cosine of the tasks' signed gradients on the backbone, from different batches."""

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from relatedness.from_gradients import FromGradients

if TYPE_CHECKING:
    from relatedness.study import Study


class GradientCosine(FromGradients):
    """Whether two tasks pull the shared weights the same way.

    The mean of cos(g_a of one half of the batches, g_b of the other) and of the swapped one, g the mean gradient of a
    task's loss on all shared weights: pictures that both have in common do not count as kinship. Cosines of gradients
    as a measure of relatedness: Du et al., "Adapting auxiliary losses using gradient similarity" (2018); Yu et al.,
    "Gradient surgery for multi-task learning" (NeurIPS 2020).

    Cost: one pass forwards for each batch and one backwards for each batch and task, shared with the other estimators
    that are made of gradients. With closed-form heads the same once more, and one pass forwards on as many held-out
    batches.
    """

    needs: ClassVar = ("init", "warm")
    directed: ClassVar = False

    def estimate(self, study: "Study") -> np.ndarray:
        return crossed_cosine(self.gradients(study).products.sum(0))

    def by_layer(self, study: "Study") -> tuple[tuple[str, ...], np.ndarray]:
        gradients = self.gradients(study)
        return gradients.layers, np.stack([crossed_cosine(products) for products in gradients.products])


def crossed_cosine(products: np.ndarray) -> np.ndarray:
    """Mean cosine across two halves of the batches, [R, R]; NaN where a gradient is zero.

    Args:
        products: [2, 2, R, R] inner products, as in ``Gradients``.
    """
    lengths = np.sqrt([np.diag(products[half, half]) for half in (0, 1)])
    with np.errstate(invalid="ignore", divide="ignore"):
        one = products[0, 1] / np.outer(lengths[0], lengths[1])
        other = products[1, 0] / np.outer(lengths[1], lengths[0])
    return (one + other) / 2
