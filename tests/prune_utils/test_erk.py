"""Erdos-Renyi-kernel densities: reference values, cases by hand, exact counts."""

import json
import math
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from configs import UserError
from prune_utils.erk import erk_counts, erk_densities
from prune_utils.masks import target_count
from prune_utils.selection import largest, random_mask


def test_densities_of_the_published_network(shared: Path) -> None:
    reference = json.loads((shared / "golden" / "erk.json").read_text())["nets"]["[40,3,1]"]
    keys = json.loads((shared / "golden" / "state_dict.json").read_text())["nets"]["[40,3,1]"]["plain_state_dict"]
    for density, expected in reference["densities"].items():
        shapes = {name: shape for name in expected["layers"] for key, shape in keys if key == f"{name}.weight"}
        ours = erk_densities(shapes, float(density), reference["erk_power_scale"])
        assert ours == pytest.approx(expected["layers"], rel=1e-12)
        assert list(ours.values()).count(1.0) == expected["num_dense_layers"]
        kept = sum(ours[name] * math.prod(shape) for name, shape in shapes.items())
        assert kept / reference["total_weights"] == pytest.approx(expected["overall_density"], rel=1e-12)


def test_by_hand() -> None:
    # Proportions with power 1: (2 + 2) / 4 = 1 and (4 + 4) / 16 = 1/2; 10 of 20 weights: s * (4 * 1 + 16 / 2) = 10.
    assert erk_densities({"u": (2, 2), "v": (4, 4)}, 0.5, 1) == pytest.approx({"u": 10 / 12, "v": 5 / 12})
    # 15 of 20: s = 15 / 12 would make u denser than 1, so v has what is left, 11 of 16.
    assert erk_densities({"u": (2, 2), "v": (4, 4)}, 0.75, 1) == pytest.approx({"u": 1, "v": 11 / 16})
    assert erk_densities({"u": (2, 2), "v": (4, 4)}, 0.3, 0) == pytest.approx({"u": 0.3, "v": 0.3})
    assert erk_densities({"u": (2, 2), "v": (4, 4)}, 1.0) == {"u": 1, "v": 1}


def test_a_layer_that_stays_dense_takes_from_the_others() -> None:
    shapes = {"first": (4, 4), "u": (2, 2), "v": (4, 4)}
    # 18 of 36, 16 of them in the first layer; the other 2: s * (4 + 8) = 2.
    assert erk_densities(shapes, 0.5, 1, ["first"]) == pytest.approx({"first": 1, "u": 1 / 6, "v": 1 / 12})
    with pytest.raises(UserError, match="first stays dense and has 16 weights, but only 7 of the network's 36"):
        erk_densities(shapes, 0.2, 1, ["first"])


def test_counts_go_to_the_layers_that_lost_most() -> None:
    # 18 of 36 at density 1/2 each: 8, 2, 8. Of 11: 4.89, 1.22, 4.89, so 4 + 1 + 4 and one more for the 4.89s.
    shapes = {"t": (4, 4), "u": (2, 2), "v": (4, 4)}
    assert erk_counts(shapes, 50, 0) == {"t": 8, "u": 2, "v": 8}
    assert erk_counts(shapes, 100 * (1 - 11 / 36), 0) == {"t": 5, "u": 1, "v": 5}


@given(
    shapes=st.lists(st.tuples(st.integers(1, 40), st.integers(1, 40)), min_size=1, max_size=8),
    sparsity=st.integers(1, 99),
    power=st.floats(0, 2),
)
@settings(max_examples=200, deadline=None)
def test_counts_are_exact_and_fit_into_their_layers(shapes: list, sparsity: int, power: float) -> None:
    named = {str(number): shape for number, shape in enumerate(shapes)}
    counts = erk_counts(named, sparsity, power)
    sizes = {name: math.prod(shape) for name, shape in named.items()}
    assert sum(counts.values()) == target_count(sum(sizes.values()), sparsity)
    assert all(0 <= counts[name] <= sizes[name] for name in sizes)


def test_largest_takes_the_first_of_equals_and_only_candidates() -> None:
    values = torch.tensor([[3.0, 9.0, 1.0], [3.0, 3.0, 5.0]])
    candidates = torch.tensor([[True, False, True], [True, True, True]])
    chosen = largest(values, 3, candidates)
    assert chosen.tolist() == [[True, False, False], [True, False, True]]
    assert torch.equal(largest(values, 9, candidates), candidates)
    assert not largest(values, 0, candidates).any()


@given(seed=st.integers(0, 10**6), count=st.integers(0, 60))
@settings(max_examples=100, deadline=None)
def test_largest_is_a_stable_sort(seed: int, count: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    values = torch.randint(0, 6, (60,), generator=generator).float()
    among = torch.rand(60, generator=generator) < 0.7
    order = sorted(among.nonzero().flatten().tolist(), key=lambda place: (-values[place].item(), place))
    assert largest(values, count, among).nonzero().flatten().tolist() == sorted(order[:count])


def test_random_masks_are_exact_seeded_and_spread_out() -> None:
    def draw(seed: int) -> torch.Tensor:
        return random_mask(torch.Size([100, 100]), 3000, torch.Generator().manual_seed(seed))

    assert draw(0).sum() == 3000 and torch.equal(draw(0), draw(0)) and not torch.equal(draw(0), draw(1))
    halves = draw(0).view(2, -1).sum(dim=1)
    assert (halves - 1500).abs().max() < 100  # standard deviation about 23
