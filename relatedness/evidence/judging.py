"""Every estimator's scores against measured gains, with intervals from resampling seeds and replicates."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from relatedness.evidence import limits
from relatedness.evidence.agreement import chance, over_pairs, within_tasks
from relatedness.evidence.combination import combined, fitted_weights
from relatedness.evidence.groupings import MOST_TASKS, NETWORKS, Partitions, best, short_of_best
from relatedness.grouping.values import estimated, measured
from reports.evidence.file import GroupingValues, Judgement, Reliability, Score, Spread
from reports.gains import GainsFile
from reports.intervals import LEVEL, interval
from reports.relatedness.file import EstimatorResult, array

DRAWS = 1000
"""How often seeds and replicates are resampled."""
SEED = 0
"""Of everything that is drawn."""
BASELINES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "partner's mean": limits.partners_mean,
    "target's mean": limits.targets_mean,
}
ACROSS = ("target's mean",)
"""Of these, what says nothing about the partners of one task."""


def judge(
    file: GainsFile, estimators: Mapping[str, EstimatorResult], teachers: Mapping[str, Judgement] | None = None
) -> Judgement:
    """What the scores are worth.

    Intervals are those of a bootstrap: seeds of the gains and replicates of the estimators are drawn with replacement,
    the same draws for all estimators. They tell what other seeds would have given for these tasks, not what other tasks
    would.

    Args:
        file: every task alone and pairs; only seeds count in which every pair is known, if there are any.
        estimators: by label, of the same tasks in the same order.
        teachers: other data sets by name; the estimators are combined as suits each of them best, and judged here.
    """
    pairs = measured(file).pairs
    apart = ~np.eye(len(file.tasks), dtype=bool)
    known = np.isfinite(pairs[:, apart])
    chosen = known.all(1) if known.all(1).any() else known.any(1)
    gains = Gains(tuple(file.tasks), pairs[chosen])
    spent = file.passes
    scores = [_of_estimator(gains, label, result, spent) for label, result in estimators.items()]
    for name, teacher in (teachers or {}).items():
        scores += _of_combination(gains, name, fitted_weights(teacher, list(estimators)), estimators, scores)
    scores += [_of_baseline(gains, label, made_of) for label, made_of in BASELINES.items()]
    return Judgement(
        seeds=np.array(file.seeds)[chosen].tolist(),
        gains=gains.mean.tolist(),
        medians=gains.median.tolist(),
        half_widths=[[_half_width(column) for column in row] for row in gains.pairs.transpose(1, 2, 0)],
        reliability=_reliability(gains.pairs, limits.mean_of_seeds),
        reliability_medians=_reliability(gains.pairs, limits.median_of_seeds),
        groupings=gains.groupings(),
        passes=spent,
        draws=DRAWS,
        scores=scores,
    )


class Gains:
    """The measured gains, and what resampled seeds say.

    Args:
        tasks: T names.
        pairs: [S, T, T], row = the task that is helped; NaN where not known.

    Attributes:
        mean, median: [T, T].
        means, medians: of resampled seeds, [draws, T, T].
        values, resampled_values: what each partition is worth, [P] and [draws, P]; None where there are too many tasks.
    """

    def __init__(self, tasks: tuple[str, ...], pairs: np.ndarray) -> None:
        self.tasks, self.pairs = tasks, pairs
        drawn = pairs[draws(len(pairs))]
        self.mean, self.means = limits.mean_of_seeds(pairs), limits.mean_of_seeds(drawn)
        self.median, self.medians = limits.median_of_seeds(pairs), limits.median_of_seeds(drawn)
        self.partitions = Partitions.of(len(tasks)) if len(tasks) <= MOST_TASKS else None
        if self.partitions is not None:
            self.values, self.resampled_values = map(self.partitions.values, (self.mean, self.means))

    def groupings(self) -> GroupingValues | None:
        """The best partition by the gains themselves, and others."""
        if self.partitions is None or np.isnan(self.values).all():
            return None
        place = int(best(self.values))
        return GroupingValues(
            networks=NETWORKS,
            best=self.values[place],
            best_groups=self.partitions.names(place, self.tasks),
            all_together=self.values[0],
            all_alone=0.0,
            random=float(np.nanmean(self.values)),
        )

    def spread(self, value: float | np.ndarray, resampled: np.ndarray) -> Spread:
        """A number with its interval: the middle ``LEVEL`` of the resampled ones; none where there is one seed only."""
        known = resampled[np.isfinite(resampled)]
        if len(self.pairs) < 2 or not len(known):
            return Spread(value=float(value))
        tail = (1 - LEVEL) / 2
        low, high = np.quantile(known, [tail, 1 - tail])
        return Spread(value=float(value), low=float(low), high=float(high))


def draws(count: int) -> np.ndarray:
    """Resamplings of so many seeds or replicates, [draws, count], the same at every call."""
    return np.random.default_rng([SEED, count]).integers(count, size=(DRAWS, count))


def _of_estimator(gains: Gains, label: str, result: EstimatorResult, spent: int | None) -> Score:
    values, cost = array(result.values), result.cost
    passes = None if cost is None else cost.forward_passes + cost.backward_passes
    groups, regret = _regret(gains, label, result)
    return Score(
        label=label,
        kind="estimator",
        needs=result.needs,
        directed=result.directed,
        sensitivity=result.sensitivity,
        replicates=len(values),
        groups=groups,
        regret=regret,
        passes=passes,
        cost=passes / spent if passes is not None and spent else None,
        **_agreement(gains, limits.mean_of_seeds(values), limits.mean_of_seeds(values[draws(len(values))])),
    )


def _of_combination(
    gains: Gains,
    name: str,
    weights: Mapping[str, float],
    estimators: Mapping[str, EstimatorResult],
    scores: Sequence[Score],
) -> list[Score]:
    """Of weights that were fitted elsewhere; none if nothing counted there. Its cost is at most the sum of the parts'.

    Args:
        scores: of the estimators.
    """
    if not weights:
        return []
    values = {label: array(estimators[label].values) for label in weights}
    means = {label: limits.mean_of_seeds(part) for label, part in values.items()}
    resampled = {label: limits.mean_of_seeds(part[draws(len(part))]) for label, part in values.items()}
    parts = [score for score in scores if score.label in weights]
    passes, costs = [score.passes for score in parts], [score.cost for score in parts]
    return [
        Score(
            label=f"combination fitted on {name}",
            kind="estimator",
            parts=dict(weights),
            replicates=min(score.replicates for score in parts),
            passes=None if None in passes else sum(count for count in passes if count is not None),
            cost=None if None in costs else sum(cost for cost in costs if cost is not None),
            **_agreement(gains, combined(weights, means), combined(weights, resampled)),
        )
    ]


def _of_baseline(gains: Gains, label: str, made_of: Callable[[np.ndarray], np.ndarray]) -> Score:
    """Of what is made of the gains themselves; of resampled seeds it is made anew."""
    found = _agreement(gains, made_of(gains.mean), made_of(gains.means))
    if label in ACROSS:
        found |= {"within": Spread(value=None), "within_medians": Spread(value=None), "chance": None}
    return Score(label=label, kind="baseline", **found)


def _half_width(gains: np.ndarray) -> float:
    found = interval(gains[np.isfinite(gains)])
    return found.high - found.mean


def _agreement(gains: Gains, score: np.ndarray, resampled: np.ndarray) -> dict[str, Any]:
    """Of [T, T], and of [draws, T, T] for the intervals."""
    return {
        "values": score.tolist(),
        "within": gains.spread(within_tasks(score, gains.mean), within_tasks(resampled, gains.means)),
        "within_medians": gains.spread(within_tasks(score, gains.median), within_tasks(resampled, gains.medians)),
        "pairs": gains.spread(over_pairs(score, gains.mean), over_pairs(resampled, gains.means)),
        "chance": chance(score, gains.mean, SEED),
    }


def _regret(gains: Gains, label: str, result: EstimatorResult) -> tuple[list[list[str]] | None, Spread | None]:
    """The partition that an estimator leads to, and how much it loses; pairs without a scale count as 0."""
    if gains.partitions is None or gains.groupings() is None or result.floor is None or result.ceiling is None:
        return None, None
    scaled = estimated(result, gains.tasks, label).pairs
    resampled = limits.mean_of_seeds(scaled[draws(len(scaled))])
    chosen, others = (best(gains.partitions.values(np.nan_to_num(pairs)))
                      for pairs in (limits.mean_of_seeds(scaled), resampled))  # fmt: skip
    regret = gains.spread(short_of_best(gains.values, chosen), short_of_best(gains.resampled_values, others))
    return gains.partitions.names(int(chosen), gains.tasks), regret


def _reliability(pairs: np.ndarray, centre: limits.Centre) -> Reliability:
    """Of what the seeds say together."""
    together = centre(pairs)
    half = limits.split_half(pairs, centre, SEED)
    symmetric = float(within_tasks(limits.symmetric_part(together), together))
    most = limits.symmetric_ceiling(together) if len(together) <= MOST_TASKS else None
    return Reliability(half=half, full=limits.stepped_up(half), symmetric=symmetric, symmetric_most=most)

