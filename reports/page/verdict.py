"""What the numbers of a page can tell and what they cannot, in a sentence each. Every word follows from a number."""

from collections.abc import Sequence

import numpy as np

from reports.intervals import LEVEL
from reports.page.found import Found
from reports.page.sections.gains import measured_gains, of_pairs
from reports.page.sections.similarity import methods
from reports.relatedness.summary import LEAST_SENSITIVITY, Summary
from reports.similarity.summary import ranking

MOST_NAMES = 6
"""Of more estimators, the number is said."""


def can_tell(found: Found) -> str:
    """A sentence on what is resolved."""
    parts = [*_gains(found), *_telling(found), *_groups(found, True), *_ordered(found), *_networks(found)]
    return _sentence("The numbers tell", parts) or "These numbers do not tell which tasks belong together."


def cannot_tell(found: Found) -> str:
    """A sentence on what is not."""
    parts = [*_not_telling(found), *_unknown(found), *_unresolved(found), *_groups(found, False), *_published(found)]
    if found.gains is None:
        parts.append("what training together really gains, which only training measures (gains.json is not here)")
    return _sentence("They do not tell", parts) or "Nothing here is left open at the level of these intervals."


def _gains(found: Found) -> list[str]:
    """How many measured gains are apart from zero."""
    if found.gains is None:
        return []
    gains = list(of_pairs(found.gains, measured_gains(found.gains)).values())
    apart = [gain for gain in gains if gain.excludes_zero]
    if not gains or not any(gain.known for gain in gains):
        return []
    helps = sum(gain.mean > 0 for gain in apart)
    return [
        f"that of {len(gains)} measured gains of pairs {len(apart)} differ from training alone by their whole {LEVEL:.0%} "
        f"interval ({helps} for the better, {len(apart) - helps} for the worse)"
    ]


def _telling(found: Found) -> list[str]:
    """Which estimators tell a twin from noise, and how far their orders are resolved."""
    telling = [summary for summary in found.summaries if summary.tells_twin_from_noise]
    if not telling:
        return []
    sure, orders = _neighbours(telling)
    return [
        f"a task's exact copy from noise by {_names(telling)} (sensitivity {LEAST_SENSITIVITY:g} or more), and the order of "
        f"{sure} of {orders} neighbouring partners there"
    ]


def _ordered(found: Found) -> list[str]:
    """How many neighbouring pairs the published score orders."""
    if found.similarity is None:
        return []
    sure, orders = _pairs_in_order(found)
    return [f"the order of {sure} of {orders} neighbouring pairs by the published score"] if sure else []


def _networks(found: Found) -> list[str]:
    count = len(found.evaluations)
    return [f"how well {count} trained {'network does' if count == 1 else 'networks do'} on the test split"] if count else []


def _not_telling(found: Found) -> list[str]:
    """Estimators that cannot tell a twin from noise: their order means nothing."""
    blind = [summary for summary in found.summaries if summary.tells_twin_from_noise is False]
    if not blind:
        return []
    return [f"a twin from noise by {_names(blind)} (sensitivity below {LEAST_SENSITIVITY:g}), whose order therefore means nothing here"]


def _unknown(found: Found) -> list[str]:
    """Estimators without controls or with one replicate; gains of one seed."""
    unknown = [summary for summary in found.summaries if summary.tells_twin_from_noise is None]
    parts = [f"what {_names(unknown)} {'is' if len(unknown) == 1 else 'are'} worth on these data (no floor, ceiling or interval is known)"] if unknown else []
    if found.gains is not None and len(found.gains.seeds) < 2:
        parts.append("whether another seed would give the same gains (there is one)")
    if any(found.evaluations):
        parts.append("how much another seed would change these networks' results")
    return parts


def _unresolved(found: Found) -> list[str]:
    """Orders that are uncertain, where the estimator tells anything at all."""
    telling = [summary for summary in found.summaries if summary.tells_twin_from_noise]
    sure, orders = _neighbours(telling)
    parts = [f"the order of the other {orders - sure} of {orders} neighbouring partners, which is uncertain"] if sure < orders else []
    if found.gains is not None:
        gains = [gain for gain in of_pairs(found.gains, measured_gains(found.gains)).values() if gain.known]
        open_ones = sum(not gain.excludes_zero for gain in gains)
        parts += [f"the sign of {open_ones} of {len(gains)} measured gains"] if open_ones else []
    return parts


def _groups(found: Found, supported: bool) -> list[str]:
    """Whether there is evidence that sharing a network helps."""
    file = found.groups
    if file is None or file.evidence.beyond_chance != supported:
        return []
    count, tested = len(file.evidence.supported), file.evidence.tested
    if supported:
        return [f"that some tasks are better off together ({count} of {tested} values by {file.source}, more than chance gives)"]
    return [f"that any grouping is better than training alone ({count} of {tested} values by {file.source} lie above zero)"]


def _published(found: Found) -> list[str]:
    """What the published score does not see."""
    if found.similarity is None:
        return []
    sure, orders = _pairs_in_order(found)
    uncertain = f", and {orders - sure} of {orders} orders of neighbouring pairs are uncertain" if sure < orders else ""
    return [f"kinship of meaning by the published score, which can rank random labels as high as a copy{uncertain}"]


def _neighbours(summaries: Sequence[Summary]) -> tuple[int, int]:
    """Of all pairs of neighbours in the orders of partners: how many are resolved, and how many there are."""
    clear = [partner.clear for summary in summaries for ranked in summary.rankings.values() for partner in ranked]
    known = [order for order in clear if order is not None]
    return sum(known), len(known)


def _pairs_in_order(found: Found) -> tuple[int, int]:
    assert found.similarity is not None
    ranked = ranking(found.similarity, *methods(found.similarity))
    return int(np.count_nonzero(ranked["certain"])), len(ranked) - 1


def _names(summaries: Sequence[Summary]) -> str:
    labels = [summary.label for summary in summaries]
    if len(labels) > MOST_NAMES:
        return f"{len(labels)} estimators"
    return labels[0] if len(labels) == 1 else f"{', '.join(labels[:-1])} and {labels[-1]}"


def _sentence(begin: str, parts: Sequence[str]) -> str:
    return f"{begin} {'; '.join(parts)}." if parts else ""
