"""Linear maps from targets to targets, by hand."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from small_studies import study_for
from torch import Tensor

from relatedness.controls import make_roles
from relatedness.estimators.labels import Labels, explained_share
from relatedness.materials import cells
from relatedness.materials.cells import Pooled
from relatedness.materials.ridge import Moments, choose_strength, explained, fit
from relatedness.study import Plan
from tasks.maps import MapTask


def numbers(seed: int, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def pooled(**values: Tensor) -> Pooled:
    return Pooled(values, {name: torch.ones(value.shape[:2]) for name, value in values.items()})


def test_a_fit_without_penalty_is_least_squares_with_an_intercept() -> None:
    x, y, weights = numbers(0, 40, 3), numbers(1, 40, 2), torch.rand(40, generator=torch.Generator().manual_seed(2))
    slopes, intercept = fit(Moments.of(x, y, weights), 0.0)
    root = weights.sqrt()[:, None].double()
    design = torch.cat([x.double(), torch.ones(40, 1, dtype=torch.float64)], 1)
    expected = torch.linalg.lstsq(root * design, root * y.double()).solution
    torch.testing.assert_close(torch.cat([slopes, intercept[None]]), expected)


def test_a_penalty_is_a_share_of_the_inputs_variance() -> None:
    x = torch.tensor([[-1.0], [1.0]])
    slopes, intercept = fit(Moments.of(10 * x, 3 * x + 5, torch.ones(2)), 1.0)
    assert slopes.item() == pytest.approx(0.3 / 2) and intercept.item() == pytest.approx(5)


def test_inputs_that_do_not_vary_say_nothing() -> None:
    same = torch.full((3, 2), 0.1)
    slopes, intercept = fit(Moments.of(same, torch.tensor([[0.0], [1.5], [3.0]]), torch.ones(3)), 1e-6)
    assert slopes.abs().max() == 0 and intercept.item() == pytest.approx(1.5)


def test_explained_is_of_all_outputs_together_and_heeds_the_weights() -> None:
    y = torch.tensor([[1.0, 0.0], [-1.0, 0.0], [0.0, 3.0], [0.0, -3.0], [99.0, 99.0]])
    weights = torch.tensor([1.0, 1, 1, 1, 0])
    half = y * torch.tensor([0.0, 1.0])  # knows the second output, whose variance is nine tenths
    assert explained(y, half.double(), weights) == pytest.approx(0.9)
    assert explained(y, torch.zeros(5, 2).double(), weights) == pytest.approx(0)
    assert explained(y, -y.double(), weights) == pytest.approx(-3), "worse than the mean is below 0"
    assert np.isnan(explained(torch.ones(3, 1), torch.ones(3, 1).double(), torch.ones(3)))


def test_the_strength_is_the_one_that_holds_on_other_rows() -> None:
    x, y = numbers(0, 12, 8), numbers(1, 12, 1)
    fitting = torch.arange(12) % 2 == 0
    assert choose_strength(x, y, torch.ones(12), fitting, (1e-6, 1e3)) == 1e3, "nothing there: little is believed"
    assert choose_strength(x[:, :3], x[:, :1] + 2, torch.ones(12), torch.arange(12) < 8, (1e-6, 1e3)) == 1e-6


def test_a_linear_image_is_explained_wholly_and_half_of_two_by_half() -> None:
    b, other = numbers(0, 6, 50, 2), numbers(1, 6, 50, 1)
    data = {"b": b, "image": b @ torch.tensor([[2.0], [-1.0]]) + 7, "mixed": torch.cat([b[..., :1], other], 2)}
    held_b, held_other = numbers(2, 6, 50, 2), numbers(3, 6, 50, 1)
    held = {"b": held_b, "image": held_b @ torch.tensor([[2.0], [-1.0]]) + 7,
            "mixed": torch.cat([held_b[..., :1], held_other], 2)}  # fmt: skip
    first, held_out = pooled(**data), pooled(**held)
    assert explained_share(first, held_out, "image", "b") == pytest.approx(1, abs=1e-4)
    share = held_b[..., 0].var() / (held_b[..., 0].var() + held_other.var())
    assert explained_share(first, held_out, "mixed", "b") == pytest.approx(float(share), abs=0.03)
    assert 0.1 < explained_share(first, held_out, "b", "image") < 0.9, "one number cannot give two: directed"


def test_a_stranger_explains_nothing() -> None:
    first, held_out = (pooled(a=numbers(seed, 6, 50, 1), b=numbers(seed + 1, 6, 50, 3)) for seed in (0, 10))
    assert abs(explained_share(first, held_out, "a", "b")) < 0.05


def test_only_cells_that_both_see_count() -> None:
    b = numbers(0, 4, 30, 1)
    a = b.clone()
    a[:, ::2] = 1e6  # where a sees nothing
    shares = {"b": torch.ones(4, 30), "a": (torch.arange(30) % 2).float().expand(4, 30)}
    both = Pooled({"a": a, "b": b}, shares)
    assert explained_share(both, both, "a", "b") == pytest.approx(1, abs=1e-4)
    blind = Pooled(both.values, {"a": torch.zeros(4, 30), "b": torch.ones(4, 30)})
    assert np.isnan(explained_share(blind, both, "a", "b")) and np.isnan(explained_share(both, blind, "a", "b"))
    assert np.isnan(explained_share(both, both, "a", "c")), "a role without numbers"


class Dumb(MapTask):
    """A kind that says nothing of its targets as numbers."""

    pooled_targets = MapTask.__mro__[1].pooled_targets


def test_a_kind_without_numbers_is_left_out_with_a_remark() -> None:
    tasks = {name: kind(name=name, channels=1) for name, kind in {"a": MapTask, "b": MapTask, "c": Dumb}.items()}
    study = SimpleNamespace(setup=SimpleNamespace(tasks=tasks), roles=make_roles(tasks.values(), True))
    assert Labels().problem(study) is None
    assert Labels().remarks(study) == ["c is left out: its kind has no pooled_targets"]
    del tasks["a"]
    assert "fewer than two" in (Labels().problem(study) or "")


def test_a_twin_is_explained_wholly_and_every_cell_is_used_once(rooms, tmp_path, monkeypatch) -> None:
    study = study_for(rooms, tmp_path, plan=Plan(2))
    found = Labels().estimate(study)
    assert found[0, 4] == pytest.approx(1, abs=0.01), "a twin; of classes, some are in the held-out pictures alone"
    assert found[1, 5] > 0.5 > found[1, 0]
    assert np.isnan(found[~study.wanted]).all() and np.isfinite(found[study.wanted]).all()
    first = study.pooled("first", (5, 5))
    assert first.values["depth"].shape == (4, 25, 1) and first.values["seg"].shape == (4, 25, 17)
    assert torch.equal(first.values["depth"], first.values["depth~twin"])
    monkeypatch.setattr(cells, "MOST_CELLS", 12)
    few = study_for(rooms, tmp_path, plan=Plan(2)).pooled("first", (5, 5))
    assert few.values["depth"].shape == (4, 3, 1)
    whole = {float(value) for value in first.values["depth"][0, :, 0]}
    assert {float(value) for value in few.values["depth"][0, :, 0]} <= whole
