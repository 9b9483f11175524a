"""What a page is made of: sections of blocks of plain text, which the template turns into HTML."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from reports.page.drawings.base import Element, clean, source

LONGEST_ALT = 300
NARROW_SCREEN = 400
LEAST_SCALE = 0.9


@dataclass(frozen=True)
class Block:
    """A part of a section; ``kind`` is the name of the template's macro for it."""

    kind: ClassVar[str]


@dataclass(frozen=True)
class Text(Block):
    """A paragraph; one that matters stands out."""

    kind: ClassVar[str] = "text"
    text: str
    matters: bool = False


@dataclass(frozen=True)
class Heading(Block):
    """Of what follows in the section."""

    kind: ClassVar[str] = "heading"
    text: str


@dataclass(frozen=True)
class Points(Block):
    """A list."""

    kind: ClassVar[str] = "points"
    items: Sequence[str]


@dataclass(frozen=True)
class Table(Block):
    """Rows of text, each beginning with its heading.

    Attributes:
        columns: headings, that of the rows' headings first.
        words: how many columns after the first hold words; the others are numbers, and end at the same place.
    """

    kind: ClassVar[str] = "table"
    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    words: int = 0


@dataclass(frozen=True)
class Figure(Block):
    """A drawing."""

    kind: ClassVar[str] = "figure"
    drawing: Element
    caption: str = ""

    @property
    def svg(self) -> str:
        """For the template: the one thing that it does not escape."""
        return source(self.drawing)

    @property
    def label(self) -> str:
        """What is told of it to those who cannot see it."""
        return self.drawing.attrib["aria-label"]

    @property
    def least_width(self) -> int | None:
        """Pixels below which it could not be read, and is moved sideways instead; None where it fits any screen."""
        width = float(self.drawing.attrib["width"])
        return round(LEAST_SCALE * width) if width > NARROW_SCREEN else None


@dataclass(frozen=True)
class Gallery(Block):
    """Figures side by side, as many as there is room for."""

    kind: ClassVar[str] = "gallery"
    figures: Sequence[Figure]
    caption: str = ""


@dataclass(frozen=True)
class Picture:
    """A picture that the page carries, or words in its place; the name stands below."""

    uri: str
    alt: str
    name: str = ""
    words: str = ""


@dataclass(frozen=True)
class Sheet(Block):
    """Rows of small pictures.

    Attributes:
        legends: what colours stand for: a name, and (what, ``#rrggbb``).
    """

    kind: ClassVar[str] = "sheet"
    caption: str
    rows: Sequence[Sequence[Picture]]
    legends: Sequence[tuple[str, Sequence[tuple[str, str]]]] = ()


@dataclass(frozen=True)
class Photo(Block):
    """A large picture."""

    kind: ClassVar[str] = "photo"
    picture: Picture
    caption: str


@dataclass(frozen=True)
class Cards(Block):
    """Small boxes with a title and a few lines each."""

    kind: ClassVar[str] = "cards"
    cards: Sequence[tuple[str, Sequence[str]]]


@dataclass(frozen=True)
class Details(Block):
    """Blocks that are shown when somebody asks for them."""

    kind: ClassVar[str] = "details"
    summary: str
    blocks: Sequence[Block]


@dataclass(frozen=True)
class Section:
    """A part of the page, with a name for links to it."""

    name: str
    title: str
    blocks: Sequence[Block]


def alt(text: str) -> str:
    """The text beside a picture for those who cannot see it, not too long."""
    text = clean(text)
    return text if len(text) <= LONGEST_ALT else text[: LONGEST_ALT - 1] + "\N{HORIZONTAL ELLIPSIS}"
