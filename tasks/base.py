"""What a task is: one record with its output, its loss and its metrics."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from pydantic import BaseModel, ConfigDict
from torch import Tensor

Batch = Mapping[str, Tensor]


class Metrics(ABC):
    """Metrics of one task, gathered batch by batch in memory that does not grow.

    ``state`` are tensors that may be summed over processes, which makes the metrics those of all images.
    """

    state: dict[str, Tensor]

    @abstractmethod
    def update(self, prediction: Tensor, batch: Batch) -> None:
        """Add a batch: prediction [N, C, h, w], targets at full size [N, ?, H, W] under their keys in ``batch``."""

    @abstractmethod
    def compute(self) -> dict[str, float]:
        """The metrics of everything seen so far, in the order of ``Task.higher_is_better``; NaN where undefined."""


class Task(BaseModel, ABC):
    """One task of a multi-task network.

    Subclasses add their options as typed fields, so that a misspelt or impossible option in the YAML file is
    reported with its key.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    channels: int
    weight: float = 1.0

    higher_is_better: ClassVar[Mapping[str, bool]]
    """Every metric's name, and whether more of it is better."""

    @property
    @abstractmethod
    def targets(self) -> tuple[str, ...]:
        """Keys of the sample that the task reads: ("seg",), ("depth", "depth_mask"), ..."""

    @abstractmethod
    def loss(self, prediction: Tensor, batch: Batch) -> Tensor:
        """The loss, a scalar, not yet multiplied by ``weight``.

        Args:
            prediction: [N, channels, h, w].
            batch: targets [N, ?, H, W]; they are brought to h x w by nearest sampling.

        Without a single valid pixel the loss is zero, with zero gradients.
        """

    @abstractmethod
    def new_metrics(self) -> Metrics:
        """An empty accumulator of this task's metrics."""

    def with_files(self, root: Path | None) -> "Task":
        """The task with whatever it reads from files under the data root; most tasks read nothing."""
        return self
