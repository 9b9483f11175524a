"""What any score of pairs can reach against measured gains, and what the gains say without any estimator."""

import warnings
from collections.abc import Callable
from itertools import combinations
from math import comb

import numpy as np

from relatedness.evidence.agreement import EASE, within_tasks

Centre = Callable[[np.ndarray], np.ndarray]
"""[..., S, T, T] -> [..., T, T]: what the seeds say together."""
MOST_SPLITS = 300


def mean_of_seeds(gains: np.ndarray) -> np.ndarray:
    """Mean over the seeds, [..., S, T, T] -> [..., T, T], without what is NaN."""
    return _quiet(np.nanmean, gains)


def median_of_seeds(gains: np.ndarray) -> np.ndarray:
    """Median over the seeds: one run that ends far off does not move it."""
    return _quiet(np.nanmedian, gains)


def split_half(gains: np.ndarray, centre: Centre, seed: int) -> float | None:
    """The agreement within tasks of one half of the seeds with the other, mean over the ways to split them.

    Halves of an odd number of seeds differ by one. None with fewer than two seeds.

    Args:
        gains: [S, T, T].
        seed: where there are too many ways to split, some are drawn.
    """
    seeds = len(gains)
    if seeds < 2:
        return None
    half = seeds // 2
    if comb(seeds, half) <= MOST_SPLITS:
        first = list(combinations(range(seeds), half))
    else:
        rng = np.random.default_rng(seed)
        first = [tuple(rng.permutation(seeds)[:half].tolist()) for _ in range(MOST_SPLITS)]
    found = []
    for chosen in first:
        others = [index for index in range(seeds) if index not in chosen]
        found.append(float(within_tasks(centre(gains[list(chosen)]), centre(gains[others]))))
    known = [value for value in found if not np.isnan(value)]
    return float(np.mean(known)) if known else None


def stepped_up(half: float | None) -> float | None:
    """The reliability of all seeds from that of halves: 2 r / (1 + r) (Spearman 1910, Brown 1910); None at or below -1
    and where it is not known."""
    return None if half is None or half <= -1 else 2 * half / (1 + half)


def symmetric_part(gains: np.ndarray) -> np.ndarray:
    """The mean of gain(a|b) and gain(b|a), [..., T, T]."""
    return (gains + gains.swapaxes(-1, -2)) / 2


def symmetric_ceiling(gains: np.ndarray) -> float:
    """The most that a score which is the same in both directions is found to reach within tasks.

    The search begins at the mean of both directions, and lets two pairs of tasks change places as long as that helps:
    a maximum nearby, not of all orders.

    Args:
        gains: [T, T].
    """
    size = len(gains)
    pairs = list(combinations(range(size), 2))
    start = symmetric_part(gains)
    order = np.argsort(np.argsort([start[pair] for pair in pairs], kind="stable"), kind="stable").astype(float)
    best, again = _agreement(order, pairs, gains), True
    while again:
        again = False
        for one, other in combinations(range(len(pairs)), 2):
            swapped = order.copy()
            swapped[[one, other]] = order[[other, one]]
            found = _agreement(swapped, pairs, gains)
            if found > best + EASE:
                best, order, again = found, swapped, True
    return best


def partners_mean(gains: np.ndarray) -> np.ndarray:
    """For each pair the mean gain that its partner gives to the other tasks, [..., T, T]: some partners are good for
    all. It needs the measured gains."""
    return _others_mean(gains.swapaxes(-1, -2)).swapaxes(-1, -2)


def targets_mean(gains: np.ndarray) -> np.ndarray:
    """For each pair the mean gain that the helped task has of its other partners: some tasks are easily helped.

    Within a task it puts the partners in the reverse of their order, so it means something over all pairs only.
    """
    return _others_mean(gains)


def _others_mean(gains: np.ndarray) -> np.ndarray:
    """For each entry the mean of the others in its row, the diagonal left out."""
    known = np.isfinite(gains) & ~np.eye(gains.shape[-1], dtype=bool)
    values = np.where(known, gains, 0.0)
    others = known.sum(-1, keepdims=True) - known
    mean = (values.sum(-1, keepdims=True) - values) / np.maximum(others, 1)
    return np.where(known & (others > 0), mean, np.nan)


def _agreement(order: np.ndarray, pairs: list[tuple[int, int]], gains: np.ndarray) -> float:
    score = np.full(gains.shape, np.nan)
    for (a, b), value in zip(pairs, order, strict=True):
        score[a, b] = score[b, a] = value
    return float(within_tasks(score, gains))


def _quiet(centre: Callable, gains: np.ndarray) -> np.ndarray:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # the diagonal is NaN in every seed
        return centre(gains, axis=-3)
