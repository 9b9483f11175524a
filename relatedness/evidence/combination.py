"""Several scores as one: weights that were fitted on another data set, so that they can be judged here."""

from collections.abc import Mapping

import numpy as np
from scipy.optimize import nnls

from relatedness.evidence.agreement import partner_ranks
from reports.evidence.file import MOST_COST, Judgement
from reports.relatedness.file import array

LEAST_WEIGHT = 1e-6
"""Scores of smaller weights are left out."""


def fitted_weights(teacher: Judgement, labels: list[str]) -> dict[str, float]:
    """How much each of some estimators counts: least squares without negative weights, label -> weight above 0.

    Predicted are the ranks of a task's partners by their mean gains, from their ranks by each score, all tasks at once.
    Only estimators count that keep to the goal's cost.

    Args:
        teacher: scores and gains of another data set.
        labels: of the estimators that are there on this one.
    """
    usable = {
        score.label: array(score.values)
        for score in teacher.scores
        if score.label in labels and score.cost is not None and score.cost <= MOST_COST
    }
    if not usable:
        return {}
    columns = np.stack([partner_ranks(values).ravel() for values in usable.values()], axis=1)
    weights, _ = nnls(columns, partner_ranks(array(teacher.gains)).ravel())
    return {label: float(w) for label, w in zip(usable, weights, strict=True) if w > LEAST_WEIGHT}


def combined(weights: Mapping[str, float], scores: Mapping[str, np.ndarray]) -> np.ndarray:
    """The weighted sum of the ranks that scores give to a task's partners, [..., T, T] each; NaN on the diagonal."""
    parts = [weight * partner_ranks(scores[label]) for label, weight in weights.items()]
    total = np.sum(parts, axis=0)
    size = total.shape[-2]
    found = np.full((*total.shape[:-1], size), np.nan)
    found[..., ~np.eye(size, dtype=bool)] = total.reshape(*total.shape[:-2], size * (size - 1))
    return found
