"""``tables.json``: our numbers beside the published ones, a section for each table.

What only one table has is declared where that table is (``reproduce/tables/``), as a subclass of ``Section``.
"""

from typing import Any, ClassVar, TypeVar

from pydantic import ConfigDict, Field, SerializeAsAny, ValidationError, computed_field

from reports.files import JsonFile, Part, Value


class Cell(Part):
    """A number in the unit of the paper (shares are in percent where it prints them so).

    Attributes:
        ours: the mean over seeds; None where undefined.
        stderr: its standard error; None with one seed.
        seeds: the value of each seed that is finished, where several were asked for.
        published: None where nothing is published.
    """

    ours: Value
    stderr: Value = None
    seeds: dict[int, Value] = Field(default_factory=dict)
    published: Value = None

    @computed_field  # type: ignore[prop-decorator]
    @property
    def difference(self) -> float | None:
        """Ours less the published number."""
        return None if self.ours is None or self.published is None else self.ours - self.published


Cells = dict[str, dict[str, Cell]]
"""Task -> metric -> number."""


class Column(Part):
    """A metric of a task.

    Attributes:
        scale: factor from our unit to that of the paper.
        decimals: of the paper; None where nothing is published.
    """

    metric: str
    higher_is_better: bool
    scale: float
    decimals: int | None


Columns = dict[str, list[Column]]
"""Task -> its metrics in order."""


class TableSettings(Part):
    """What the runs of a table have in common, and how that differs from the published settings.

    Attributes:
        max_iters: as asked for; None: not.
        overrides: all that was set beside the YAML file.
        paper_overrides: how many of these, the first ones, the published table was made with.
        seeds: of the training runs.
        config: all settings.
    """

    tasks: list[str]
    max_iters: int | None
    overrides: list[str] = Field(alias="set")
    paper_overrides: list[str] = Field(alias="paper_set")
    seed: int
    seeds: list[int] = Field(default_factory=list)
    precision: str
    config: dict[str, Any]


AnySection = TypeVar("AnySection", bound="Section")


class Section(Part):
    """What all tables have; what else one has is kept as it was read, and found by ``as_kind``."""

    model_config = ConfigDict(extra="allow")

    settings: TableSettings

    def as_kind(self, kind: type[AnySection]) -> AnySection | None:
        """The section with all that its kind has; None if it is damaged, or of an earlier version."""
        try:
            return kind.model_validate(self.model_dump(by_alias=True))
        except ValidationError:
            return None


class TablesFile(JsonFile):
    """Sections by the names of their tables."""

    what: ClassVar[str] = "tables of a data set"
    writer: ClassVar[str] = "reproduce_tables.py"

    dataset: str
    tables: dict[str, SerializeAsAny[Section]]
    provenance: dict[str, Any]
