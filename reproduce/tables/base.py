"""What a table is: the runs that it needs, the numbers that come of them, and how they are shown."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar, Generic

from configs import UserError
from reports.tables_file import AnySection, Columns, Section, TableSettings
from reproduce.page import DOWN, UP, head
from reproduce.plan import TablePlan, Wanted, planned_similarity, table_setup
from reproduce.planned import PlannedStudy, Seeds
from reproduce.published import paper_settings
from runtime.setup import Setup


class Table(ABC, Generic[AnySection]):
    """One table.

    Attributes:
        name: as the registry has it.
        kind: what its section of ``tables.json`` holds.
        of_pairs: whether it is about pairs of tasks, and so about how related they are.
        usual: whether it is among those that are made where none is named.
    """

    name: ClassVar[str]
    kind: ClassVar[type[Section]]
    of_pairs: ClassVar[bool] = False
    usual: ClassVar[bool] = True

    def plan(self, wanted: Wanted, base: Setup) -> TablePlan:
        """The runs that it needs.

        Raises:
            UserError: it is about pairs, and there is one task only.
        """
        paper = paper_settings(base.config.name, self.name)
        setup = table_setup(self.name, paper, base)
        if self.of_pairs and len(setup.tasks) < 2:
            raise UserError(f"--table {self.name}: it is about pairs of tasks; name two or more with --tasks")
        draft = TablePlan(self.name, setup, paper, wanted, self.studies(wanted, base))
        return replace(draft, rows=self.rows(draft))

    def studies(self, wanted: Wanted, base: Setup) -> Sequence[PlannedStudy]:
        """What is asked of networks before those of the table are trained: the published similarities of pairs."""
        return [planned_similarity(base)] if self.of_pairs else []

    def rows(self, plan: TablePlan) -> Sequence[Seeds]:
        """The networks that are to be trained; ``plan`` has none yet."""
        return []

    @abstractmethod
    def fill(self, plan: TablePlan, before: Section | None) -> AnySection | None:
        """The numbers of the runs that are finished; None while nothing can be shown.

        Args:
            before: the section so far.

        Raises:
            UserError: a file of a study that cannot be used.
        """

    @abstractmethod
    def text(self, section: AnySection) -> str:
        """The section in Markdown, from its heading on."""

    def draw(self, section: AnySection, folder: Path) -> None:
        """Write the table's pictures, if it has any.

        Raises:
            UserError: a file cannot be written.
        """
        return

    def verdict(self, section: AnySection) -> str:
        """What the numbers say, in a line or two for the terminal; "" where there is nothing to say."""
        return ""


class TrainedSection(Section):
    """Metrics of networks.

    Attributes:
        finished, planned: how many networks there are, and are to be.
    """

    columns: Columns
    finished: int
    planned: int

    def opening(self, title: str, source: str | None) -> str:
        """Heading, settings, source of the published numbers, and what is missing."""
        missing = self.planned - self.finished
        text = f"{head(title, self.settings, source)}\n{UP} more is better, {DOWN} less is better.\n"
        return f"{text}\n{missing} of {self.planned} runs are not finished and not in the table.\n" if missing else text


def table_settings(plan: TablePlan) -> TableSettings:
    """What the runs of a plan have in common."""
    setup = plan.setup
    return TableSettings(
        tasks=list(setup.tasks),
        max_iters=plan.wanted.max_iters,
        overrides=list(setup.flags.overrides),
        paper_overrides=list(plan.paper.overrides),
        seed=setup.seed,
        seeds=list(range(setup.seed, setup.seed + plan.wanted.num_seeds)) if plan.rows else [],
        precision=setup.runtime.precision,
        config=setup.config.model_dump(mode="json"),
    )
