"""The parts of a page in their order. A new one: a function of what was found, one line here."""

from collections.abc import Callable

from reports.page.found import Found
from reports.page.sections.asked import asked, data
from reports.page.sections.base import Section
from reports.page.sections.evidence import evidence
from reports.page.sections.gains import gains
from reports.page.sections.groups import groups
from reports.page.sections.iou import iou
from reports.page.sections.relatedness import relatedness
from reports.page.sections.similarity import similarity
from reports.page.sections.sources import cost, provenance
from reports.page.sections.training import evaluations, predictions, training

SECTIONS: tuple[Callable[[Found], Section | None], ...] = (
    asked, data, groups, relatedness, gains, evidence, similarity, iou, training, evaluations, predictions, cost,
    provenance,
)  # fmt: skip


def sections(found: Found) -> list[Section]:
    """All parts for which something was found."""
    made = (section(found) for section in SECTIONS)
    return [section for section in made if section is not None]
