"""The Meta-Sparse report's claim: Sim(A, B) > Sim(A, C) predicts that A trains better with B than with C."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from math import isnan
from pathlib import Path

import numpy as np

from reports.files import Part, Value
from reports.intervals import Interval, paired_difference
from reports.similarity.report import METRIC_NAMES, WEIGHTING_NAMES, Similarities, Similarity, read_report
from reproduce.published.similarity import published_similarity

WEIGHTING, MEASURE, SPARSITY = "equal", "masked_sals", 50
"""The similarity that the claim is about: MCSS near 50 %, layers weighted equally."""

Results = Mapping[tuple[str, str], Mapping[int, float]]
"""(Task, partner) -> seed -> the task's main metric."""


class PartnerComparison(Part):
    """One task with either of two partners.

    Attributes:
        near: the partner that is more similar to the task.
        far: the other one.
        agrees: whether the result with ``near`` is the better one; None where either order is not known: something is
            missing, a tie, or a difference within its error.
        better_by: how much better the result with ``near`` is, with the ends of its interval, paired by seed.
    """

    task: str
    near: str
    far: str
    agrees: bool | None
    better_by: Value = None
    low: Value = None
    high: Value = None


class Claim(Part):
    """How often the more similar partner was the better one.

    Attributes:
        metrics: each task's main metric.
        judged: comparisons in which both orders are known.
        undecided: those in which not.
    """

    metrics: dict[str, str]
    agree: int
    judged: int
    undecided: int
    comparisons: list[PartnerComparison]


def comparisons(
    similar: Similarities, results: Results, higher: Mapping[str, bool], several: bool
) -> list[PartnerComparison]:
    """Every task with any two of its partners.

    Args:
        results: what is not known is left out.
        higher: of each task, whether more of its main metric is better.
        several: whether there are several seeds, so that only a resolved difference counts.
    """
    found = []
    for task, more_is_better in higher.items():
        partners = [partner for of, partner in results if of == task]
        for pair in combinations(partners, 2):
            order = _nearer(*(similar.get(frozenset((task, partner))) for partner in pair))
            near, far = pair if order >= 0 else pair[::-1]
            a, b = results[task, near], results[task, far]
            seeds = [seed for seed in a if seed in b]
            sides = [np.array([side[seed] for seed in seeds]) for side in (a, b)]
            more, less = sides if more_is_better else sides[::-1]
            better = paired_difference(more, less)
            sign = _sign(better, resolved=several)
            numbers = {"better_by": better.mean, "low": better.low, "high": better.high}
            agrees = sign > 0 if order and sign else None
            found.append(PartnerComparison(task=task, near=near, far=far, agrees=agrees, **numbers))
    return found


def tally(metrics: dict[str, str], entries: Sequence[PartnerComparison]) -> Claim:
    """How many agree, of how many that could be judged."""
    judged = [entry.agrees for entry in entries if entry.agrees is not None]
    undecided = len(entries) - len(judged)
    return Claim(
        metrics=metrics, agree=sum(judged), judged=len(judged), undecided=undecided, comparisons=list(entries)
    )


def our_similarities(path: Path) -> Similarities:
    """Those of a ``similarity.json``; nothing is known if it is not there yet.

    Raises:
        UserError: the file cannot be used.
    """
    return read_report(path).pairs(WEIGHTING, MEASURE, [SPARSITY]) if path.exists() else {}


def published_similarities() -> Similarities:
    """Those of the report, on NYUv2; their errors are not known."""
    table = published_similarity()
    row = table.index.get_loc((WEIGHTING_NAMES[WEIGHTING], METRIC_NAMES[MEASURE], str(SPARSITY)))
    pairs = [frozenset(name.split("/")) for name in table.columns]
    return dict(zip(pairs, map(Similarity, table.to_numpy(float)[row].tolist()), strict=True))


def _nearer(first: Similarity | None, second: Similarity | None) -> int:
    """1 if the first is the larger one, -1 if the second, 0 where the order is not known."""
    if first is None or second is None:
        return 0
    found = first.less(second)
    return _sign(found, resolved=not isnan(found.low))


def _sign(found: Interval, resolved: bool) -> int:
    """Of a difference; 0 where it is none, or not known, or where its interval has to exclude zero and does not."""
    if isnan(found.mean) or (resolved and not found.excludes_zero):
        return 0
    return int(np.sign(found.mean))
