"""What the numbers of a page can tell and what they cannot, in a sentence each. Every word follows from a number."""

from collections.abc import Sequence

import numpy as np

from reports.groups.text import nothing_known
from reports.intervals import LEVEL, Interval
from reports.page.found import Found
from reports.page.sections.gains import measured_gains, of_pairs
from reports.page.sections.similarity import methods
from reports.relatedness.summary import LEAST_SENSITIVITY, Summary
from reports.similarity.summary import ranking

MOST_NAMES = 6
"""Of more estimators, the number is said."""


def can_tell(found: Found) -> str:
    """A sentence on what is resolved."""
    parts = [*_gains(found), *_telling(found), *_grouped(found), *_ordered(found)]
    if not parts and found.evaluations:
        parts = ["how well these networks do on the test split"]
    if not parts:
        return "What these numbers can tell: nothing yet on which tasks belong together."
    return f"What these numbers can tell: {'; '.join(parts)}."


def cannot_tell(found: Found) -> str:
    """A sentence on what is not."""
    parts = [*_not_telling(found), *_unknown(found), *_uncertain(found), *_not_grouped(found), *_published(found)]
    if found.gains is None:
        parts.append("what training together really gains, since only training would measure it")
    return f"What they cannot tell: {'; '.join(parts)}." if parts else "Beyond that, nothing is left open here."


def _gains(found: Found) -> list[str]:
    """How many measured gains are apart from zero."""
    known = _known_gains(found)
    apart = [gain for gain in known if gain.excludes_zero]
    if not apart:
        return []
    helps, chance = sum(gain.mean > 0 for gain in apart), f"{len(known) * (1 - LEVEL):.0f}"
    return [
        f"{len(apart)} of {len(known)} measured gains of pairs differ from training alone by their whole "
        f"{100 * LEVEL:.0f} % interval, {helps} for the better and {len(apart) - helps} for the worse "
        f"(chance alone would give about {chance})"
    ]


def _telling(found: Found) -> list[str]:
    """Which estimators tell a twin from noise, and how far their orders are clear."""
    telling = _of_worth(found)
    if not telling:
        return []
    sure, orders = _neighbours(telling)
    verb = "tells" if len(telling) == 1 else "tell"
    settled = f", with {sure} of {orders} neighbouring partners in a clear order" if sure else ""
    return [f"{_names(telling)} {verb} a task's exact twin from noise on these data{settled}"]


def _grouped(found: Found) -> list[str]:
    """Whether there is evidence that sharing a network helps."""
    file = found.groups
    if file is None or not file.evidence.beyond_chance:
        return []
    count, tested = len(file.evidence.supported), file.evidence.tested
    return [
        f"some tasks are better off together, by {count} of {tested} values of {file.source}, more than chance gives"
    ]


def _ordered(found: Found) -> list[str]:
    """How many neighbouring pairs the published score orders."""
    sure, orders = _pairs_in_order(found)
    return [f"the published score puts {sure} of {orders} neighbouring pairs in a clear order"] if sure else []


def _not_telling(found: Found) -> list[str]:
    """Estimators that cannot tell a twin from noise: their order means nothing."""
    blind = [summary for summary in found.summaries if summary.tells_twin_from_noise is False]
    if not blind:
        return []
    whose = "its order means" if len(blind) == 1 else "their orders mean"
    limit = f"sensitivity below {LEAST_SENSITIVITY:g}"
    return [f"{_names(blind)} cannot tell a twin from noise on these data ({limit}), so {whose} nothing"]


def _unknown(found: Found) -> list[str]:
    """Where nothing says how large errors are: no controls, one replicate, one seed."""
    unknown, parts = [summary for summary in found.summaries if summary.tells_twin_from_noise is None], []
    if unknown:
        parts.append(f"what {_names(unknown)} {'is' if len(unknown) == 1 else 'are'} worth on these data is not known")
    if found.gains is not None and len(found.gains.seeds) < 2:
        parts.append("the gains are of one seed, so no error of theirs is known")
    if found.similarity is not None and found.similarity.num_seeds < 2:
        parts.append("the published score is of one seed, so its order may be another with the next")
    return parts


def _uncertain(found: Found) -> list[str]:
    """Orders and signs whose intervals include zero, where the estimator tells anything at all."""
    parts = []
    sure, orders = _neighbours(_of_worth(found))
    if sure < orders:
        parts.append(f"the order of {orders - sure} of {orders} neighbouring partners")
    sure, orders = _pairs_in_order(found)
    if found.similarity is not None and found.similarity.num_seeds > 1 and sure < orders:
        parts.append(f"the order of {orders - sure} of {orders} neighbouring pairs by the published score")
    known = _known_gains(found)
    unclear = sum(not gain.excludes_zero for gain in known)
    if unclear:
        parts.append(f"whether {unclear} of {len(known)} measured gains are for the better or the worse")
    return [f"uncertain is {_listed(parts)}"] if parts else []


def _not_grouped(found: Found) -> list[str]:
    """That there is no evidence for sharing a network."""
    file = found.groups
    if file is None or file.evidence.beyond_chance:
        return []
    if nothing_known(file) or not file.evidence.tested:
        return [f"{file.source} gives no evidence for any grouping"]
    count, tested = len(file.evidence.supported), file.evidence.tested
    return [f"there is no evidence for any grouping ({count} of {tested} values of {file.source} lie above zero)"]


def _published(found: Found) -> list[str]:
    """What the published score does not see."""
    if found.similarity is None:
        return []
    return ["the published score does not see what targets mean, and can rank random labels as high as a twin"]


def _known_gains(found: Found) -> list[Interval]:
    """Gains of pairs, of which an interval is known."""
    if found.gains is None:
        return []
    return [gain for gain in of_pairs(found.gains, measured_gains(found.gains)).values() if gain.known]


def _of_worth(found: Found) -> list[Summary]:
    return [summary for summary in found.summaries if summary.tells_twin_from_noise]


def _neighbours(summaries: Sequence[Summary]) -> tuple[int, int]:
    """Of all neighbours in the orders of partners: how many are in a clear order, and how many there are."""
    clear = [partner.clear for summary in summaries for ranked in summary.rankings.values() for partner in ranked]
    known = [order for order in clear if order is not None]
    return sum(known), len(known)


def _pairs_in_order(found: Found) -> tuple[int, int]:
    """The same of the published score's pairs; none without one."""
    if found.similarity is None:
        return 0, 0
    ranked = ranking(found.similarity, *methods(found.similarity))
    return int(np.count_nonzero(ranked["certain"])), len(ranked) - 1


def _names(summaries: Sequence[Summary]) -> str:
    labels = [summary.label for summary in summaries]
    return f"{len(labels)} of the estimators" if len(labels) > MOST_NAMES else _listed(labels)


def _listed(parts: Sequence[str]) -> str:
    """ "a", "a and b", "a, b and c"."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
