"""``relatedness.json``: what every estimator says of every pair of tasks, replicate by replicate."""

from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import numpy as np
from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from reports.files import JsonFile, Part, Value

Row = list[Value]
Matrix = list[Row]


class EstimatorCost(Part):
    """What an estimator cost, in all replicates together; what it shares with others is counted for each of them.

    Attributes:
        seconds: of one process.
        forward_passes, backward_passes: batches through a backbone.
        peak_memory_mb: the largest of the process until an estimate was done.
    """

    seconds: float
    forward_passes: int
    backward_passes: int
    peak_memory_mb: float


class LayerDetail(Part):
    """The same as the estimator's ``values``, ``floor`` and ``ceiling``, for L layers: [replicate][layer]..."""

    layers: list[str]
    values: list[list[Matrix]]
    floor: list[list[Matrix]] | None
    ceiling: list[Matrix] | None


class EstimatorResult(Part):
    """What one estimator says of T tasks; None where undefined, and on the diagonal.

    Attributes:
        directed: whether (a, b) and (b, a) may differ.
        needs: what it looked at: labels, init, warm, alone or pairs.
        options: its settings.
        values: [replicate][helped task][partner].
        floor: the same with the partner's targets taken from other pictures; None without controls.
        ceiling: [replicate][task], a task with its twin; None without controls.
        sensitivity: the distance from floor to ceiling in standard errors over replicates; None where unknown.
        cost: see there.
        by_layer: the same layer by layer; None where the estimator has no such detail.
        remarks: what it left out, in words.
        baseline: it says nothing of kinship; it stands beside the others and is never taken for the answer.
    """

    directed: bool
    needs: str
    options: dict[str, Any]
    values: list[Matrix] = Field(min_length=1)
    floor: list[Matrix] | None
    ceiling: Matrix | None
    sensitivity: Value = None
    cost: EstimatorCost | None = None
    by_layer: LayerDetail | None = None
    remarks: list[str] = Field(default_factory=list)
    baseline: bool = False

    def check_sizes(self, name: str, replicates: int, tasks: int) -> None:
        """See that all arrays fit the numbers of replicates and tasks."""
        sizes_of: dict[str, tuple[int, ...]] = dict.fromkeys(("values", "floor"), (replicates, tasks, tasks))
        for key, wanted in (sizes_of | {"ceiling": (replicates, tasks)}).items():
            value = getattr(self, key)
            if value is not None and not _has_shape(value, wanted):
                sizes = " x ".join(map(str, wanted))
                message = "estimators.{name}.{key} should be {sizes} numbers"
                raise PydanticCustomError("sizes", message, {"name": name, "key": key, "sizes": sizes})


What = Literal["order", "grouping"]


class Look(Part):
    """What was found after some replicates.

    Attributes:
        replicates: how many.
        num_batches: of each; None in files that were written before it could change.
        sees: whether the estimator tells a task's twin from noise; if not, nothing is settled.
        apart: comparisons of two partners of a task whose order is sure.
        alike: those whose difference is surely small (``reports.relatedness.settling``).
        open: the others, as task, partner, partner.
        groups: the best grouping, where that is what has to settle.
        stability: in which share of the resamplings of the replicates it is the best.
    """

    replicates: int
    num_batches: int | None = None
    sees: bool
    apart: int = 0
    alike: int = 0
    open: list[tuple[str, str, str]] = Field(default_factory=list)
    groups: list[list[str]] | None = None
    stability: float | None = None


class Settling(Part):
    """How a run that was to go on until something is settled came to its end.

    Attributes:
        what: had to settle.
        estimator: whose values.
        settled: whether it did, or the replicates were used up.
        most: replicates that there might have been, of the batches that were asked for.
        looks: in their order; where batches were doubled, those before it saw nothing.
    """

    what: What
    estimator: str
    settled: bool
    most: int
    looks: list[Look]


class RelatednessFile(JsonFile):
    """What ``relatedness.json`` holds.

    Attributes:
        replicates: how many networks each estimator looked at; replicate r has the seed ``provenance["seed"]`` + r.
        estimators: by label, in the order in which they are shown.
        left_out: estimators that could not work on this data, and why.
        settling: how it ended, where replicates were added until something is settled.
    """

    what: ClassVar[str] = "a file of relatedness"
    writer: ClassVar[str] = "task_relatedness.py"

    dataset: str
    tasks: list[str] = Field(min_length=2)
    replicates: int = Field(gt=0)
    num_batches: int = Field(gt=0)
    config: dict[str, Any]
    provenance: dict[str, Any]
    estimators: dict[str, EstimatorResult] = Field(min_length=1)
    left_out: dict[str, str] = Field(default_factory=dict)
    settling: Settling | None = None

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        for name, result in self.estimators.items():
            result.check_sizes(name, self.replicates, len(self.tasks))
        return self


def read_relatedness(path: Path) -> RelatednessFile:
    """Read and check a ``relatedness.json``.

    Raises:
        UserError: it is missing, or is not what task_relatedness.py writes.
    """
    return RelatednessFile.read(path)


def array(nested: Any) -> np.ndarray:
    """Nested lists as an array of floats; NaN for None."""
    return np.array(nested, dtype=float)


def _has_shape(value: Any, wanted: tuple[int, ...]) -> bool:
    try:
        return np.shape(array(value)) == wanted
    except (TypeError, ValueError):
        return False
