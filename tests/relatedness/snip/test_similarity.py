"""Statistics, measures and weightings: reference values, cases by hand, and what must always hold."""

import json
import math
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from small_statistics import RATIOS, random_scores, statistics_of

from prune_utils.layers import Scores
from prune_utils.masks import keep_thresholds, masks_above
from relatedness.snip.measures import MEASURES, PairStatistics
from relatedness.snip.similarity import layer_rows, similarity, similarity_tables
from relatedness.snip.statistics import CHUNK, pair_statistics
from relatedness.snip.weightings import WEIGHTINGS, weighted_mean


@pytest.fixture
def golden(shared: Path) -> tuple[dict, dict[str, Scores], list[str]]:
    """The reference values, their scores, and the names of the shared layers."""
    expected = json.loads((shared / "golden" / "similarity.json").read_text())
    arrays = np.load(shared / "golden" / "similarity.npz")
    layers = [layer["name"] for layer in expected["backbone_layers"]]
    scores = {}
    for task in expected["tasks"]:
        names = [*layers, *(f"heads.{task}.{i}" for i in range(2))]
        scores[task] = {name: torch.from_numpy(arrays[f"{task}.{i:02d}"]) for i, name in enumerate(names)}
    return expected, scores, layers


def test_kept_counts_and_thresholds_are_the_reference(golden) -> None:
    expected, scores, _ = golden
    for task, values in expected["per_task"].items():
        thresholds = keep_thresholds(scores[task], [float(ratio) for ratio in values["ratios"]])
        for threshold, of_ratio in zip(thresholds, values["ratios"].values(), strict=True):
            masks = masks_above(scores[task], threshold)
            assert [int(mask.sum()) for mask in masks.values()] == of_ratio["kept_per_layer"]
            assert threshold / values["score_sum"] == pytest.approx(of_ratio["threshold"], rel=1e-6)


def test_measures_on_every_layer_are_the_reference(golden) -> None:
    expected, scores, layers = golden
    statistics = pair_statistics(scores, layers, expected["keep_ratios"])
    for pair, values in expected["pairs"].items():
        for index, of_ratio in enumerate(values["ratios"].values()):
            stats = statistics.pair(index, *pair.split(","))
            for name, reference in of_ratio["per_layer"].items():
                # The reference gives an MCSS of 0 where neither task keeps a weight; here that is undefined.
                neither = stats.kept_any == 0
                wanted = [math.nan if v is None or (none and name == "masked_sals") else v
                          for v, none in zip(reference, neither, strict=True)]
                np.testing.assert_allclose(MEASURES[name](stats), wanted, atol=1e-6)


def test_weighted_means_are_the_reference(golden) -> None:
    expected, scores, layers = golden
    statistics = pair_statistics(scores, layers, expected["keep_ratios"])
    compared = 0
    for pair, values in expected["pairs"].items():
        for index, of_ratio in enumerate(values["ratios"].values()):
            undefined = (statistics.pair(index, *pair.split(",")).kept_any == 0).any()
            for sim_method, of_method in of_ratio["aggregated"].items():
                for layer_method, value in of_method.items():
                    methods = MEASURES[sim_method], WEIGHTINGS[layer_method]
                    ours = similarity(statistics, *pair.split(","), [index], *methods)
                    if undefined and sim_method in {"iou", "masked_sals"}:
                        assert math.isfinite(ours)  # the layer is left out, where the reference has no value
                    else:
                        assert ours == pytest.approx(value, abs=1e-6)
                        compared += 1
    assert compared > 250


def test_means_over_keep_ratios_are_the_reference(golden) -> None:
    expected, scores, layers = golden
    statistics = pair_statistics(scores, layers, expected["keep_ratios"])
    for pair, values in expected["pairs"].items():
        for sim_method in ("epi", "sals"):
            for layer_method, value in values["mean_over_ratios"][sim_method].items():
                methods = MEASURES[sim_method], WEIGHTINGS[layer_method]
                ours = similarity(statistics, *pair.split(","), range(4), *methods)
                assert ours == pytest.approx(value, abs=1e-6)


