"""Signed gradients on networks whose gradients can be written down, their products, and sketches of them."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from models import MultitaskNet
from prune_utils.layers import shared_weights
from prune_utils.scores import task_gradients
from relatedness.estimators.gradient_cosine import GradientCosine, crossed_cosine
from relatedness.materials import gradients, sketch
from relatedness.materials.gradients import Gradients, SignedSums
from relatedness.materials.sketch import Sketch

LOSSES = {
    "up": lambda prediction, batch: prediction[:, 0].sum(),
    "down": lambda prediction, batch: -3 * prediction[:, 0].sum(),
    "beside": lambda prediction, batch: prediction[:, 1].sum(),
    "still": lambda prediction, batch: 0 * prediction.sum(),
}


def nothing(tensors: object) -> None:
    """One process has nothing to add."""


def measured(images: list[list[float]], losses: dict = LOSSES, repeat: int = 1) -> Gradients:
    """Gradients of a linear map of two inputs to two features, handed on as they are: dL/dW = dL/df x."""
    backbone = nn.Linear(2 * repeat, 2, bias=False)
    net = MultitaskNet(backbone, {name: nn.Identity() for name in losses})
    sums = SignedSums(list(losses), shared_weights(net), seed=0)
    batches = [{"img": torch.tensor([image]).repeat(1, repeat)} for image in images]
    for gradient in task_gradients(net, batches, losses):
        if gradient.shared:
            sums.add(gradient.number, gradient)
    return sums.gradients(nothing)


def test_products_are_those_of_the_mean_gradients_of_each_half() -> None:
    found = measured([[1.0, 0.0], [0.0, 2.0], [3.0, 0.0]])  # the even half's mean gradient of "up" is (2, 0)
    assert found.roles == tuple(LOSSES) and found.layers == ("backbone.weight",) and not found.sketched
    products = found.products[0]
    np.testing.assert_allclose(products[0, 0, :2, :2], [[4, -12], [-12, 36]])
    np.testing.assert_allclose(products[1, 1, 0, 0], 4)
    np.testing.assert_allclose(products[0, 1, 0, 0], 0, atol=1e-12)
    np.testing.assert_allclose(products[0, 0, 0, 2], 0, atol=1e-12)


def test_products_across_halves_are_transposes_of_one_another() -> None:
    products = measured([[1.0, 2.0], [2.0, -1.0]]).products
    np.testing.assert_allclose(products[:, 0, 1], products[:, 1, 0].transpose(0, 2, 1))


def test_losses_are_means_over_each_half() -> None:
    losses = {"first": lambda prediction, batch: prediction.sum() * 0 + batch["img"][0, 0]}
    assert measured([[1.0, 0.0], [5.0, 0.0], [3.0, 0.0]], losses).losses.tolist() == [[2.0], [5.0]]


def test_cosine_of_opposite_tasks_is_that_of_their_pictures_turned_round() -> None:
    study = SimpleNamespace(gradients=lambda state: measured([[1.0, 0.0], [1.0, 1.0]]))
    found = GradientCosine().estimate(study)
    across = np.sqrt(0.5)
    np.testing.assert_allclose(found[:3, :3], [[across, -across, 0], [-across, across, 0], [0, 0, across]], atol=1e-6)
    assert np.isnan(found[3]).all() and np.isnan(found[:, 3]).all(), "a task without a gradient has no direction"
    layers, by_layer = GradientCosine().by_layer(study)
    assert layers == ("backbone.weight",)
    np.testing.assert_allclose(by_layer[0], found)


def test_common_pictures_do_not_count_as_kinship() -> None:
    products = np.zeros((2, 2, 2, 2))
    products[0, 0] = products[1, 1] = [[1, 0.9], [0.9, 1]]  # alike on the same pictures, strangers across
    np.testing.assert_allclose(crossed_cosine(products), 0)


def test_gradient_cosine_asks_for_two_batches() -> None:
    assert "--num_batches" in (GradientCosine().problem(SimpleNamespace(plan=SimpleNamespace(num_batches=1))) or "")
    assert GradientCosine().problem(SimpleNamespace(plan=SimpleNamespace(num_batches=2))) is None


def sketched_cosines(length: int, buckets: int, x: Tensor, y: Tensor, trials: int) -> np.ndarray:
    found = []
    for trial in range(trials):
        make = Sketch(length, torch.Generator().manual_seed(trial), torch.device("cpu"), buckets)
        a, b = make(x), make(y)
        found.append(float(a @ b) / float(x.norm() * y.norm()))
    return np.array(found)


def test_a_sketch_keeps_products_on_average_with_the_error_that_is_stated() -> None:
    generator = torch.Generator().manual_seed(1)
    x, noise = (torch.randn(20_000, generator=generator) for _ in range(2))
    y = 0.5 * x + noise
    truth = float(x @ y / x.norm() / y.norm())
    found = sketched_cosines(20_000, 509, x, y, trials=300)
    stated = np.sqrt((1 + truth**2) / 509)
    assert abs(found.mean() - truth) < 4 * stated / np.sqrt(300)
    assert found.std() == pytest.approx(stated, rel=0.15)


def test_large_weights_of_one_channel_do_not_meet_in_one_bucket() -> None:
    x = torch.zeros(256, 64)
    x[:, 5] = 1.0  # one input of a layer of 64
    y = torch.zeros(256, 64)
    y[:, 5] = torch.tensor([1.0, -1.0]).repeat(128)
    found = sketched_cosines(256 * 64, 509, x.flatten(), y.flatten(), trials=200)
    assert found.std() < 1.3 / np.sqrt(509)


def test_a_sketch_is_linear_and_leaves_short_vectors_alone() -> None:
    make = Sketch(1000, torch.Generator().manual_seed(0), torch.device("cpu"), 101)
    x, y = torch.randn(1000), torch.randn(1000)
    torch.testing.assert_close(make(x + 2 * y), make(x) + 2 * make(y), atol=1e-4, rtol=1e-4)
    assert make(x).shape == (101,)
    short = Sketch(100, torch.Generator(), torch.device("cpu"), 101)
    assert torch.equal(short(x[:100]), x[:100])


def test_gradients_that_would_not_fit_are_sketched(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = measured([[1.0, 0.0], [1.0, 1.0]], repeat=2000)
    monkeypatch.setattr(gradients, "EXACT_NUMBERS", 0)
    monkeypatch.setattr(gradients, "Sketch", lambda *arguments: sketch.Sketch(*arguments, buckets=1009))
    sketched = measured([[1.0, 0.0], [1.0, 1.0]], repeat=2000)
    assert sketched.sketched
    exact, close = (crossed_cosine(found.products.sum(0)[:, :, :3, :3]) for found in (whole, sketched))
    np.testing.assert_allclose(close, exact, atol=5 / np.sqrt(1009))
    assert np.abs(close - exact).max() > 0
