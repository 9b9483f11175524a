"""Linear readouts of the features in the places of heads: what the features say of a task without training anything."""

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from configs import UserError
from models import MultitaskNet
from prune_utils.scores import Loss
from relatedness.base import State
from relatedness.controls import Role
from relatedness.materials.cells import Features, Pooled
from relatedness.materials.gradients import Gradients, signed_gradients
from relatedness.materials.ridge import explained, fit_by_halves

if TYPE_CHECKING:
    from relatedness.study import Study


def fit_readout(features: Features, targets: Pooled, name: str) -> tuple[Tensor, Tensor] | None:
    """Slopes [C, K] and intercept [K] of a ridge regression of a role's targets on features in the same cells.

    Its strength is the one that does best when fitted on one half of the pictures and judged on the other. None where
    the role has no numbers, or no valid cell in one of the halves.
    """
    if name not in targets.values:
        return None
    weights = targets.shares[name]
    pictures = torch.arange(len(weights))[:, None].expand_as(weights)
    outputs = targets.values[name].flatten(0, 1)
    return fit_by_halves(features.values.flatten(0, 1), outputs, weights.flatten(), pictures.flatten())


def readout_share(first: Features, held_out: Features, fitted: Pooled, judged: Pooled, name: str) -> float:
    """R^2 of a role's targets by a readout that is fitted on some features and judged on others; NaN without any.

    Args:
        first, held_out: the features.
        fitted, judged: the targets in the same cells.
    """
    found = fit_readout(first, fitted, name)
    if found is None or not judged.shares[name].sum() > 0:
        return float("nan")
    slopes, intercept = found
    predicted = held_out.values.flatten(0, 1).double() @ slopes + intercept
    return explained(judged.values[name].flatten(0, 1), predicted, judged.shares[name].flatten())


def readout_gradients(study: "Study", state: State) -> Gradients:
    """Signed gradients on the first batches of the squared errors of readouts that are fitted on the held-out ones.

    Of other pictures, since on those that it is fitted on, a readout has hardly any error left to learn from. A role
    without a readout has NaN everywhere.

    Raises:
        UserError: there is no readout at all; a loss that is not finite; unreadable data.
    """
    features = study.features(state, "held_out")
    targets = study.pooled("held_out", features.grid)
    heads: dict[str, nn.Module] = {}
    losses: dict[str, Loss] = {}
    for role in study.roles:
        fitted = fit_readout(features, targets, role.name)
        if fitted is not None:
            heads[role.name] = linear_head(*fitted).to(study.setup.runtime.device)
            losses[role.name] = partial(readout_error, role)
    if not losses:
        raise UserError("no task has valid pixels in two of the held-out pictures; ask for more with --num_batches")
    net = MultitaskNet(study.network(state).backbone, heads)
    return _among(study.names, signed_gradients(study, net, losses)[0])


def linear_head(slopes: Tensor, intercept: Tensor) -> nn.Conv2d:
    """A readout as a 1 x 1 convolution, features [N, C, h, w] -> [N, K, h, w]."""
    channels, outputs = slopes.shape
    head = nn.Conv2d(channels, outputs, kernel_size=1)
    head.load_state_dict({"weight": slopes.T[:, :, None, None], "bias": intercept})
    return head


def readout_error(role: Role, prediction: Tensor, batch: Any) -> Tensor:
    """Squared error of a readout [N, K, h, w] summed over K, mean over the cells, which count by their valid pixels."""
    pooled = role.task.pooled_targets(role.view(batch), *prediction.shape[-2:])
    assert pooled is not None  # else there would be no readout
    values, shares = pooled
    errors = (prediction.float() - values).square().sum(1, keepdim=True)
    return (shares * errors).sum() / shares.sum().clamp(min=1e-6)


def _among(names: list[str], found: Gradients) -> Gradients:
    """The gradients of some roles in their places among all, NaN in those of the others."""
    places = [names.index(name) for name in found.roles]
    products = np.full((*found.products.shape[:3], len(names), len(names)), np.nan)
    products[..., np.array(places)[:, None], places] = found.products
    losses = np.full((2, len(names)), np.nan)
    losses[:, places] = found.losses
    return Gradients(tuple(names), found.layers, products, losses, found.sketched)
