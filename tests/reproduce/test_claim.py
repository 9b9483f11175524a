"""Whether the more similar partner is the better one, on numbers small enough to judge by hand."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from small_tables import leave_similarity, plans

from reports.similarity.report import Similarities, Similarity
from reproduce.claim import PartnerComparison, comparisons, our_similarities, published_similarities, tally

SIMILAR = {"ab": 0.9, "ac": 0.8, "bc": 0.7}


def likeness(values: Mapping[str, float]) -> Similarities:
    """Of pairs of one-letter tasks, without errors."""
    return {frozenset(pair): Similarity(value) for pair, value in values.items()}


def judge(results: dict, higher: dict, similar: Similarities | None = None, several: bool = False) -> list:
    """(task, near, far, agrees) of every comparison; a plain number is of seed 0."""
    by_seed = {key: value if isinstance(value, dict) else {0: value} for key, value in results.items()}
    found = comparisons(likeness(SIMILAR) if similar is None else similar, by_seed, higher, several)
    return [(entry.task, entry.near, entry.far, entry.agrees) for entry in found]


def test_a_task_does_better_with_the_more_similar_partner() -> None:
    results = {("a", "b"): 0.5, ("a", "c"): 0.4}
    assert judge(results, {"a": True}) == [("a", "b", "c", True)]
    assert judge(results, {"a": False}) == [("a", "b", "c", False)]


def test_the_order_in_which_partners_come_does_not_matter() -> None:
    results = {("c", "b"): 3.0, ("c", "a"): 2.0}
    assert judge(results, {"c": False}) == [("c", "a", "b", True)]


@pytest.mark.parametrize(
    ("similar", "results"),
    [
        ({**SIMILAR, "ac": 0.9}, {("a", "b"): 0.5, ("a", "c"): 0.4}),
        ({"ab": 0.9}, {("a", "b"): 0.5, ("a", "c"): 0.4}),
        ({**SIMILAR, "ac": float("nan")}, {("a", "b"): 0.5, ("a", "c"): 0.4}),
        (SIMILAR, {("a", "b"): 0.4, ("a", "c"): 0.4}),
    ],
    ids=["equal similarities", "unknown similarity", "undefined similarity", "equal results"],
)
def test_what_cannot_be_judged_is_not_counted(similar: dict, results: dict) -> None:
    found = comparisons(likeness(similar), {key: {0: value} for key, value in results.items()}, {"a": True}, False)
    assert [entry.agrees for entry in found] == [None]
    claim = tally({"a": "err"}, found)
    assert (claim.agree, claim.judged, claim.undecided) == (0, 0, 1)


def test_differences_over_seeds_are_paired() -> None:
    """Seeds differ by much more than partners do, and partners by the same in every seed, but for 0.01."""
    results = {("a", "b"): {0: 1.0, 1: 2.0, 2: 3.0}, ("a", "c"): {0: 0.9, 1: 1.89, 2: 2.91}}
    [entry] = comparisons(likeness(SIMILAR), results, {"a": True}, several=True)
    assert entry.agrees is True
    reach = 4.302653 * 0.01 / 3**0.5
    assert (entry.better_by, entry.low, entry.high) == pytest.approx((0.1, 0.1 - reach, 0.1 + reach))
    [less_is_better] = comparisons(likeness(SIMILAR), results, {"a": False}, several=True)
    assert less_is_better.agrees is False and less_is_better.better_by == pytest.approx(-0.1)


@pytest.mark.parametrize("other", [{0: 0.9, 1: 2.1, 2: 2.9}, {0: 0.5}, {5: 0.5}])
def test_differences_within_their_error_are_undecided(other: dict[int, float]) -> None:
    """Also where too few seeds are finished to know the error."""
    results = {("a", "b"): {0: 1.0, 1: 2.0, 2: 3.0}, ("a", "c"): other}
    assert judge(results, {"a": True}, several=True) == [("a", "b", "c", None)]


def test_similarities_within_their_error_leave_the_order_undecided() -> None:
    results = {("a", "b"): 0.5, ("a", "c"): 0.4}
    near = Similarity(0.9, 0.01, np.array([0.8, 1.0, 0.9]))
    alike = {frozenset("ab"): near, frozenset("ac"): Similarity(0.89, 0.01, np.array([0.85, 0.9, 0.92]))}
    assert judge(results, {"a": True}, alike) == [("a", "b", "c", None)]
    apart = {frozenset("ab"): near, frozenset("ac"): Similarity(0.7, 0.01, np.array([0.6, 0.81, 0.69]))}
    assert judge(results, {"a": True}, apart) == [("a", "b", "c", True)]


def test_every_two_partners_of_every_task_are_compared() -> None:
    tasks = "abcd"
    results = {(a, b): {0: float(ord(b))} for a in tasks for b in tasks if a != b}
    similar = likeness({a + b: float(ord(a) + ord(b)) for a in tasks for b in tasks if a < b})
    claim = tally({}, comparisons(similar, results, dict.fromkeys(tasks, True), False))
    assert (claim.agree, claim.judged, claim.undecided) == (12, 12, 0)
    assert tally({}, comparisons(similar, results, dict.fromkeys(tasks, False), False)).agree == 0
    first = PartnerComparison(task="a", near="c", far="b", agrees=True, better_by=1.0)
    assert claim.comparisons[0] == first


def test_one_pair_leaves_nothing_to_compare() -> None:
    assert judge({("a", "b"): 1.0, ("b", "a"): 2.0}, {"a": True, "b": True}) == []


def test_similarities_of_the_report_and_of_a_file(tmp_path: Path, frames: Path) -> None:
    def values(similar: Similarities) -> dict[str, float]:
        return {pair: similar[frozenset(pair.split("/"))].value for pair in ("seg/sn", "seg/depth", "depth/sn")}

    assert values(published_similarities()) == {"seg/sn": 0.950, "seg/depth": 0.947, "depth/sn": 0.932}
    run = plans("nyuv2", "--data_root", frames, "--dest", tmp_path, tables=["similarity"])["similarity"].studies[0]
    assert our_similarities(run.path) == {}
    leave_similarity(run, 0.25, {"seg/depth": 0.75})
    assert values(our_similarities(run.path)) == {"seg/sn": 0.25, "seg/depth": 0.75, "depth/sn": 0.25}
