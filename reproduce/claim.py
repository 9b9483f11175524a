"""The Meta-Sparse report's claim: Sim(A, B) > Sim(A, C) predicts that A trains better with B than with C."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

from reports.similarity import METRIC_NAMES, WEIGHTING_NAMES, read_report
from reproduce.published.similarity import published_similarity
from reproduce.runs import SimilarityRun

WEIGHTING, MEASURE, SPARSITY = "equal", "masked_sals", 50
"""The similarity that the claim is about: MCSS near 50 %, layers weighted equally."""

Similar = Mapping[frozenset[str], float]
"""Similarity of pairs of tasks."""


@dataclass(frozen=True)
class Comparison:
    """One task with either of two partners.

    Attributes:
        near: the partner that is more similar to the task.
        far: the other one.
        agrees: whether the result with ``near`` is the better one; None where two similarities or two results are
            the same, or are not known.
    """

    task: str
    near: str
    far: str
    agrees: bool | None


def comparisons(
    similar: Similar, results: Mapping[tuple[str, str], float], higher: Mapping[str, bool]
) -> list[Comparison]:
    """Every task with any two of its partners.

    Args:
        results: the task's main metric, by (task, partner); what is not known is left out.
        higher: of each task, whether more of its main metric is better.
    """
    found = []
    for task, more_is_better in higher.items():
        partners = [partner for of, partner in results if of == task]
        for first, second in combinations(partners, 2):
            likeness = {other: similar.get(frozenset((task, other))) for other in (first, second)}
            a, b = likeness[first], likeness[second]
            near, far = (second, first) if a is not None and b is not None and b > a else (first, second)
            gain = results[task, near] - results[task, far]
            known = a is not None and b is not None and a != b and gain != 0
            found.append(Comparison(task, near, far, (gain > 0) == more_is_better if known else None))
    return found


def tally(entries: Sequence[Comparison]) -> dict[str, Any]:
    """How many agree, of how many that could be judged, and all of them; plain values."""
    judged = [entry.agrees for entry in entries if entry.agrees is not None]
    return {
        "agree": sum(judged),
        "judged": len(judged),
        "undecided": len(entries) - len(judged),
        "comparisons": [asdict(entry) for entry in entries],
    }


def our_similarities(run: SimilarityRun | None) -> Similar:
    """The similarities in ``similarity.json``; nothing if it is not there yet, or of pairs where undefined.

    Raises:
        UserError: the file cannot be used.
    """
    if run is None or not run.path.exists():
        return {}
    values = read_report(run.path).select(WEIGHTING, MEASURE, [SPARSITY])["value"].dropna()
    return {frozenset(pair): float(value) for pair, value in zip(values.index.tolist(), values, strict=True)}


def published_similarities() -> Similar:
    """Those of the report, on NYUv2."""
    table = published_similarity()
    row = table.index.get_loc((WEIGHTING_NAMES[WEIGHTING], METRIC_NAMES[MEASURE], str(SPARSITY)))
    numbers = table.to_numpy(float)[row].tolist()
    return {frozenset(pair.split("/")): value for pair, value in zip(table.columns, numbers, strict=True)}
