"""relatedness.json, what replicates say together, in words and as a picture."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy import stats

from configs import UserError
from reports.relatedness.figures import draw_relatedness
from reports.relatedness.file import EstimatorCost, RelatednessFile, array, read_relatedness
from reports.relatedness.summary import answering, on_scale, sensitivity, summarise
from reports.relatedness.text import (
    estimator_text,
    legend_text,
    matrix_text,
    rankings_text,
    recommendation_text,
    verdict_text,
)

TASKS = ["seg", "depth", "edge"]
NONE = [None] * 3


def matrices(replicates: int, seed: int, shift: float = 0.0, spread: float = 0.1, tasks: int = 3) -> np.ndarray:
    drawn = shift + spread * np.random.default_rng(seed).standard_normal((replicates, tasks, tasks))
    drawn[:, np.eye(tasks, dtype=bool)] = np.nan
    return drawn


def file_of(tasks: list[str] = TASKS, **estimators: dict) -> RelatednessFile:
    contents = {
        "dataset": "rooms", "tasks": tasks, "num_batches": 2, "config": {}, "provenance": {},
        "replicates": len(next(iter(estimators.values()))["values"]),
        "estimators": estimators,
    }  # fmt: skip
    return RelatednessFile.model_validate(contents)


def result(values: np.ndarray, floor: np.ndarray | None, ceiling: np.ndarray | None, **more: object) -> dict:
    found = None if floor is None or ceiling is None else sensitivity(floor, ceiling)
    lists = (None if a is None else a.tolist() for a in (values, floor, ceiling))
    parts = dict(zip(("values", "floor", "ceiling"), lists, strict=True))
    return {"directed": True, "needs": "init", "options": {}, **parts, "sensitivity": found, **more}


def seeing(replicates: int = 5, tasks: int = 3) -> dict:
    """An estimator to which a twin is worth 1 and noise 0; to seg, depth is worth more than edge in every replicate."""
    values = matrices(replicates, 0, 0.4, 0.02, tasks)
    values[:, 0, 1], values[:, 0, 2] = values[:, 0, 2] + np.linspace(0.1, 0.12, replicates), values[:, 0, 2]
    ceiling = 1 + 0.02 * np.random.default_rng(2).standard_normal((replicates, tasks))
    return result(values, matrices(replicates, 1, 0.0, 0.02, tasks), ceiling)


def blind(replicates: int = 5) -> dict:
    drawn = np.random.default_rng(5).standard_normal((replicates, 3)) * 0.1 + 0.8
    return result(matrices(replicates, 3, 0.8), matrices(replicates, 4, 0.8), drawn)


def test_sensitivity_by_hand() -> None:
    floor = np.array([[[np.nan, 0.0], [1.0, np.nan]], [[np.nan, 0.0], [0.0, np.nan]]])
    ceiling = np.array([[2.0, 2.0], [1.0, 2.0]])
    # distances, mean over tasks: (2 + 1) / 2 = 1.5 and (1 + 2) / 2 = 1.5: no scatter at all
    assert sensitivity(floor, ceiling) == 1e6
    ceiling[1, 1] = 1.0  # then 1.5 and 1: mean 1.25, error 0.25
    assert sensitivity(floor, ceiling) == pytest.approx(5)
    assert sensitivity(ceiling[:, :, None] * [np.nan, 1], np.zeros((2, 2))) < 0
    assert sensitivity(floor[:1], ceiling[:1]) is None


def test_the_scale_goes_from_floor_to_ceiling_and_pairs_values_with_their_floor() -> None:
    floor = np.array([0.0, 1.0, 2.0])[:, None, None]  # moves with the replicate, as the values do
    ceiling = floor[:, :, 0] + [[4.0], [5.0], [3.0]]
    scaled = on_scale(floor + 1.0, floor, ceiling)
    np.testing.assert_allclose(scaled, 0.25)
    uncertain = floor[:, :, 0] + [[4.0], [-4.0], [1.0]]
    assert np.isnan(on_scale(floor + 1.0, floor, uncertain)).all()
    np.testing.assert_allclose(on_scale(floor[:1] + 1.0, floor[:1], ceiling[:1]), 0.25)
    assert np.isnan(on_scale(floor[:1], floor[:1], ceiling[:1] - 9)).all()


def test_means_and_margins_are_students() -> None:
    (summary,) = summarise(file_of(gradient_cosine=seeing()))
    sample = array(seeing()["values"])[:, 2, 0]
    low, high = stats.t.interval(0.95, 4, sample.mean(), stats.sem(sample))
    assert summary.values.loc["edge", "seg"] == pytest.approx(sample.mean())
    assert summary.margins.loc["edge", "seg"] == pytest.approx((high - low) / 2)
    assert np.isnan(summary.values.loc["seg", "seg"])
    floor = np.nanmean(array(seeing()["floor"])[:, 0], axis=1)
    assert summary.floor.loc["seg", "mean"] == pytest.approx(floor.mean())
    assert summary.ceiling.loc["seg", "margin"] > 0


def test_an_order_is_clear_where_the_paired_interval_excludes_zero() -> None:
    (summary,) = summarise(file_of(x=seeing()))
    first, second = summary.rankings["seg"]
    assert (first.partner, second.partner, first.clear, second.clear) == ("depth", "edge", True, None)
    assert first.value == pytest.approx(first.scaled, abs=0.05), "floor 0, ceiling 1"
    values = array(blind()["values"])
    assert not np.isfinite(summarise(file_of(x=blind()))[0].rankings["seg"][0].scaled)
    values[:, 0, 1:] = [[1.0, 0.5], [0.0, 0.4], [1.0, 0.3], [0.0, 0.2], [1.0, 0.1]]
    (summary,) = summarise(file_of(x={**blind(), "values": values.tolist()}))
    assert summary.rankings["seg"][0].clear is False


def test_partners_are_in_the_order_of_what_they_are_worth_above_their_floors() -> None:
    chance = seeing()
    lifted = {key: array(chance[key]) for key in ("values", "floor")}
    for values in lifted.values():
        values[:, 0, 2] += 0.15  # edge explains more of seg, but so does noise in its place
    (summary,) = summarise(file_of(x={**chance, **{key: values.tolist() for key, values in lifted.items()}}))
    first, second = summary.rankings["seg"]
    assert (first.partner, second.partner) == ("depth", "edge") and first.value < second.value
    assert first.scaled > second.scaled and first.clear


def test_a_partner_that_is_undefined_comes_last() -> None:
    values = array(seeing()["values"])
    values[:, 0, 1] = np.nan
    (summary,) = summarise(file_of(x={**seeing(), "values": values.tolist()}))
    first, second = summary.rankings["seg"]
    assert (first.partner, first.clear, second.partner) == ("edge", False, "depth")
    assert "undefined" in matrix_text(summary)


def test_words_say_what_an_estimator_is_worth() -> None:
    sees, sees_not = summarise(file_of(a=seeing(), b=blind()))
    assert "exact twin above noise" in verdict_text(sees, 5) and "order means nothing" not in verdict_text(sees, 5)
    assert "cannot tell" in verdict_text(sees_not, 5) and "order means nothing" in verdict_text(sees_not, 5)
    assert np.isnan(sees_not.scaled.to_numpy()).all(), "no scale, not even in single cells"
    upside_down = seeing()
    upside_down["ceiling"] = (-array(upside_down["ceiling"])).tolist()
    upside_down["sensitivity"] = sensitivity(array(upside_down["floor"]), array(upside_down["ceiling"]))
    (found,) = summarise(file_of(c=upside_down))
    assert "noise above a task's exact twin" in verdict_text(found, 5)
    assert "means nothing" in verdict_text(found, 5)


def test_words_name_the_tasks_to_which_it_is_blind() -> None:
    half = seeing()
    ceiling = array(half["ceiling"])
    ceiling[:, 2] = np.nanmean(array(half["floor"])[:, 2], axis=1) + [0.1, -0.1, 0.1, -0.1, 0.0]
    (summary,) = summarise(file_of(x={**half, "ceiling": ceiling.tolist()}))
    assert "but not for edge, where its order means nothing" in verdict_text(summary, 5)


def test_words_without_intervals_or_controls() -> None:
    (one,) = summarise(file_of(x=seeing(1)))
    assert "One replicate only" in verdict_text(one, 1) and "--replicates" in verdict_text(one, 1)
    (bare,) = summarise(file_of(x=result(matrices(5, 0), None, None)))
    assert "--no_controls" in verdict_text(bare, 5)
    assert "floor" not in matrix_text(bare) and "floor" not in legend_text(5, False)


def test_the_whole_text_of_an_estimator() -> None:
    cost = EstimatorCost(seconds=12.34, forward_passes=10, backward_passes=150, peak_memory_mb=2048)
    (summary,) = summarise(file_of(labels={**seeing(), "needs": "labels", "remarks": ["x is left out"]}))
    text = estimator_text(summary, 5, cost)
    for words in ("labels: from the targets alone", "[floor]", "[ceiling]", "seg   is helped most by: depth", " > edge",
                  "%)", "x is left out", "12.3 s", "150 backwards", "2.0 GiB"):  # fmt: skip
        assert words in text, text
    assert max(map(len, text.splitlines())) < 140


def test_a_file_is_read_as_it_was_written(tmp_path: Path) -> None:
    written = file_of(a=seeing(), b=blind())
    written.write(tmp_path / "relatedness.json")
    contents = json.loads((tmp_path / "relatedness.json").read_text())
    assert contents["schema"] == 1 and contents["estimators"]["a"]["values"][0][0][0] is None
    assert read_relatedness(tmp_path / "relatedness.json") == written


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"values": [[NONE, NONE]] * 5}, ["estimators.x.values", "5 x 3 x 3"]),
        ({"values": [[NONE, NONE, NONE]] * 4}, ["estimators.x.values", "5 x 3 x 3"]),
        ({"values": [[NONE, NONE, [1.0]]] * 5}, ["estimators.x.values"]),
        ({"ceiling": [NONE] * 4}, ["estimators.x.ceiling", "5 x 3"]),
        ({"values": "spam"}, ["estimators.x.values"]),
    ],
)
def test_a_file_whose_parts_do_not_fit_is_refused(tmp_path: Path, change: dict, words: list[str]) -> None:
    contents = file_of(x=seeing()).model_dump(mode="json", by_alias=True)
    contents["estimators"]["x"].update(change)
    path = tmp_path / "relatedness.json"
    path.write_text(json.dumps(contents))
    with pytest.raises(UserError) as error:
        read_relatedness(path)
    for word in (str(path), "task_relatedness.py", *words):
        assert word in str(error.value)


@pytest.mark.parametrize("replicates", [1, 5])
def test_the_picture_shows_all_estimators(tmp_path: Path, replicates: int) -> None:
    report = file_of(a=seeing(replicates), b=blind(replicates), c=result(matrices(replicates, 0), None, None))
    draw_relatedness(report, summarise(report), tmp_path / "x.png")
    with Image.open(tmp_path / "x.png") as picture:
        assert picture.width > 1000


def test_a_picture_of_many_tasks_and_estimators(tmp_path: Path) -> None:
    tasks = [f"task_{number}" for number in range(14)]
    report = file_of(tasks, **{f"estimator_{number}": seeing(2, 14) for number in range(3)})
    draw_relatedness(report, summarise(report), tmp_path / "x.png")
    with Image.open(tmp_path / "x.png") as picture:
        assert picture.width > picture.height > 1500


def test_without_any_number_there_is_no_order() -> None:
    nothing = np.full((2, 3, 3), np.nan)
    [summary] = summarise(file_of(x=result(nothing, None, None)))
    assert rankings_text(summary)[0] == "  seg   is helped most by: not known"
    assert "is known to tell a twin from noise" in recommendation_text([summary])
    [cannot] = summarise(file_of(x=blind()))
    assert "can tell a twin from noise on this data (see above)" in recommendation_text([cannot])


def test_who_is_believed_is_no_baseline_and_sees() -> None:
    loud = seeing(3) | {"baseline": True}
    report = file_of(blind=blind(3), loud=loud, sees=seeing(3))
    assert answering(report.estimators) == "sees"
    assert recommendation_text(summarise(report)).startswith("Recommendation, by sees")
    assert answering(file_of(blind=blind(3), loud=loud).estimators) is None
    assert recommendation_text(summarise(file_of(blind=blind(3), loud=loud))).startswith("Recommendation: none. No")


def test_what_is_surely_a_little_is_not_recommended() -> None:
    """Partners of which some are worth 30 % of the way to a twin, and some 5 %, all as surely."""
    little = matrices(5, 0, 0.05, 0.002)
    little[:, 0, 1] += 0.25
    ceiling = 1 + 0.002 * np.random.default_rng(2).standard_normal((5, 3))
    text = recommendation_text(summarise(file_of(sees=result(little, matrices(5, 1, 0.0, 0.002), ceiling))))
    assert "by more than 10 % of the way to a twin, the most helpful first\n  seg: depth\n" in text
    little[:, 0, 1] -= 0.25
    text = recommendation_text(summarise(file_of(sees=result(little, matrices(5, 1, 0.0, 0.002), ceiling))))
    assert text.startswith("Recommendation: none. By sees no partner of any task lies surely above")
    assert "(6 lie surely above it, by less)" in text
