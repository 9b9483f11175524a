"""What a pruning method is: it prunes once, from scores, or it prunes while the network trains."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from torch import Tensor, nn
from torch.optim import Optimizer

from configs.schema import DynamicConfig
from prune_utils.layers import Masks, Scores
from prune_utils.masks import exact_masks, keep_thresholds, masks_above, merge, published_keep_ratio
from prune_utils.scores import Loss

Criterion = Literal["gradient", "l1"]


@dataclass(frozen=True)
class Request:
    """What a one-shot method is asked, and what it may use.

    Attributes:
        net: the network to prune; methods do not change it.
        tasks: names of its heads.
        sparsity: wanted share of pruned weights of backbone and heads together, in percent.
        keep_ratio: share of weights that a task keeps; None: such that the network has exactly that sparsity.
        criterion: one of the method's ``criteria``.
        seed: of everything random.
        erk_power: exponent of the Erdos-Renyi-kernel densities.
        task_magnitudes: gives, for a network, each task's sum over batches of |dL_t/dw|.
        joint_magnitudes: gives, for a network, the sum over batches of |dL/dw|, L the weighted sum of losses.
    """

    net: nn.Module
    tasks: Collection[str]
    sparsity: float
    keep_ratio: float | None
    criterion: Criterion
    seed: int
    erk_power: float
    task_magnitudes: Callable[[nn.Module], dict[str, Scores]]
    joint_magnitudes: Callable[[nn.Module], Scores]


class OneShot(ABC):
    """A method that makes all masks at once.

    Attributes:
        trained: whether it prunes a trained network, not one at initialisation.
        published: which table of published keep ratios (``scoring.keep_ratios``) is the method's; None: none.
        criteria: what it can score weights by, the default first; empty: it offers no choice.
    """

    trained: ClassVar[bool] = False
    published: ClassVar[Literal["static", "pretrained"] | None] = None
    criteria: ClassVar[tuple[Criterion, ...]] = ()

    @abstractmethod
    def masks(self, request: Request) -> tuple[Masks, float]:
        """Masks of every Conv and Linear layer, and the keep ratio that led to them."""

    def keep_ratio(
        self, choice: str | float, sparsity: int, published: Mapping[Any, Mapping[int, float]]
    ) -> float | None:
        """``Request.keep_ratio`` from the flag ``--keep_ratio``: "exact", "published" or a number.

        Args:
            published: the setting ``scoring.keep_ratios``.
        """
        if choice == "exact":
            return None
        if choice == "published":
            return published_keep_ratio(sparsity, published.get(self.published or "", {}))
        return float(choice)


def masks_from_scores(
    scores: Mapping[str, Scores], shared: Collection[str], request: Request
) -> tuple[Masks, float]:
    """Each task keeps its best weights; a weight is pruned if every task that has it prunes it.

    Args:
        scores: task -> scores of the backbone and its own head.
        shared: names of the weights that all tasks have.

    Returns:
        the masks, and the keep ratio.
    """
    ratio = request.keep_ratio
    if ratio is None:
        return exact_masks(scores, shared, request.sparsity)
    return merge(masks_above(task, keep_thresholds(task, [ratio])[0]) for task in scores.values()), ratio


@dataclass(frozen=True)
class Run:
    """The training run that a dynamic method is part of.

    Attributes:
        net: the network itself, not a distributed wrapper of it.
        optimizer: the optimiser of its parameters.
        settings: ``end`` is not after the last iteration.
        sparsity: wanted share of pruned weights, in percent.
        losses: each task's loss, a function of (prediction, batch).
        weights: each task's factor in the sum of the losses.
        seed: of the first, random masks.
        precision: a context for forward passes, such as autocast.
        reduce: replaces tensors by their sums over all processes.
        processes: how many share a batch.
    """

    net: nn.Module
    optimizer: Optimizer
    settings: DynamicConfig
    sparsity: float
    losses: Mapping[str, Loss]
    weights: Mapping[str, float]
    seed: int
    precision: Callable[[], AbstractContextManager] = nullcontext
    reduce: Callable[[Iterable[Tensor]], None] = lambda tensors: None
    processes: int = 1


class Dynamic(ABC):
    """A method that changes the masks of a network while it trains, in place.

    Made with a ``Run`` once the network and its optimiser exist; it then masks the network, unless it has
    masks already. To resume, give the network its weights and masks and the optimiser its state, then call
    ``load_state_dict``.
    """

    trained: ClassVar[bool] = False

    @abstractmethod
    def __init__(self, run: Run) -> None: ...

    @abstractmethod
    def before_step(self, iteration: int, batch: Mapping[str, Any]) -> None:
        """To be called before every training step.

        Args:
            iteration: number of the step, from 0.
            batch: the batch of the step, on the network's device; in a distributed run, this process's share.
        """

    @abstractmethod
    def finish(self) -> None:
        """To be called after the last step: the network gets exactly its sparsity, if it has not yet."""

    @abstractmethod
    def state_dict(self) -> dict[str, Any]:
        """What a resumed run needs beside weights and masks; plain values."""

    @abstractmethod
    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from ``state_dict``; the network must have its weights and masks already."""
