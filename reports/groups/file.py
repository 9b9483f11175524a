"""``groups.json``: which tasks should train together, what that is worth, and what else there was to choose from."""

from typing import ClassVar, Literal

from pydantic import Field

from reports.files import JsonFile, Part

By = Literal["networks", "parameters", "multiply_adds"]

GAINS = "gains"
"""The source of values that were measured by training; any other source is an estimator's name."""


class TrainedGroup(Part):
    """One network.

    Attributes:
        tasks: what it is trained on.
        serves: the tasks that it is then used for; the others are its helpers.
        values: what it is worth to each of those.
        intervals: of these values, over replicates; None where fewer than two are known, and alone.
        cost: in the budget's unit.
        predicted: whether its values are made of those of its pairs, not measured on the group as a whole.
    """

    tasks: list[str] = Field(min_length=1)
    serves: list[str] = Field(min_length=1)
    values: dict[str, float]
    intervals: dict[str, tuple[float, float] | None]
    cost: float
    predicted: bool


    @property
    def label(self) -> str:
        """Such as "seg+depth", or "seg (helped by depth)"."""
        helpers = [task for task in self.tasks if task not in self.serves]
        return "+".join(self.serves) + (f" (helped by {', '.join(helpers)})" if helpers else "")


class Grouping(Part):
    """Networks that together serve every task once; ``value`` is the mean over the tasks."""

    groups: list[TrainedGroup] = Field(min_length=1)
    value: float
    cost: float


class Support(Part):
    """A task that is better off with these partners than without, by the whole interval from ``low`` to ``high``."""

    task: str
    partners: list[str]
    value: float
    low: float
    high: float


class Evidence(Part):
    """What lies above 0 (an estimator's floor, training alone) by its whole interval over the replicates.

    Attributes:
        level: of the intervals.
        tested: values whose interval is known; with one replicate or seed there is none.
        beyond_chance: whether the supported ones are more than chance gives: of so many values, some lie above 0 by
            their interval even if nothing helps.
    """

    level: float
    tested: int
    beyond_chance: bool
    supported: list[Support]


class Branch(Part):
    """Where tasks that train together should part: the layer of the backbone after which they share least.

    Attributes:
        after: None where the values by layer fall nowhere.
        source: what the values by layer are.
    """

    tasks: list[str]
    after: str | None
    source: str


class GroupsFile(JsonFile):
    """What ``groups.json`` holds.

    Attributes:
        source: an estimator's name, or ``gains``.
        source_file: the file that the values come from.
        replicates: of the estimator, or seeds of the gains.
        budget: the most that all networks may cost together, in the unit ``by``.
        cover: whether a task may be a helper in networks that it is not served by.
        max_size: the most tasks in a group that was not measured as a whole.
        groups, value, cost: the best grouping, as in ``Grouping``.
        gap: by how much the runner-up's value is lower.
        gap_interval: of the gap, paired over replicates; None where it is not known.
        stability: share of resamplings of the replicates in which the same grouping is the best.
        all_together, all_alone, random_mean: values of other groupings; None where they are not known. Random ones are
            partitions within the budget.
        over_budget: which of the two former cost more than the budget.
        blind: tasks to which the estimator gives a twin no more than a task of other pictures' targets.
    """

    what: ClassVar[str] = "a grouping of tasks"
    writer: ClassVar[str] = "group_tasks.py"

    dataset: str
    tasks: list[str] = Field(min_length=1)
    source: str
    source_file: str
    replicates: int
    by: By
    budget: float
    cover: bool
    max_size: int
    groups: list[TrainedGroup] = Field(min_length=1)
    value: float
    cost: float
    runner_up: Grouping | None
    gap: float | None
    gap_interval: tuple[float, float] | None
    stability: float | None
    resamples: int
    all_together: float | None
    all_alone: float
    random_mean: float | None
    random_count: int
    over_budget: list[Literal["all_together", "all_alone"]]
    evidence: Evidence
    blind: list[str]
    branches: list[Branch] = []
