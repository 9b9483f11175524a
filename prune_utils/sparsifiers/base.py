"""What a pruning method is: it prunes once, from scores, or it prunes while the network trains.

A method's own options are typed fields of its class, as on a task; ``registry.build_sparsifier`` fills them from the
settings and reports a wrong one with its key.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict
from torch import Tensor, nn
from torch.optim import Optimizer

from configs.schema import DynamicConfig
from prune_utils.initialisation import Init
from prune_utils.layers import Masks, Scores
from prune_utils.masks import exact_masks, keep_thresholds, masks_above, merge
from prune_utils.scores import Loss


@dataclass(frozen=True)
class OneShotInputs:
    """What a one-shot method is asked, and what it may use.

    Attributes:
        net: the network to prune; methods do not change it.
        tasks: names of its heads.
        sparsity: wanted share of what the method's ``ratio_of`` says, of backbone and heads together, in percent.
        keep_ratio: share of weights (of channels) that a task keeps; None: such that the network has that sparsity.
        seed: of everything random.
        task_magnitudes: gives, for a network, each task's sum over batches of |dL_t/dw|.
        joint_magnitudes: gives, for a network, the sum over batches of |dL/dw|, L the weighted sum of losses.
        init: which weights are scored at initialisation.
        example: gives an input of the network, one image of the size that multiply-adds are counted for.
    """

    net: nn.Module
    tasks: Collection[str]
    sparsity: float
    keep_ratio: float | None
    seed: int
    task_magnitudes: Callable[[nn.Module], dict[str, Scores]]
    joint_magnitudes: Callable[[nn.Module], Scores]
    example: Callable[[], Tensor]
    init: Init = "xavier"


class Sparsifier(BaseModel, ABC):
    """A pruning method.

    Attributes:
        trained: whether it prunes a trained network, not one at initialisation.
        published: which table of published keep ratios (``scoring.keep_ratios``) is the method's; None: none.
        ratio_of: what ``--ratio`` is the pruned share of: weights, or multiply-adds for one image.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    trained: ClassVar[bool] = False
    published: ClassVar[Literal["static", "pretrained"] | None] = None
    ratio_of: ClassVar[Literal["weights", "multiply-adds"]] = "weights"


class OneShot(Sparsifier):
    """A method that makes all masks at once."""

    @abstractmethod
    def masks(self, inputs: OneShotInputs) -> tuple[Masks, float]:
        """Masks of every Conv and Linear layer, and the keep ratio that led to them."""


def masks_from_scores(
    scores: Mapping[str, Scores], shared: Collection[str], inputs: OneShotInputs
) -> tuple[Masks, float]:
    """Each task keeps its best weights; a weight is pruned if every task that has it prunes it.

    Args:
        scores: task -> scores of the backbone and its own head.
        shared: names of the weights that all tasks have.

    Returns:
        the masks, and the keep ratio.
    """
    ratio = inputs.keep_ratio
    if ratio is None:
        return exact_masks(scores, shared, inputs.sparsity)
    return merge(masks_above(task, keep_thresholds(task, [ratio])[0]) for task in scores.values()), ratio


@dataclass(frozen=True)
class DynamicInputs:
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


class Dynamic(Sparsifier):
    """A method that changes the masks of a network while it trains."""

    @abstractmethod
    def begin(self, inputs: DynamicInputs) -> "MaskUpdates":
        """What does so in one training run.

        The network and its optimiser exist by then; the network is masked now, unless it has masks already. To resume,
        give the network its weights and masks and the optimiser its state, then call ``load_state_dict`` of the result.
        """


class MaskUpdates(ABC):
    """Changes the masks of one network, in place, at the right moments of its training."""

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
