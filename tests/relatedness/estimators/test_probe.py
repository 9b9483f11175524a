"""Probes of a backbone of two weights and one feature, which training turns to one input or to the other."""

import numpy as np
import pytest
from small_relatedness import SmallStudy, train_on

from relatedness.estimators.probe import Probe
from relatedness.materials.short_training import short_iterations

# a wants the feature up and b down; of the other picture, each wants the contrary.
TRAINED = [{"img": [1.0, 1.0], "a": [9.0], "b": [-9.0]}, {"img": [1.0, 1.0], "a": [-9.0], "b": [9.0]}]
# a is the first input and b the second; both halves of the pictures have all four combinations.
DESIGN = [(x, y) for x in (-1.0, 1.0) for y in (-1.0, 1.0) for _ in range(2)]
PICTURES = [{"img": [x, y], "a": [x], "b": [y]} for x, y in DESIGN]


def study(**options) -> SmallStudy:
    """From (0.5, -0.5), a step of a's makes the feature the first input, (1, 0), and one of b's the second, (0, -1)."""
    return SmallStudy([0.5, -0.5], PICTURES * 2, {"a": 1.0, "b": 1.0}, num_batches=len(PICTURES), **options)


def test_what_one_reads_is_lost_in_the_others_feature(monkeypatch: pytest.MonkeyPatch) -> None:
    train_on(monkeypatch, TRAINED)
    np.testing.assert_allclose(Probe(iterations=1).estimate(study()), [[np.nan, -1], [-1, np.nan]], atol=1e-4)


def test_floor_and_ceiling_come_from_trainings_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = train_on(monkeypatch, TRAINED)
    one = study(controls=True)
    found = Probe(iterations=1).estimate(one)
    assert np.isfinite(found).tolist() == one.wanted.tolist()
    # Names: a, b, a~shuffled, b~shuffled, a~twin, b~twin. b with the other picture's target makes what a makes.
    assert found[0, [1, 3, 4]] == pytest.approx([-1, 0, 0], abs=1e-4)
    seeds = [options["seed"] for options in asked]
    assert len(seeds) == 6 and len(set(seeds[:4])) == 1, "k runs, those of tasks and shuffled roles in the same order"
    assert len(set(seeds[4:])) == 1 and seeds[4] != seeds[0], "a twin has an order of its own"
    assert all(options["leaving_out"] == list(range(8, 16)) for options in asked)


def test_networks_of_tasks_are_made_once_for_all_estimators(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = train_on(monkeypatch, TRAINED)
    one = study()
    Probe(iterations=1).estimate(one)
    assert one.alone(one.roles[0], 1) is one.alone(one.roles[0], 1)
    assert len(asked) == 2


def test_its_cost_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    train_on(monkeypatch, TRAINED)
    one = study(controls=True)
    _, cost = one.products.measured(lambda: Probe(iterations=3).estimate(one))
    assert (cost.forward_passes, cost.backward_passes) == (6 * (3 + 16), 6 * 3)


def test_the_length_is_asked_for_or_that_of_the_warm_up_or_a_share_of_the_schedule() -> None:
    one = study()  # of a schedule of 40 iterations
    assert (short_iterations(one, 7), short_iterations(one, None)) == (7, 2)
    one.plan = one.plan.__class__(num_batches=8, warmup=5)
    assert short_iterations(one, None) == 5
