"""One HTML file from what was found: the template and the style lie beside this file."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from reports.page.drawings.base import clean
from reports.page.found import Found
from reports.page.sections import sections
from reports.page.verdict import can_tell, cannot_tell

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Head:
    """The top of the page."""

    title: str
    can: str
    cannot: str


def render(found: Found) -> str:
    """The page. It loads nothing, runs no script, and every text from a file is escaped."""
    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    head = Head(f"{found.dataset}: which tasks belong together", can_tell(found), cannot_tell(found))
    style = (FOLDER / "style.css").read_text(encoding="utf-8")
    return environment.get_template("page.html").render(head=head, sections=sections(found), style=style)


def _shown(value: Any) -> Any:
    """Plain text without what a page cannot hold; what is markup already stays."""
    return clean(value) if type(value) is str else value
