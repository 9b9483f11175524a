"""Estimators that are made of inner products of gradients, on gradients of two numbers."""

import numpy as np
import pytest

from relatedness.estimators.dominance import log_ratio
from relatedness.estimators.first_order import relative_fall
from relatedness.estimators.gradient_cosine import crossed_cosine
from relatedness.estimators.joint_alignment import alignment


def products(one: list[list[float]], other: list[list[float]] | None = None) -> np.ndarray:
    """[2, 2, R, R] of each role's gradients in one half of the batches and, if they differ, in the other."""
    halves = np.stack([one, one if other is None else other]).astype(float)
    return np.einsum("pan,qbn->pqab", halves, halves)


def test_without_noise_the_joint_gradient_is_met_at_half_the_angle() -> None:
    # Gradients of length 1 at 90 degrees: their sum is at 45 degrees to both; a twin is at 0, an opponent cancels.
    found = alignment(products([[1, 0], [0, 1], [1, 0], [-1, 0]]))
    assert found[0, :3] == pytest.approx([1, np.sqrt(0.5), 1])
    assert np.isnan(found[0, 3])


def test_the_louder_task_takes_the_step_over() -> None:
    found = alignment(products([[1, 0], [0, 3]]))  # the sum is (1, 3)
    assert found[0, 1] == pytest.approx(1 / np.sqrt(10))
    assert found[1, 0] == pytest.approx(3 / np.sqrt(10))


def test_the_joint_gradient_comes_from_other_batches() -> None:
    # Half 0: a (1, 0), b (0, 1); half 1: both (0, 1). a of 0 with (0, 2) of 1: 90 degrees; a of 1 with (1, 1) of 0: 45.
    found = alignment(products([[1, 0], [0, 1]], [[0, 1], [0, 1]]))
    assert found[0, 1] == pytest.approx((0 + np.sqrt(0.5)) / 2)


def test_dominance_is_the_log_of_the_ratio_of_lengths_and_nothing_else() -> None:
    found = log_ratio(products([[1, 0], [0, -4]]))
    assert found == pytest.approx(np.log([[1, 0.25], [4, 1]]))
    assert np.isnan(log_ratio(products([[1, 0], [0, 0]]))[0, 1])


def test_a_length_across_halves_leaves_noise_out() -> None:
    # The part that both halves share is 1 long, the noise 10; without it the two roles are equally loud.
    found = log_ratio(products([[1, 10, 0], [1, 0, 0]], [[1, 0, 10], [1, 0, 0]]))
    assert found[0, 1] == pytest.approx(0)


def test_first_order_is_what_a_small_step_really_does() -> None:
    # Loss a = w1 + 2, loss b = 3 w1 + 4 w2 at w = 0: a step of 0.1 against b's gradient (3, 4) / 5 lowers w1 by 0.06.
    found = relative_fall(products([[1, 0], [3, 4]]), np.full((2, 2), 2.0), length=0.1)
    assert found[0, 1] == pytest.approx(0.06 / 2)
    assert found[1, 0] == pytest.approx(0.1 * 3 / 2)


def test_the_layers_parts_add_up_to_the_fall() -> None:
    layers = np.stack([products([[1, 2], [3, 1]]), products([[0, -1], [1, 1]])])
    losses = np.array([[1.0, 2.0], [1.5, 2.5]])
    whole = layers.sum(0)
    parts = [relative_fall(part, losses, 0.1, whole) for part in layers]
    assert sum(parts) == pytest.approx(relative_fall(whole, losses, 0.1))


def test_crossed_cosine_of_a_twin_is_that_of_its_own_two_halves() -> None:
    found = crossed_cosine(products([[1, 0], [1, 0]], [[1, 1], [1, 1]]))
    assert found[0, 1] == pytest.approx(np.sqrt(0.5))
