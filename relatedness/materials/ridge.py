"""Linear maps fitted with a penalty, on rows that count more or less."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

STRENGTHS = tuple(10.0**exponent for exponent in range(-6, 3))
"""Penalties that are tried, as shares of the mean variance of the inputs."""

ROUNDING = 1e-13
"""The variance of float32 numbers that were meant to be equal, as a share of their square."""


@dataclass(frozen=True)
class Moments:
    """Weighted means and centred second moments of inputs x and outputs y, in float64: all that a fit needs.

    Attributes:
        x, y: [p] and [q], means.
        xx, xy: [p, p] and [p, q], covariances.
    """

    x: Tensor
    y: Tensor
    xx: Tensor
    xy: Tensor

    @classmethod
    def of(cls, inputs: Tensor, outputs: Tensor, weights: Tensor) -> "Moments":
        """Of n rows [n, p] and [n, q] with weights [n]."""
        share = (weights / weights.sum()).double()[:, None]
        x, centred = _centred(inputs, share)
        y, varying = _centred(outputs, share)
        scaled = (share * centred).T
        return cls(x, y, scaled @ centred, scaled @ varying)


def fit(moments: Moments, strength: float) -> tuple[Tensor, Tensor]:
    """Slopes [p, q] and intercept [q] that minimise the weighted squared error plus the penalty on the slopes.

    Args:
        strength: the penalty, as a share of the mean variance of the inputs.
    """
    size = len(moments.xx)
    scale = float(moments.xx.diagonal().mean())
    penalty = (strength * scale if scale > 0 else 1.0) * torch.eye(size, dtype=torch.float64)
    slopes = torch.linalg.solve(moments.xx + penalty, moments.xy)
    return slopes, moments.y - moments.x @ slopes


def explained(outputs: Tensor, predicted: Tensor, weights: Tensor) -> float:
    """Share of the weighted variance of all outputs together that a prediction explains (R^2): 1 - error / variance.

    It is below 0 where the mean would have been the better prediction, and NaN where the outputs do not vary.

    Args:
        outputs, predicted: [n, q].
        weights: [n].
    """
    share = (weights / weights.sum()).double()[:, None]
    variance = (share * _centred(outputs, share)[1].square()).sum()
    error = (share * (outputs.double() - predicted).square()).sum()
    return float(1 - error / variance) if variance > 0 else float("nan")


def _centred(values: Tensor, share: Tensor) -> tuple[Tensor, Tensor]:
    """Weighted means [p] and deviations [n, p] from them, in float64; 0 where a column varies by rounding alone."""
    values = values.double()
    mean = (share * values).sum(0)
    deviations = values - mean
    variance = (share * deviations.square()).sum(0)
    return mean, deviations * (variance > ROUNDING * mean.square())


def fit_by_halves(
    inputs: Tensor, outputs: Tensor, weights: Tensor, pictures: Tensor
) -> tuple[Tensor, Tensor] | None:
    """A fit on all rows, with the strength that does best when fitted on one half of the pictures, judged on the other.

    Args:
        pictures: [n], the number of the picture that a row is of.

    Returns:
        slopes [p, q] and intercept [q]; None where no row of one of the halves counts.
    """
    fitting = pictures % 2 == 0
    if not (weights[fitting].sum() > 0 and weights[~fitting].sum() > 0):
        return None
    return fit(Moments.of(inputs, outputs, weights), choose_strength(inputs, outputs, weights, fitting))


def choose_strength(
    inputs: Tensor, outputs: Tensor, weights: Tensor, fitting: Tensor, strengths: Sequence[float] = STRENGTHS
) -> float:
    """The strength with which a fit on some rows explains most of the others; the largest of equals.

    Args:
        fitting: bool [n], the rows to fit on.
    """
    moments = Moments.of(inputs[fitting], outputs[fitting], weights[fitting])
    judged = ~fitting
    best, chosen = -float("inf"), strengths[-1]
    for strength in sorted(strengths, reverse=True):
        slopes, intercept = fit(moments, strength)
        share = explained(outputs[judged], inputs[judged].double() @ slopes + intercept, weights[judged])
        if share > best:
            best, chosen = share, strength
    return chosen
