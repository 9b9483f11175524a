"""One step of Adam moves each weight by the learning rate, so that short trainings can be worked out by hand."""

import numpy as np
import pytest
from small_relatedness import SmallStudy, train_on

from relatedness.estimators.short_cotraining import ShortCotraining, relative_gain

TRAINED = [{"img": [1.0, 1.0], "a": [0.0], "b": [10.0]}, {"img": [1.0, 1.0], "a": [20.0], "b": [0.0]}]
HELD_OUT = {"img": [1.0, 0.0], "a": [1.0], "b": [5.0]}


def study(**options) -> SmallStudy:
    """Weights (3, 4) and a rate of 0.5; b's loss counts three times as much as a's."""
    return SmallStudy([3.0, 4.0], [TRAINED[0], HELD_OUT], {"a": 1.0, "b": 3.0}, num_batches=1, **options)


def test_the_louder_task_decides_where_the_pair_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    train_on(monkeypatch, TRAINED)
    # The feature is 7. a alone goes to (2.5, 3.5), where its held-out loss is 1.5; b, and so the pair, goes to
    # (3.5, 4.5), where it is 2.5 for a and 1.5 for b.
    found = ShortCotraining(iterations=1).estimate(study())
    np.testing.assert_allclose(found, [[np.nan, 1 - 2.5 / 1.5], [0, np.nan]], rtol=1e-6)


def test_a_twin_pulls_the_same_way_and_a_shuffled_partner_where_the_other_picture_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    train_on(monkeypatch, TRAINED)
    found = ShortCotraining(iterations=1).estimate(study(controls=True))
    assert np.isfinite(found).tolist() == study(controls=True).wanted.tolist()
    # Names: a, b, a~shuffled, b~shuffled, a~twin, b~twin. Of the other picture, b has 0 and wants down, as a does.
    assert found[0, [1, 3, 4]] == pytest.approx([1 - 2.5 / 1.5, 0, 0], abs=1e-6)
    # Of the other picture, a has 20 and wants up, as b does.
    assert found[1, [0, 2, 5]] == pytest.approx([0, 0, 0], abs=1e-6)


def test_all_runs_see_the_same_batches_and_none_the_held_out_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = train_on(monkeypatch, TRAINED)
    ShortCotraining(iterations=2).estimate(study(controls=True))
    assert len(asked) == 2 + 1 + 2 + 2  # two alone, the pair, each with the other's shuffled, each with its twin
    assert len({options["seed"] for options in asked}) == 1
    assert all(options["leaving_out"] == [1] for options in asked)


def test_processes_share_the_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    train_on(monkeypatch, TRAINED)
    alone = study(controls=True)
    ShortCotraining(iterations=1).estimate(alone)
    together: dict = {}
    for rank in range(2):
        one = study(controls=True, place=(rank, 2))
        ShortCotraining(iterations=1).estimate(one)
        assert [number % 2 for number in one.gathered[0]] == [rank] * len(one.gathered[0])
        together |= one.gathered[0]
    assert dict(sorted(together.items())) == alone.gathered[0]


def test_its_cost_is_the_number_of_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    train_on(monkeypatch, TRAINED)
    one = study(controls=True)
    _, cost = one.products.measured(lambda: ShortCotraining(iterations=3).estimate(one))
    assert (cost.forward_passes, cost.backward_passes) == (7 * 3 + 7, 7 * 3)


def test_a_task_that_is_perfect_alone_has_no_gain() -> None:
    assert np.isnan(relative_gain(1.0, 0.0)) and relative_gain(0.5, 2.0) == 0.75
