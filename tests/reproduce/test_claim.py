"""Whether the more similar partner is the better one, on numbers small enough to judge by hand."""

from pathlib import Path

import pytest
from small_tables import leave_similarity, plans

from reproduce.claim import Comparison, comparisons, our_similarities, published_similarities, tally

SIMILAR = {frozenset("ab"): 0.9, frozenset("ac"): 0.8, frozenset("bc"): 0.7}


def test_a_task_does_better_with_the_more_similar_partner() -> None:
    results = {("a", "b"): 0.5, ("a", "c"): 0.4}
    assert comparisons(SIMILAR, results, {"a": True}) == [Comparison("a", "b", "c", True)]
    assert comparisons(SIMILAR, results, {"a": False}) == [Comparison("a", "b", "c", False)]


def test_the_order_in_which_partners_come_does_not_matter() -> None:
    results = {("c", "b"): 3.0, ("c", "a"): 2.0}
    assert comparisons(SIMILAR, results, {"c": False}) == [Comparison("c", "a", "b", True)]


@pytest.mark.parametrize(
    ("similar", "results"),
    [
        ({**SIMILAR, frozenset("ac"): 0.9}, {("a", "b"): 0.5, ("a", "c"): 0.4}),
        ({frozenset("ab"): 0.9}, {("a", "b"): 0.5, ("a", "c"): 0.4}),
        (SIMILAR, {("a", "b"): 0.4, ("a", "c"): 0.4}),
    ],
    ids=["equal similarities", "unknown similarity", "equal results"],
)
def test_what_cannot_be_judged_is_not_counted(similar: dict, results: dict) -> None:
    found = comparisons(similar, results, {"a": True})
    assert [entry.agrees for entry in found] == [None]
    assert {k: v for k, v in tally(found).items() if k != "comparisons"} == {"agree": 0, "judged": 0, "undecided": 1}


def test_every_two_partners_of_every_task_are_compared() -> None:
    tasks = "abcd"
    results = {(a, b): float(ord(b)) for a in tasks for b in tasks if a != b}
    similar = {frozenset((a, b)): float(ord(a) + ord(b)) for a in tasks for b in tasks if a < b}
    counted = tally(comparisons(similar, results, dict.fromkeys(tasks, True)))
    assert (counted["agree"], counted["judged"], counted["undecided"]) == (12, 12, 0)
    assert tally(comparisons(similar, results, dict.fromkeys(tasks, False)))["agree"] == 0
    assert counted["comparisons"][0] == {"task": "a", "near": "c", "far": "b", "agrees": True}


def test_one_pair_leaves_nothing_to_compare() -> None:
    assert comparisons(SIMILAR, {("a", "b"): 1.0, ("b", "a"): 2.0}, {"a": True, "b": True}) == []


def test_similarities_of_the_report_and_of_a_file(tmp_path: Path) -> None:
    assert published_similarities() == {
        frozenset(("seg", "sn")): 0.950, frozenset(("seg", "depth")): 0.947, frozenset(("sn", "depth")): 0.932,
    }  # fmt: skip
    run = plans("nyuv2", "--dest", tmp_path, tables=["similarity"])["similarity"].similarity
    assert run is not None
    assert our_similarities(run) == our_similarities(None) == {}
    leave_similarity(run, 0.25, {"seg/depth": 0.75})
    assert our_similarities(run)[frozenset(("depth", "seg"))] == 0.75
    assert our_similarities(run)[frozenset(("depth", "sn"))] == 0.25
