"""What replicates say together: means with intervals, the scale from floor to ceiling, and the order of partners."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from reports.intervals import interval, paired_difference
from reports.relatedness.file import EstimatorResult, RelatednessFile, array

LEAST_SENSITIVITY = 2.0
"""A ceiling that lies fewer standard errors than this above the floor cannot be told from it."""
MOST_SENSITIVITY = 1e6
"""Where all replicates say exactly the same, as those of one seed may."""


@dataclass(frozen=True)
class Ranked:
    """A partner of a task, in the order of the estimate.

    Attributes:
        partner: its name.
        value: the estimate, mean over replicates; NaN where undefined.
        scaled: the same on the scale from floor, 0, to ceiling, 1; NaN without a scale.
        clear: whether the paired interval of the difference to the next partner excludes zero; None for the last.
    """

    partner: str
    value: float
    scaled: float
    clear: bool | None


@dataclass(frozen=True)
class Summary:
    """One estimator on T tasks, over all replicates. Frames have a row for each helped task; NaN where undefined.

    Attributes:
        label: its name.
        directed, needs, remarks: as in ``EstimatorResult``.
        values, margins: mean estimates, and half the width of their 95 % intervals; a column for each partner.
        floor, ceiling: columns "mean" and "margin"; floor is the mean over partners. None without controls.
        scaled, scaled_margins: on the scale that is 0 at the floor and 1 at the ceiling, where there is one: where the
            ceiling lies above the floor by at least ``LEAST_SENSITIVITY`` standard errors, for all tasks together and
            in this cell.
        sensitivity: from floor to ceiling in standard errors; NaN where unknown.
        task_sensitivity: the same for each helped task.
        rankings: task -> its partners, the most helpful first, on the scale where there is one.
        baseline: as in ``EstimatorResult``.
    """

    label: str
    directed: bool
    needs: str
    remarks: tuple[str, ...]
    values: pd.DataFrame
    margins: pd.DataFrame
    floor: pd.DataFrame | None
    ceiling: pd.DataFrame | None
    scaled: pd.DataFrame
    scaled_margins: pd.DataFrame
    sensitivity: float
    task_sensitivity: pd.Series
    rankings: dict[str, list[Ranked]]
    baseline: bool = False

    @property
    def tells_twin_from_noise(self) -> bool | None:
        """Whether its values mean anything on this data; None where that is not known."""
        return None if np.isnan(self.sensitivity) else self.sensitivity >= LEAST_SENSITIVITY

    @property
    def is_believed(self) -> bool:
        """Whether it may be recommended by, as ``answering`` says it of what is in a file."""
        return not self.baseline and bool(self.tells_twin_from_noise)


def summarise(report: RelatednessFile) -> list[Summary]:
    """A summary of every estimator of a file, in its order."""
    return [summarise_estimator(label, result, report.tasks) for label, result in report.estimators.items()]


def summarise_estimator(label: str, result: EstimatorResult, tasks: Sequence[str]) -> Summary:
    """What one estimator says of these tasks."""
    values = array(result.values)
    floor = None if result.floor is None else array(result.floor)
    ceiling = None if result.ceiling is None else array(result.ceiling)
    mean, margin = _means(values)
    by_task, scaled = np.full(len(tasks), np.nan), np.full_like(values, np.nan)
    if floor is not None and ceiling is not None:
        by_task = np.array([sensitivity(floor[:, [a]], ceiling[:, [a]]) for a in range(len(tasks))], dtype=float)
        # Of many cells some seem to have a scale by chance alone, even where the estimator sees nothing.
        if result.sensitivity is None or result.sensitivity >= LEAST_SENSITIVITY:
            scaled = on_scale(values, floor, ceiling)
    scaled_mean, scaled_margin = _means(scaled)
    return Summary(
        label=label,
        directed=result.directed,
        needs=result.needs,
        remarks=tuple(result.remarks),
        values=pd.DataFrame(mean, list(tasks), list(tasks)),
        margins=pd.DataFrame(margin, list(tasks), list(tasks)),
        floor=None if floor is None else _column(_mean(floor), tasks),
        ceiling=None if ceiling is None else _column(ceiling, tasks),
        scaled=pd.DataFrame(scaled_mean, list(tasks), list(tasks)),
        scaled_margins=pd.DataFrame(scaled_margin, list(tasks), list(tasks)),
        sensitivity=np.nan if result.sensitivity is None else result.sensitivity,
        task_sensitivity=pd.Series(by_task, index=list(tasks)),
        rankings={task: _ranked(values[:, a], scaled[:, a], a, tasks) for a, task in enumerate(tasks)},
        baseline=result.baseline,
    )


def answering(estimators: Mapping[str, EstimatorResult]) -> str | None:
    """The one that is believed: the first that can tell a twin from noise on this data and is no baseline."""
    for label, result in estimators.items():
        if not result.baseline and result.sensitivity is not None and result.sensitivity >= LEAST_SENSITIVITY:
            return label
    return None


def leading(estimators: Mapping[str, EstimatorResult]) -> str:
    """The one that groups and settling go by: the one that is believed; where there is none, the first."""
    return answering(estimators) or next(iter(estimators))


def sensitivity(floor: np.ndarray, ceiling: np.ndarray) -> float | None:
    """The distance from floor to ceiling, mean over tasks, in standard errors over replicates.

    In each replicate the ceiling of a task is compared with the mean floor of its partners. Negative where noise is
    placed above a twin.

    Args:
        floor: [replicates, tasks, partners].
        ceiling: [replicates, tasks].

    Returns:
        at most ``MOST_SENSITIVITY``; None with fewer than two replicates.
    """
    distance = interval(_mean(ceiling - _mean(floor)))
    if not distance.known:
        return None
    if distance.stderr * MOST_SENSITIVITY <= abs(distance.mean):
        return float(np.sign(distance.mean)) * MOST_SENSITIVITY
    return distance.mean / distance.stderr


def on_scale(values: np.ndarray, floor: np.ndarray, ceiling: np.ndarray) -> np.ndarray:
    """Values on the scale that is 0 at the floor and 1 at the ceiling, [replicates, tasks, partners].

    In every replicate, value - floor, which share network and batches, divided by the mean over replicates of
    ceiling - floor: one replicate's may be near 0. NaN where that mean is not above ``LEAST_SENSITIVITY`` standard
    errors; of one replicate no error is known, and it has to be above 0.

    Args:
        values, floor: [replicates, tasks, partners].
        ceiling: [replicates, tasks].
    """
    span = ceiling[:, :, None] - floor
    scale = np.full(span.shape[1:], np.nan)
    for cell in np.ndindex(scale.shape):
        distance = interval(span[(slice(None), *cell)])
        if distance.mean > (LEAST_SENSITIVITY * distance.stderr if distance.known else 0.0):
            scale[cell] = distance.mean
    return (values - floor) / scale


def _ranked(values: np.ndarray, scaled: np.ndarray, helped: int, tasks: Sequence[str]) -> list[Ranked]:
    """The partners of one task, given its estimates, as they are and on the scale, [replicates, partners].

    In order is what they are worth on the scale, since floors differ from partner to partner: more outputs, for
    instance, explain more by chance. Without a scale for all of them it is their values. Undefined ones come last.
    """
    partners = [b for b in range(len(tasks)) if b != helped]
    ordered = scaled if np.isfinite(scaled[:, partners]).any(axis=0).all() else values
    means = {b: interval(ordered[:, b]).mean for b in partners}
    order = sorted(means, key=lambda b: -np.inf if np.isnan(means[b]) else means[b], reverse=True)
    found = []
    for place, b in enumerate(order):
        following = order[place + 1 : place + 2]
        clear = [paired_difference(ordered[:, b], ordered[:, c]).excludes_zero for c in following]
        value, worth = interval(values[:, b]).mean, interval(scaled[:, b]).mean
        found.append(Ranked(tasks[b], value, worth, clear[0] if clear else None))
    return found


def _means(samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Means over the first axis, and half the widths of their intervals."""
    mean, margin = np.full(samples.shape[1:], np.nan), np.full(samples.shape[1:], np.nan)
    for cell in np.ndindex(mean.shape):
        found = interval(samples[(slice(None), *cell)])
        mean[cell], margin[cell] = found.mean, found.high - found.mean
    return mean, margin


def _column(samples: np.ndarray, tasks: Sequence[str]) -> pd.DataFrame:
    mean, margin = _means(samples)
    return pd.DataFrame({"mean": mean, "margin": margin}, index=list(tasks))


def _mean(values: np.ndarray) -> np.ndarray:
    """Mean over the last axis, without what is undefined; NaN where nothing is defined."""
    defined = np.isfinite(values)
    counts = defined.sum(axis=-1)
    return np.where(defined, values, 0).sum(axis=-1) / np.where(counts > 0, counts, np.nan)
