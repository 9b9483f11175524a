"""Readouts in the places of heads, on one feature of two weights."""

import numpy as np
import pytest
import torch
from small_relatedness import SmallStudy

from configs import UserError
from relatedness.estimators.first_order import FirstOrder
from relatedness.estimators.gradient_cosine import GradientCosine
from relatedness.materials import gradients
from relatedness.materials.cells import Features, Pooled
from relatedness.materials.closed_form import fit_readout, linear_head, readout_share
from tasks.maps import MapTask

WEIGHTS = [1.0, 2.0]
# Of the feature f = x + 2 y, a is 2 f + 1 and b is -f; on the first two pictures both are 1 less than that.
HELD_OUT = [{"img": [f, 0.0], "a": [2 * f + 1], "b": [-f]} for f in (-1.0, -1.0, 1.0, 1.0)]
FIRST = [{"img": [1.0, 0.0], "a": [2.0], "b": [-2.0]}, {"img": [1.0, 1.0], "a": [6.0], "b": [-4.0]}]


@pytest.fixture
def study(monkeypatch: pytest.MonkeyPatch) -> SmallStudy:
    one = SmallStudy(WEIGHTS, [*FIRST, *HELD_OUT], {"a": 1.0, "b": 1.0}, num_batches=2)

    def over_batches(measure, setup, net, count, seed, bar):
        return measure(net, one.batched[:count], {})

    monkeypatch.setattr(gradients, "over_batches", over_batches)
    return one


def test_gradients_are_those_of_the_readouts_squared_errors(study: SmallStudy) -> None:
    # Each readout is 1 too high, so the gradients are 2 * slope * picture: 4 (1, 0) and 4 (1, 1), -2 (1, 0), -2 (1, 1).
    found = study.readout_gradients("init")
    np.testing.assert_allclose(found.losses, 1, rtol=1e-4)
    np.testing.assert_allclose(found.products[0, 0, 0], [[16, -8], [-8, 4]], rtol=1e-4)
    np.testing.assert_allclose(found.products[0, 0, 1], [[16, -8], [-8, 4]], rtol=1e-4)
    np.testing.assert_allclose(found.products[0, 1, 1], [[32, -16], [-16, 8]], rtol=1e-4)


def test_estimators_look_at_them_where_they_are_asked_to(study: SmallStudy) -> None:
    cosine = GradientCosine(head="closed_form")
    assert cosine.held_out and not GradientCosine().held_out
    assert cosine.estimate(study)[0, 1] == pytest.approx(-np.sqrt(0.5), rel=1e-4)
    assert cosine.by_layer(study)[1][0, 0, 1] == pytest.approx(-np.sqrt(0.5), rel=1e-4)
    step = 0.01 * np.sqrt(5)
    fall = FirstOrder(head="closed_form").estimate(study)[0, 1]
    assert fall == pytest.approx(-step * (4 * np.sqrt(0.5) + 4) / 2, rel=1e-4)


def test_a_task_without_numbers_has_no_readout(study: SmallStudy) -> None:
    class Mute(MapTask):
        def pooled_targets(self, batch, height, width):
            return None

    role = study.roles[0]
    study.roles = (role.__class__("a", Mute(name="a", channels=1), "real"), study.roles[1])
    found = GradientCosine(head="closed_form").estimate(study)
    assert np.isfinite(found).tolist() == [[False, False], [False, True]]
    study.roles = study.roles[:1]
    study.products = study.products.__class__()
    with pytest.raises(UserError, match="--num_batches"):
        study.readout_gradients("init")


def test_its_cost_is_counted(study: SmallStudy) -> None:
    _, cost = study.products.measured(lambda: GradientCosine(head="closed_form").estimate(study))
    assert (cost.forward_passes, cost.backward_passes) == (4 + 2, 2 * 2)


def test_a_readout_as_a_head_predicts_what_the_readout_does() -> None:
    slopes, intercept = torch.tensor([[1.0, 2.0], [3.0, 4.0]]).double(), torch.tensor([5.0, 6.0]).double()
    features = torch.tensor([10.0, 100.0]).reshape(1, 2, 1, 1)
    assert linear_head(slopes, intercept)(features).flatten().tolist() == [315.0, 426.0]


def test_a_share_is_judged_on_other_pictures_where_they_are_valid() -> None:
    values = torch.tensor([-1.0, -1.0, 1.0, 1.0])[:, None, None]
    features, valid = Features(values, (1, 1)), torch.ones(4, 1)
    fitted = Pooled({"a": 3 * values}, {"a": valid})
    judged = Pooled({"a": -3 * values}, {"a": valid})  # predicted with the contrary sign: an error of 36, 9 to explain
    assert readout_share(features, features, fitted, fitted, "a") == pytest.approx(1)
    assert readout_share(features, features, fitted, judged, "a") == pytest.approx(-3, abs=1e-4)
    nowhere = Pooled({"a": values}, {"a": 0 * valid})
    assert np.isnan(readout_share(features, features, fitted, nowhere, "a"))
    assert fit_readout(features, nowhere, "a") is None and fit_readout(features, fitted, "b") is None
