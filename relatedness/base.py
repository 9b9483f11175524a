"""What an estimator of relatedness is, and what it says.

An estimator is one class in one file: its options are typed fields, as on a task; ``registry.build_estimators`` fills
them from the section ``relatedness`` of the settings and reports a wrong one with its key.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from relatedness.materials.products import Cost

if TYPE_CHECKING:
    from relatedness.study import Study

State = Literal["init", "warm"]
"""Of a study's network: at initialisation, or after a short joint training."""
Need = Literal["labels", "init", "warm", "alone", "pairs"]
"""What an estimator looks at: targets alone; the network at initialisation; after a short joint training; networks
trained for a short while on each task alone; on each pair."""


class Estimator(BaseModel, ABC):
    """A way of saying how much a task is helped by training with a partner.

    Attributes:
        needs: what it can look at, the default first.
        directed: whether (a, b) and (b, a) may differ.
        uses_scores: whether it asks for ``Study.scores``, which are only gathered if one of the estimators does.
        baseline: it says nothing of kinship; it is shown beside the others, and neither recommended by nor grouped by.

    Options:
        state: which of ``needs`` it looks at; the first by default.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    needs: ClassVar[tuple[Need, ...]]
    directed: ClassVar[bool]
    uses_scores: ClassVar[bool] = False
    baseline: ClassVar[bool] = False

    state: Need | None = None

    @field_validator("state")
    @classmethod
    def _one_of_its_needs(cls, value: Need | None, info: ValidationInfo) -> Need | None:
        if value is not None and value not in cls.needs:
            raise PydanticCustomError("state", "choose from {choices}", {"choices": ", ".join(cls.needs)})
        return value

    @property
    def need(self) -> Need:
        """What it looks at."""
        return self.state or self.needs[0]

    @property
    def held_out(self) -> bool:
        """Whether it needs training pictures that are not among the study's first batches."""
        return False

    @property
    def network_state(self) -> State:
        """The state of the network that it looks at, for the methods of ``Study`` that ask for one."""
        return "warm" if self.need == "warm" else "init"

    @abstractmethod
    def estimate(self, study: "Study") -> np.ndarray:
        """How much each role of the study is helped by each other: [R, R], row = helped, column = partner.

        R = ``len(study.roles)``: the tasks and, for floor and ceiling, their stand-ins; an estimator treats all alike.
        It may leave NaN wherever ``study.wanted`` is False or a value is undefined. The result depends on the
        settings, the seed and the replicate alone, and is the same on every process.
        """

    def by_layer(self, study: "Study") -> tuple[tuple[str, ...], np.ndarray] | None:
        """The same layer by layer: L names and [L, R, R]; None where an estimator has nothing of the kind."""
        return None

    def problem(self, study: "Study") -> str | None:
        """Why it cannot work on this study, and what to change; None if it can. Asked before any work is done."""
        return None

    def remarks(self, study: "Study") -> list[str]:
        """What it leaves out on this study, in words, for instance tasks of a kind that it knows nothing of."""
        return []


@dataclass(frozen=True)
class Relatedness:
    """What one estimator says in one replicate, of T tasks; NaN where undefined.

    Attributes:
        values: [T, T], row = the task that is helped, column = its partner; the diagonal is NaN.
        floor: [T, T], the same with the partner's targets taken from other pictures; None without controls.
        ceiling: [T], a task with its twin; None without controls.
        layers: L names of the layers that the following are about; empty where the estimator has no such detail.
        layer_values, layer_floor, layer_ceiling: [L, T, T], [L, T, T], [L, T], or None.
        cost: of this, what it shares with other estimators included.
        peak_memory_mb: of the process up to then.
    """

    values: np.ndarray
    floor: np.ndarray | None
    ceiling: np.ndarray | None
    layers: tuple[str, ...]
    layer_values: np.ndarray | None
    layer_floor: np.ndarray | None
    layer_ceiling: np.ndarray | None
    cost: Cost
    peak_memory_mb: float
