"""Readouts of two features, worked out by hand."""

import pytest
import torch

from relatedness.estimators.readout import Reading, energetic_basis, readable_share, readout, shared_energy
from relatedness.materials.cells import Features, Pooled

PLAIN = torch.eye(3, dtype=torch.float64)


def share(helped: list[list[float]], partner: list[list[float]], covariance: torch.Tensor = PLAIN) -> float:
    """The estimate from slopes, given as rows of outputs."""
    a, b = (torch.tensor(rows, dtype=torch.float64).T for rows in (helped, partner))
    return shared_energy(a, energetic_basis(b, covariance), covariance)


def test_what_lies_in_the_partners_subspace_counts() -> None:
    assert share([[1, 0, 0]], [[5, 0, 0]]) == pytest.approx(1)  # the same direction, however strongly it is read
    assert share([[1, 0, 0]], [[0, 1, 0]]) == pytest.approx(0)
    assert share([[1, 0, 0]], [[1, 1, 0]]) == pytest.approx(0.5)
    assert share([[3, 4, 0]], [[1, 0, 0]]) == pytest.approx(9 / 25)


def test_it_is_directed() -> None:
    assert share([[1, 0, 0]], [[1, 0, 0], [0, 1, 0]]) == pytest.approx(1)
    assert share([[1, 0, 0], [0, 1, 0]], [[1, 0, 0]]) == pytest.approx(0.5)


def test_directions_count_by_how_much_the_features_vary_in_them() -> None:
    # The first feature has four times the variance: it holds 4 of the 5 parts of what (1, 1) reads.
    assert share([[1, 1, 0]], [[1, 0, 0]], torch.diag(torch.tensor([4.0, 1.0, 1.0]).double())) == pytest.approx(4 / 5)


def test_a_readout_that_reads_nothing_is_undefined_and_explains_nothing() -> None:
    assert share([[0, 0, 0]], [[1, 0, 0]]) != share([[0, 0, 0]], [[1, 0, 0]])
    assert share([[1, 0, 0]], [[0, 0, 0]]) == 0


def test_a_linear_target_is_read_where_it_lies() -> None:
    generator = torch.Generator().manual_seed(0)
    first, held_out = (Features(torch.randn(8, 16, 3, generator=generator), (4, 4)) for _ in range(2))
    targets = [
        Pooled({"a": part.values @ torch.tensor([[2.0], [0.0], [-1.0]]) + 7}, {"a": torch.ones(8, 16)})
        for part in (first, held_out)
    ]
    found = readout(first, held_out, *targets, "a")
    assert found.slopes.flatten().tolist() == pytest.approx([2, 0, -1], abs=1e-3)
    assert found.explained == pytest.approx(1)


def test_what_cannot_be_read_of_a_partner_does_not_count() -> None:
    helped, well, badly, not_at_all = (Reading(torch.eye(3), share) for share in (0.4, 0.8, 0.1, -0.02))
    assert readable_share(helped, helped) == readable_share(helped, well) == 1, "more than all of it is not shared"
    assert readable_share(helped, badly) == pytest.approx(1 / 4) and readable_share(helped, not_at_all) == 0
    assert readable_share(not_at_all, not_at_all) == readable_share(not_at_all, badly) == 1
    assert readable_share(not_at_all, Reading(torch.eye(3), -0.03)) == 0