def test_measures_by_hand() -> None:
    pair = PairStatistics(
        numel=np.array([10, 10, 10]),
        kept_a=np.array([4, 6, 0]),
        kept_b=np.array([4, 2, 0]),
        kept_both=np.array([2, 2, 0]),
        cosine=np.array([0.5, 0.6, 0.7]),
        masked_cosine=np.array([0.4, 0.3, 0.0]),
    )
    assert MEASURES["epi"](pair).tolist() == [1.0, 0.5, 1.0]
    np.testing.assert_allclose(MEASURES["iou"](pair), [2 / 6, 2 / 6, np.nan])
    assert MEASURES["sals"](pair).tolist() == [0.5, 0.6, 0.7]
    np.testing.assert_allclose(MEASURES["masked_sals"](pair), [0.4, 0.3, np.nan])
    assert WEIGHTINGS["linear"](pair).tolist() == [0, 1, 2]
    assert WEIGHTINGS["linear_plus_one"](pair).tolist() == [1, 2, 3]
    assert WEIGHTINGS["five_zeros"](pair).tolist() == [0, 0, 0]
    np.testing.assert_allclose(WEIGHTINGS["av_sparsity"](pair), [1.2, 1.2, 2.0])
    np.testing.assert_allclose(WEIGHTINGS["min_sparsity"](pair), [0.6, 0.4, 1.0])
    assert WEIGHTINGS["epi_like"](pair).tolist() == [1.0, 0.5, 1.0]
    assert weighted_mean(MEASURES["iou"](pair), np.array([1.0, 3.0, 9.0])) == pytest.approx(1 / 3)
    assert math.isnan(weighted_mean(MEASURES["iou"](pair), np.array([0.0, 0.0, 1.0])))


def test_masked_cosine_of_two_vectors_by_hand() -> None:
    scores = {"a": {"l": torch.tensor([3.0, 4.0, 0.1, 0.2])}, "b": {"l": torch.tensor([0.2, 8.0, 6.0, 0.1])}}
    stats = pair_statistics(scores, ["l"], [0.5]).pair(0, "a", "b")
    # Each keeps its two largest: a the first two, b the middle two; they share 4 and 8.
    assert stats.kept_both.tolist() == [1]
    assert stats.masked_cosine.item() == pytest.approx(4 * 8 / (5 * 10))
    plain = (3 * 0.2 + 4 * 8 + 0.1 * 6 + 0.2 * 0.1) / math.sqrt((25 + 0.05) * (100 + 0.05))
    assert stats.cosine.item() == pytest.approx(plain, abs=1e-6)


@given(seed=st.integers(0, 10_000), tasks=st.integers(2, 5))
@settings(max_examples=25, deadline=None)
def test_every_entry_is_symmetric_bounded_and_one_with_itself(seed: int, tasks: int) -> None:
    scores, shared = random_scores(tasks, seed)
    statistics = pair_statistics(scores, shared, RATIOS)
    for sim_method in MEASURES:
        for layer_method in WEIGHTINGS:
            for a, b in combinations(scores, 2):
                value = similarity(statistics, a, b, range(4), MEASURES[sim_method], WEIGHTINGS[layer_method])
                assert math.isnan(value) or 0 <= value <= 1 + 1e-6
                other = similarity(statistics, b, a, range(4), MEASURES[sim_method], WEIGHTINGS[layer_method])
                assert other == pytest.approx(value, nan_ok=True)
            alone = similarity(statistics, "t0", "t0", range(4), MEASURES[sim_method], WEIGHTINGS[layer_method])
            assert alone == pytest.approx(1, abs=1e-6) or (layer_method == "five_zeros" and math.isnan(alone))


