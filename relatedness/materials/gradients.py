"""Signed gradients of every task on the shared weights, as inner products of two disjoint halves of the batches.

Products across the halves do not see what two tasks share only because they were measured on the same pictures, nor the
noise of one batch; estimators are made of them alone, so no gradient has to be kept.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from dataloaders.batches.fetching import seeded_generator
from models import MultitaskNet
from prune_utils.layers import Scores, shared_weights
from prune_utils.scores import Loss, TaskGradient, task_gradients
from relatedness.base import State
from relatedness.materials.magnitudes import Magnitudes, RoleScores
from relatedness.materials.sketch import Sketch
from runtime.passes import over_batches

if TYPE_CHECKING:
    from relatedness.controls import Role
    from relatedness.study import Study

EXACT_NUMBERS = 1 << 26
"""Gradients of all tasks are kept whole while they fit in so many numbers (256 MB), else as sketches."""
CHUNK = 1 << 16
"""Weights that are multiplied at once, in float64."""
SIGNS = 1
"""What a seeded generator is for."""


@dataclass(frozen=True)
class Gradients:
    """What two halves of the batches, the even and the odd ones, say of the gradients of R roles on L layers.

    Attributes:
        roles: R names.
        layers: L names of weights, in the backbone's order.
        products: [L, 2, 2, R, R]; entry (l, p, q, a, b) is the inner product, on layer l, of a's mean gradient over
            half p with b's over half q. p = q gives squared lengths. The losses are not multiplied by their weights.
        losses: [2, R] mean loss of each half.
        sketched: whether the products come from sketches, see ``relatedness.materials.sketch``.
    """

    roles: tuple[str, ...]
    layers: tuple[str, ...]
    products: np.ndarray
    losses: np.ndarray
    sketched: bool

    def weighted(self, roles: Sequence["Role"]) -> np.ndarray:
        """``products`` of gradients that are multiplied by the weights of their tasks' losses."""
        factors = np.array([role.weight for role in roles])
        return self.products * np.outer(factors, factors)


class SignedSums:
    """Adds up gradients, batch by batch.

    Args:
        roles: names.
        weights: the shared weights, name -> parameter.
        seed: of the signs of sketches, which are used where the gradients would not fit in ``EXACT_NUMBERS``.
    """

    def __init__(self, roles: Sequence[str], weights: Mapping[str, Tensor], seed: int) -> None:
        self._places = {role: place for place, role in enumerate(roles)}
        self._layers = tuple(weights)
        numbers = 2 * len(roles) * sum(weight.numel() for weight in weights.values())
        self.sketched = numbers > EXACT_NUMBERS
        self._sketches: dict[str, Sketch] = {}
        self._sums: dict[str, Tensor] = {}
        for place, (name, weight) in enumerate(weights.items()):
            width = weight.numel()
            if self.sketched:
                self._sketches[name] = Sketch(width, seeded_generator(seed, SIGNS, place), weight.device)
                width = self._sketches[name].width
            self._sums[name] = torch.zeros(2, len(roles), width, device=weight.device)
        device = next(iter(weights.values())).device
        self._losses = torch.zeros(2, len(roles) + 1, dtype=torch.float64, device=device)  # the last counts batches

    def add(self, number: int, gradient: TaskGradient) -> None:
        """Add the gradient of one role on the shared weights, and its loss.

        Args:
            number: of the batch among those of all processes.
        """
        half, place = number % 2, self._places[gradient.task]
        for name, at in gradient.at.items():
            flat = _flat(at)
            self._sums[name][half, place] += self._sketches[name](flat) if self.sketched else flat
        self._losses[half, place] += gradient.loss
        if place == 0:
            self._losses[half, -1] += 1

    def gradients(self, sum_over_processes: Callable[[Iterable[Tensor]], None]) -> Gradients:
        """The products of the means; the sums are spent."""
        sum_over_processes([*self._sums.values(), self._losses])
        losses = self._losses.cpu().numpy()
        batches = losses[:, -1:]
        with np.errstate(invalid="ignore"):  # of one batch, the second half is empty: its means are NaN
            products = np.stack([_products(self._sums.pop(name)) for name in list(self._sums)])
            products /= batches.reshape(2, 1, 1, 1) * batches.reshape(1, 2, 1, 1)
            return Gradients(tuple(self._places), self._layers, products, losses[:, :-1] / batches, self.sketched)


def shared_length(net: MultitaskNet) -> float:
    """The length of all shared weights together, by which steps are measured."""
    squares = [float(weight.detach().double().square().sum()) for weight in shared_weights(net).values()]
    return float(np.sqrt(sum(squares)))


def too_few_batches(study: "Study") -> str | None:
    """What is wrong where one of the two halves of the batches is empty; None if nothing is."""
    if study.plan.num_batches < 2:
        return "it compares gradients of different batches; ask for --num_batches 2 or more"
    return None


def gradient_pass(study: "Study", state: State) -> tuple[Gradients, RoleScores | None]:
    """One pass over the first batches, from which both signed gradients and, at initialisation, SNIP scores come.

    Returns:
        the gradients; and the scores, where the study has any.
    """
    net = study.network(state)
    losses = {role.name: role.loss for role in study.roles}
    if not (study.with_scores and state == "init"):
        return signed_gradients(study, net, losses)[0], None
    magnitudes = Magnitudes(net, study.roles)
    found, sums = signed_gradients(study, net, losses, magnitudes)
    return found, magnitudes.scores(net, sums)


def signed_gradients(
    study: "Study", net: MultitaskNet, losses: Mapping[str, Loss], magnitudes: Magnitudes | None = None
) -> tuple[Gradients, dict[str, Scores]]:
    """Signed gradients of some losses on the first batches.

    The backbone runs forwards once a batch, for all of them, and backwards once for each.

    Args:
        net: has a head for each loss by its name.
        magnitudes: adds up the sizes of the gradients too, those at the heads included.

    Returns:
        the gradients; and the sums of ``magnitudes`` over all processes.
    """
    mine, count = study.mine("first"), study.plan.num_batches
    sums = SignedSums(list(losses), shared_weights(net), study.seed)

    def measure(net: MultitaskNet, batches: Iterable[Mapping], _: object, **options: Any) -> dict[str, Scores]:
        seen = study.with_controls(batches, "first", mine)
        for gradient in task_gradients(net, seen, losses, own_heads=magnitudes is not None, **options):
            if gradient.shared:
                sums.add(mine[gradient.number], gradient)
            if magnitudes is not None:
                magnitudes.add(gradient)
        return magnitudes.sums if magnitudes is not None else {}

    with study.bar(count, "gradients") as bar:
        sizes = over_batches(measure, study.setup, net, count, study.seed, bar)
    study.products.count_passes(count, count * len(losses))
    return sums.gradients(study.setup.runtime.sum_over_processes), sizes


def _flat(gradient: Tensor) -> Tensor:
    """A gradient as a vector; of a convolution in the memory order that scoring uses, so that nothing is copied."""
    return gradient.permute(0, 2, 3, 1).reshape(-1) if gradient.dim() == 4 else gradient.reshape(-1)


def _products(sums: Tensor) -> np.ndarray:
    """Inner products of [2, R, n], as [2, 2, R, R]."""
    rows = sums.flatten(0, 1)
    products = torch.zeros(len(rows), len(rows), dtype=torch.float64, device=rows.device)
    for part in rows.split(CHUNK, dim=1):
        exact = part.double()
        products += exact @ exact.T
    half = sums.shape[1]
    return products.view(2, half, 2, half).transpose(1, 2).cpu().numpy()
