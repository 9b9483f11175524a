"""Thresholds, masks and keep ratios."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from prune_utils.layers import Scores
from prune_utils.masks import (
    MergedNetwork,
    exact_masks,
    keep_thresholds,
    masks_above,
    merge,
    target_count,
)

TINY = {"w": torch.tensor([[5.0, 1.0], [4.0, 4.0]]), "v": torch.tensor([0.0, 2.0])}


def kept(masks: dict) -> int:
    return sum(int(mask.sum()) for mask in masks.values())


def random_scores(tasks: int, seed: int, zeros: float = 0.0) -> tuple[dict[str, Scores], list[str]]:
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape: int) -> torch.Tensor:
        values = torch.rand(shape, generator=generator) ** 4
        return values * (torch.rand(shape, generator=generator) >= zeros)

    shared = {"backbone.0": (40, 30), "backbone.1": (7, 11)}
    return {
        f"t{t}": {**{n: draw(*s) for n, s in shared.items()}, f"heads.t{t}": draw(200 + 100 * t)} for t in range(tasks)
    }, list(shared)


def test_thresholds_are_the_kth_largest_and_ties_are_kept() -> None:
    # Sorted: 5 4 4 2 1 0; k = 1, 2, 3, 6, 0.
    thresholds = keep_thresholds(TINY, [0.2, 0.34, 0.5, 1.0, 0.1])
    assert thresholds == [5.0, 4.0, 4.0, 0.0, math.inf]
    assert [kept(masks_above(TINY, t)) for t in thresholds] == [1, 3, 3, 6, 0]
    assert masks_above(TINY, 4.0)["w"].tolist() == [[True, False], [True, True]]


def test_scores_are_not_changed_by_looking_for_thresholds() -> None:
    before = {name: score.clone() for name, score in TINY.items()}
    keep_thresholds(TINY, [0.3, 0.6])
    assert all(torch.equal(score, before[name]) for name, score in TINY.items())


def test_a_shared_weight_goes_only_if_every_task_prunes_it() -> None:
    a = {"shared": torch.tensor([True, False, False]), "heads.a": torch.tensor([False, True])}
    b = {"shared": torch.tensor([False, False, True]), "heads.b": torch.tensor([True])}
    merged = merge([a, b])
    assert {name: mask.tolist() for name, mask in merged.items()} == {
        "shared": [True, False, True],
        "heads.a": [False, True],
        "heads.b": [True],
    }
    assert a["shared"].tolist() == [True, False, False]


@given(seed=st.integers(0, 1000), ratios=st.lists(st.floats(0, 1), min_size=2, max_size=5))
@settings(max_examples=30, deadline=None)
def test_a_larger_keep_ratio_keeps_no_less(seed: int, ratios: list[float]) -> None:
    scores, _ = random_scores(1, seed)
    counts = [kept(masks_above(scores["t0"], t)) for t in keep_thresholds(scores["t0"], sorted(ratios))]
    assert counts == sorted(counts)


@pytest.mark.parametrize("sparsity", [30, 50, 70, 90, 99])
@pytest.mark.parametrize(("tasks", "zeros"), [(1, 0.0), (3, 0.0), (3, 0.95), (2, 1.0)])
def test_exact_masks_keep_exactly_their_share(sparsity: int, tasks: int, zeros: float) -> None:
    scores, shared = random_scores(tasks, seed=5, zeros=zeros)
    masks, ratio = exact_masks(scores, shared, sparsity)
    numel = sum(mask.numel() for mask in masks.values())
    assert kept(masks) == target_count(numel, sparsity)
    assert 0 < ratio <= 1
    # Apart from ties, the masks are those of the ratio.
    whole = merge(masks_above(s, keep_thresholds(s, [ratio])[0]) for s in scores.values())
    assert all(not (masks[name] & ~whole[name]).any() for name in whole)


def test_exact_masks_prune_the_lowest_scores_first() -> None:
    scores, shared = random_scores(1, seed=7)
    masks, _ = exact_masks(scores, shared, 75)
    flat = torch.cat([s.flatten() for s in scores["t0"].values()])
    mask = torch.cat([masks[name].flatten() for name in scores["t0"]])
    assert flat[mask].min() >= flat[~mask].max()


def test_counting_without_masks_agrees_with_masks() -> None:
    scores, shared = random_scores(3, seed=11, zeros=0.3)
    network = MergedNetwork(scores, shared)
    for ratio in (0.05, 0.3, 0.6, 0.95, 1.0):
        masks = merge(masks_above(s, keep_thresholds(s, [ratio])[0]) for s in scores.values())
        assert network.kept(ratio) == kept(masks)