@given(seed=st.integers(0, 10_000), factor=st.sampled_from([1e-12, 2.0**-7, 3.0, 1e12]))
@settings(max_examples=25, deadline=None)
def test_the_scale_of_a_tasks_loss_does_not_matter(seed: int, factor: float) -> None:
    scores, shared = random_scores(2, seed)
    scaled = {"t0": scores["t0"], "t1": {name: score * factor for name, score in scores["t1"].items()}}
    for a, b in zip(*(similarity_tables([pair_statistics(s, shared, RATIOS)], [30, 50, 70, 90])[0].values()
                      for s in (scores, scaled)), strict=True):
        assert a == pytest.approx(b, abs=1e-5, nan_ok=True)


def test_many_chunks_and_many_tasks_agree_with_plain_arithmetic() -> None:
    scores, shared = random_scores(4, seed=3, sizes=(2 * CHUNK + 77, 100))
    statistics = pair_statistics(scores, shared, [0.3])
    masks = {t: masks_above(s, keep_thresholds(s, [0.3])[0]) for t, s in scores.items()}
    for a, b in combinations(scores, 2):
        pair = statistics.pair(0, a, b)
        for i, layer in enumerate(shared):
            x, y = ((scores[t][layer] * masks[t][layer]).double() for t in (a, b))
            assert pair.kept_both[i] == int((masks[a][layer] & masks[b][layer]).sum())
            assert pair.masked_cosine[i] == pytest.approx(float(x @ y / x.norm() / y.norm()), abs=1e-6)


def test_a_task_without_any_score_is_undefined_not_an_error() -> None:
    scores, shared = random_scores(2, seed=1)
    scores["t1"] = {name: torch.zeros_like(score) for name, score in scores["t1"].items()}
    pair = pair_statistics(scores, shared, [0.5]).pair(0, "t0", "t1")
    assert pair.cosine.tolist() == [0, 0, 0, 0]


def test_the_table_has_every_entry_with_mean_and_standard_error() -> None:
    seeds = [statistics_of(seed) for seed in range(3)]
    table, stderr, by_seed = similarity_tables(seeds, [30, 50, 70, 90])
    assert len(table) == 28
    assert set(table) == {f"{layer}_X_{sim}" for layer in WEIGHTINGS for sim in MEASURES}
    assert len(table["equal_X_iou"]) == 5 * 3
    values = [similarity(s, "t0", "t2", [1], MEASURES["iou"], WEIGHTINGS["linear"]) for s in seeds]
    assert table["linear_X_iou"]["s50_X_t0_X_t2"] == pytest.approx(np.mean(values))
    assert by_seed["linear_X_iou"]["s50_X_t0_X_t2"] == values
    assert stderr["linear_X_iou"]["s50_X_t0_X_t2"] == pytest.approx(np.std(values, ddof=1) / math.sqrt(3))
    every = [table["equal_X_epi"][f"s{s}_X_t0_X_t1"] for s in (30, 50, 70, 90)]
    assert table["equal_X_epi"]["s30,50,70,90_X_t0_X_t1"] == pytest.approx(np.mean(every))


def test_one_seed_has_no_standard_error_and_one_sparsity_no_set() -> None:
    table, stderr, by_seed = similarity_tables([pair_statistics(*random_scores(2, 0), [0.1])], [90])
    assert list(table["equal_X_sals"]) == ["s90_X_t0_X_t1"]
    assert set(stderr["equal_X_sals"].values()) == {None}
    assert by_seed["equal_X_sals"] == {"s90_X_t0_X_t1": [table["equal_X_sals"]["s90_X_t0_X_t1"]]}
    json.dumps([table, stderr, by_seed], allow_nan=False)


def test_layer_rows_are_parallel_and_json_ready() -> None:
    rows = layer_rows({0: statistics_of(0), 7: statistics_of(7)}, [30, 50, 70, 90])
    assert {len(column) for column in rows.values()} == {2 * 4 * 3 * 4}
    assert rows["seed"][0] == 0 and rows["seed"][-1] == 7
    assert rows["pair"][:5] == ["t0,t1"] * 4 + ["t0,t2"]
    json.dumps(rows, allow_nan=False)
