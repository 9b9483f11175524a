"""How much a step along a partner's gradient lowers a task's loss, by really taking it."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
from pydantic import Field
from torch import Tensor
from torch.func import functional_call

from models import MultitaskNet
from prune_utils.layers import shared_weights
from prune_utils.modes import training_mode
from prune_utils.scores import task_gradients
from relatedness.base import Estimator
from relatedness.controls import Role
from relatedness.materials.gradients import shared_length, too_few_batches
from runtime.passes import seed_batch

if TYPE_CHECKING:
    from relatedness.study import Study


class Tag(Estimator):
    """1 - L_a(w - step * |w| * g_b / |g_b|) / L_a(w), w the shared weights, mean over the first batches.

    Fifty et al., "Efficiently identifying task groupings for multi-task learning" (NeurIPS 2021), once, on a warm
    network, where they average over a joint training. g_b is the gradient of b's loss on one batch and L_a a's loss on
    the next one, in a circle, so that pictures that both have in common do not count; and steps have one length, so
    that a partner's loudness does not. Before and after a step dropout is the same. The network is not changed.

    Cost: for each batch and partner (with controls each stand-in as well) one pass backwards and one forwards through
    the backbone, and two more forwards for each batch; the heads of all tasks run with each of those forwards.

    Options:
        step: length of the step, as a share of the length of all shared weights together.
    """

    needs: ClassVar = ("warm", "init")
    directed: ClassVar = True

    step: float = Field(0.01, gt=0, allow_inf_nan=False)

    def estimate(self, study: "Study") -> np.ndarray:
        net, every, mine = study.network(self.network_state), study.numbers("first"), study.mine("first")
        length = self.step * shared_length(net)
        pairs = [number for one in mine for number in (one, every[(one + 1) % len(every)])]
        batches = study.read("first", pairs)
        falls = {}
        for (one, batch), (other, following) in zip(batches, batches, strict=True):
            falls[one] = self._falls(study, net, length, (one, batch), (other, following))
        passes = len(every) * len(study.roles)
        study.products.count_passes(2 * len(every) + passes, passes)
        return mean_where_defined(np.stack(study.from_all(falls)))

    def problem(self, study: "Study") -> str | None:
        return too_few_batches(study)

    def _falls(
        self, study: "Study", net: MultitaskNet, length: float, stepped: tuple[int, Any], judged: tuple[int, Any]
    ) -> np.ndarray:
        """Relative falls [R, R] of the tasks' losses on one batch by steps along the gradients on another."""
        precision, helped = study.setup.runtime.autocast, [role for role in study.roles if role.kind == "real"]
        gradients = task_gradients(
            net,
            [stepped[1]],
            {role.name: role.loss for role in study.roles},
            precision=precision,
            before_batch=lambda _: seed_batch(study.seed, stepped[0]),
            own_heads=False,
        )

        def losses(weights: Mapping[str, Tensor]) -> np.ndarray:
            seed_batch(study.seed, judged[0])
            return losses_at(net, weights, helped, judged[1], precision)

        falls = np.full(study.wanted.shape, np.nan)
        with training_mode(net), np.errstate(invalid="ignore", divide="ignore"):
            before = losses({})
            for gradient in gradients:
                weights = stepped_weights(net, gradient.at, length)
                if weights is not None:
                    falls[: len(helped), study.names.index(gradient.task)] = 1 - losses(weights) / before
        return np.where(study.wanted & np.isfinite(falls), falls, np.nan)


@torch.no_grad()
def stepped_weights(net: MultitaskNet, gradient: dict[str, Tensor], length: float) -> dict[str, Tensor] | None:
    """Weights after a step of this length against a gradient, which is overwritten; None if it has no direction.

    Args:
        gradient: of the shared weights, by name.
    """
    norm = float(torch.stack([part.double().square().sum() for part in gradient.values()]).sum().sqrt())
    if not 0 < norm < float("inf"):
        return None
    return {name: gradient[name].mul_(-length / norm).add_(weight) for name, weight in shared_weights(net).items()}


@torch.no_grad()
def losses_at(
    net: MultitaskNet,
    weights: Mapping[str, Tensor],
    roles: Sequence[Role],
    batch: Mapping[str, Any],
    precision: Callable[[], AbstractContextManager],
) -> np.ndarray:
    """The roles' losses on a batch, with other weights for some of the network's own, which stay as they are."""
    instead = {name.removeprefix("backbone."): weight for name, weight in weights.items()}
    with precision():
        features = functional_call(net.backbone, instead, (batch["img"],))
        predictions = [net.heads[role.name](features) for role in roles]
    found = [role.loss(prediction.float(), batch) for role, prediction in zip(roles, predictions, strict=True)]
    return torch.stack(found).double().cpu().numpy()


def mean_where_defined(falls: np.ndarray) -> np.ndarray:
    """The mean over the batches [B, ...], of those that are not NaN; NaN where all are."""
    defined = np.isfinite(falls)
    with np.errstate(invalid="ignore"):
        return np.where(defined, falls, 0).sum(0) / defined.sum(0)
