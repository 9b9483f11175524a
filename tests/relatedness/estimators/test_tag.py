"""Steps that are really taken, on a network of two weights."""

import numpy as np
import pytest
import torch
from small_relatedness import SmallStudy

from relatedness.estimators.first_order import FirstOrder
from relatedness.estimators.tag import Tag, mean_where_defined

PICTURES = [{"img": [1.0, 0.0], "a": [1.0], "b": [0.0]}, {"img": [1.0, 1.0], "a": [0.0], "b": [10.0]}]
TASKS = {"a": 1.0, "b": 1.0}


def study(**options) -> SmallStudy:
    """Weights (3, 4), of length 5, so that a step of 0.2 is 1 long."""
    return SmallStudy([3.0, 4.0], PICTURES, TASKS, **options)


def test_a_step_along_the_partners_gradient_on_one_picture_is_judged_on_the_next() -> None:
    # Picture 0: b's feature 3 is above its target 0, so w becomes (2, 4); on picture 1, a's loss falls from 7 to 6.
    # Picture 1: b's feature 7 is below 10, so w becomes (3, 4) + (1, 1) / sqrt(2); a's on picture 0 rises from 2.
    found = Tag(step=0.2).estimate(study())
    assert found[0, 1] == pytest.approx((1 / 7 - np.sqrt(0.5) / 2) / 2)
    # a's gradient: (1, 0) on picture 0, (1, 1) on picture 1. b's losses: |7 - 10| to |6 - 10|, and 3 to 3 - sqrt(0.5).
    assert found[1, 0] == pytest.approx((-1 / 3 + np.sqrt(0.5) / 3) / 2)


def test_stand_ins_step_too_and_what_nobody_looks_at_is_left_out() -> None:
    found = Tag(step=0.2).estimate(study(controls=True))
    # Names: a, b, a~shuffled, b~shuffled, a~twin, b~twin. A twin's step is the task's own: with (1, 0), |6 - 0| of 7.
    assert found[0, 4] == pytest.approx((1 / 7 + np.sqrt(0.5) / 2) / 2)
    # Shuffled, b has target 10 on picture 0 and 0 on picture 1: w becomes (4, 4), then (3, 4) - (1, 1) / sqrt(2).
    assert found[0, 3] == pytest.approx((-1 / 7 + np.sqrt(0.5) / 2) / 2)
    assert np.isfinite(found).tolist() == study(controls=True).wanted.tolist()


def test_the_network_is_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    one = study()
    net = one.network("warm")
    monkeypatch.setattr(one, "network", lambda state: net)
    Tag().estimate(one)
    assert net.backbone.weight.flatten().tolist() == [3.0, 4.0] and net.backbone.weight.grad is None


def test_of_a_small_step_it_is_what_first_order_says() -> None:
    one = study()
    slopes = {"a": torch.tensor([[1.0, 0.0], [1.0, 1.0]]), "b": torch.tensor([[1.0, 0.0], [-1.0, -1.0]])}
    losses = np.array([[2.0, 3.0], [7.0, 3.0]])
    parts = [float(slopes["a"][1 - n] @ slopes["b"][n] / slopes["b"][n].norm()) / losses[1 - n, 0] for n in (0, 1)]
    step = 1e-3
    assert Tag(step=step).estimate(one)[0, 1] == pytest.approx(5 * step * np.mean(parts), rel=1e-3)
    assert FirstOrder.model_fields["step"].default == Tag.model_fields["step"].default


def test_processes_share_the_batches() -> None:
    alone, *shared = (study(place=place) for place in ((0, 1), (0, 2), (1, 2)))
    for one in (alone, *shared):
        Tag().estimate(one)
    together = {**shared[0].gathered[0], **shared[1].gathered[0]}
    assert together.keys() == alone.gathered[0].keys() and len(shared[0].gathered[0]) == 1
    for number, falls in alone.gathered[0].items():
        np.testing.assert_array_equal(together[number], falls)


def test_its_cost_is_counted() -> None:
    one = study(controls=True)
    _, cost = one.products.measured(lambda: Tag().estimate(one))
    assert (cost.forward_passes, cost.backward_passes) == (2 * (2 + 6), 2 * 6)


def test_a_batch_without_a_gradient_or_a_loss_does_not_count() -> None:
    one = SmallStudy([3.0, 4.0], [*PICTURES, {"img": [0.0, 0.0], "a": [1.0], "b": [1.0]}], TASKS)
    # Picture 2 gives no gradient, and on it no step changes anything: only 0 -> 1 and 1 -> 2 have a fall.
    assert Tag(step=0.2).estimate(one)[0, 1] == pytest.approx((1 / 7 + 0) / 2)
    falls = np.array([[1.0, np.nan], [np.nan, np.nan]])
    np.testing.assert_equal(mean_where_defined(falls), [1.0, np.nan])
