"""Whether more replicates are needed: what is settled about the order of partners, and at which looks.

It is looked a few times only, and each time with intervals so wide that the chance of ever taking a comparison for
decided wrongly is at most 5 % over all looks together (Bonferroni). That holds for each comparison by itself.
"""

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from reports.intervals import LEVEL, paired_difference
from reports.relatedness.file import EstimatorResult, Look, Settling, What, array
from reports.relatedness.summary import LEAST_SENSITIVITY, on_scale
from reports.wording import counted

FIRST_LOOK = 4
GROWTH = 1.5
MARGIN = 0.1
"""Two partners are as good as each other where they differ by less than this share of the way from floor to ceiling."""
LEAST_STABILITY = LEVEL
SAME_LOOKS = 3
"""A grouping is settled when it is the best at so many looks in a row, in ``LEAST_STABILITY`` of the resamples each."""

def planned_looks(most: int) -> list[int]:
    """After how many replicates it is looked: each time half as many again, at last when all are there."""
    looks: list[int] = []
    after = FIRST_LOOK
    while after < most:
        looks.append(after)
        after = int(np.ceil(GROWTH * after))
    return [*looks, most]


def look_at_order(result: EstimatorResult, tasks: Sequence[str], looks: int) -> Look:
    """Every comparison of two partners of a task, as sure as one look of so many may be."""
    values = array(result.values)
    sees = result.sensitivity is not None and result.sensitivity >= LEAST_SENSITIVITY
    if not sees:
        return Look(replicates=len(values), sees=False)
    scaled = on_scale(values, array(result.floor), array(result.ceiling))
    apart, alike, undecided = 0, 0, []
    for helped in range(len(tasks)):
        partners = [b for b in range(len(tasks)) if b != helped]
        has_scale = bool(np.isfinite(scaled[:, helped, partners]).any(axis=0).all())
        ordered = (scaled if has_scale else values)[:, helped]
        for b, c in combinations(partners, 2):
            found = paired_difference(ordered[:, b], ordered[:, c], level=1 - (1 - LEVEL) / looks)
            if found.excludes_zero:
                apart += 1
            elif has_scale and found.known and max(-found.low, found.high) < MARGIN:
                alike += 1
            else:
                undecided.append((tasks[helped], tasks[b], tasks[c]))
    return Look(replicates=len(values), sees=True, apart=apart, alike=alike, open=undecided)


def is_settled(what: What, looks: Sequence[Look]) -> bool:
    """Whether the last of these looks settles it."""
    if not looks[-1].sees:
        return False
    if what == "order":
        return not looks[-1].open
    last = looks[-SAME_LOOKS:]
    same = len(last) == SAME_LOOKS and all(look.groups == last[0].groups for look in last)
    return same and all(look.sees and (look.stability or 0) >= LEAST_STABILITY for look in last)


def settling_text(settling: Settling) -> str:
    """How the run ended, and by what rule."""
    last, looks = settling.looks[-1], len(settling.looks)
    after = counted(last.replicates, "replicate")
    head = f"Settled after {after} of at most {settling.most}" if settling.settled else f"Not settled within {after}"
    head += f": the {settling.what}, by {settling.estimator}. {_doublings(settling.looks)}"
    if not last.sees:
        return head + "It cannot tell a task's exact twin from noise, so that its order means nothing."
    if settling.what == "grouping":
        groups = ", ".join("+".join(group) for group in last.groups or [])
        share = "in an unknown share" if last.stability is None else f"in {100 * last.stability:.0f} %"
        return (
            f"{head}After the last look the best is {groups}, {share} of the resamples; it has to be the same at "
            f"{SAME_LOOKS} looks in a row, in {100 * LEAST_STABILITY:.0f} % each."
        )
    text = (
        f"{head}Of {last.apart + last.alike + len(last.open)} comparisons of two partners {last.apart} are sure, in "
        f"{last.alike} the two differ by less than {100 * MARGIN:.0f} % of the way from floor to twin, "
        f"{len(last.open)} are open (each at {100 * LEVEL:.0f} % over all {looks} looks)."
    )
    shown = "; ".join(f"{task}: {b} or {c}" for task, b, c in last.open[:5])
    return text + (f" Open: {shown}{' ...' if len(last.open) > 5 else ''}" if last.open else "")


def _doublings(looks: Sequence[Look]) -> str:
    """Between which looks the batches of a replicate were doubled, and why."""
    sizes = [look.num_batches for look in looks if look.num_batches is not None]
    grown = [f"from {small} to {large}" for small, large in zip(sizes, sizes[1:], strict=False) if small != large]
    if not grown:
        return ""
    return (
        f"Batches of a replicate were doubled {', then '.join(grown)}, within as many batches in all, since no "
        f"estimator told a twin from noise with fewer. "
    )
