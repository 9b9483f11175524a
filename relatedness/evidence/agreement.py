"""How well scores of pairs of tasks order what was measured: Spearman's correlation, within helped tasks and beyond.

Matrices are [..., T, T], row = the task that is helped, column = its partner; the diagonal and NaN do not count.
"""

from itertools import permutations

import numpy as np

MOST_RELABELLED = 6
"""Of up to so many tasks all orders are tried, else ``RELABELLINGS`` random ones."""
RELABELLINGS = 2000
EASE = 1e-9
"""What rounding may do to a correlation, and to a number as a share of the largest."""


def spearman(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Spearman's rank correlation along the last axis, equal values sharing their mean rank; [..., n] -> [...].

    Where either is NaN, the pair is left out. One that does not vary orders nothing: 0. NaN where fewer than two pairs
    are left.
    """
    x, y = np.broadcast_arrays(x, y)
    known = np.isfinite(x) & np.isfinite(y)
    ranks = [_centred_ranks(values, known) for values in (x, y)]
    lengths = np.sqrt(np.prod([(part**2).sum(-1) for part in ranks], axis=0))
    products = (ranks[0] * ranks[1]).sum(-1)
    found = np.where(lengths > 0, products / np.where(lengths > 0, lengths, 1), 0.0)
    return np.where(known.sum(-1) > 1, found, np.nan)


def within_tasks(scores: np.ndarray, gains: np.ndarray) -> np.ndarray:
    """The mean over the helped tasks of Spearman's correlation over their partners, [..., T, T] -> [...]."""
    by_task = spearman(_partners(scores), _partners(gains))
    known = np.isfinite(by_task)
    count = known.sum(-1)
    return np.where(known, by_task, 0).sum(-1) / np.where(count, count, np.nan)


def over_pairs(scores: np.ndarray, gains: np.ndarray) -> np.ndarray:
    """Spearman's correlation over all directed pairs of tasks, [..., T, T] -> [...]."""
    size = scores.shape[-1]
    flat = [_partners(values).reshape(*values.shape[:-2], size * (size - 1)) for values in (scores, gains)]
    return spearman(*flat)


def partner_ranks(values: np.ndarray) -> np.ndarray:
    """The ranks of each task's partners, less their mean and of length 1, [..., T, T] -> [..., T, T - 1].

    0 for what is not known, and where all partners are equal.
    """
    partners = _partners(values)
    ranks = _centred_ranks(partners, np.isfinite(partners))
    lengths = np.sqrt((ranks**2).sum(-1, keepdims=True))
    return ranks / np.where(lengths > 0, lengths, 1)


def chance(scores: np.ndarray, gains: np.ndarray, seed: int) -> float | None:
    """How often the same scores do as well within tasks if the tasks' names are dealt out anew; None if undefined.

    Rows and columns change places together, so that a score by which some partners are good for all tasks is compared
    with others of its kind (Hubert and Schultz, "Quadratic assignment as a general data analysis strategy", 1976). It
    tells what few tasks can tell at all: of five there are 120 orders, of which the true one is one.

    Args:
        scores, gains: [T, T].
    """
    observed = within_tasks(scores, gains)
    if np.isnan(observed):
        return None
    size = len(scores)
    if size <= MOST_RELABELLED:
        orders = np.array(list(permutations(range(size))))
    else:
        rng = np.random.default_rng(seed)
        orders = np.stack([np.arange(size), *(rng.permutation(size) for _ in range(RELABELLINGS))])
    return float(np.mean(within_tasks(scores[orders[:, :, None], orders[:, None]], gains) >= observed - EASE))


def _partners(values: np.ndarray) -> np.ndarray:
    """[..., T, T] without the diagonal, [..., T, T - 1]."""
    size = values.shape[-1]
    columns = np.array([[b for b in range(size) if b != a] for a in range(size)])
    return values[..., np.arange(size)[:, None], columns]


def _centred_ranks(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Ranks less their mean, 0 where not known; values that differ by rounding alone are equal."""
    filled = np.where(known, values, np.nan)
    ease = EASE * np.max(np.abs(np.where(known, values, 0.0)), axis=-1, initial=0.0)[..., None, None]
    higher = filled[..., :, None] - filled[..., None, :]  # by how much each is above each other one
    ranks = np.where(known, (higher > ease).sum(-1) + ((np.abs(higher) <= ease).sum(-1) - 1) / 2, 0.0)
    count = np.maximum(known.sum(-1, keepdims=True), 1)
    return np.where(known, ranks - ranks.sum(-1, keepdims=True) / count, 0.0)
