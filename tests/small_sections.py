"""Parts of a page as text, for tests of what they say."""

from collections.abc import Iterator, Sequence
from dataclasses import fields
from pathlib import Path

from small_pages import write

from reports.page.found import Found, read_folder
from reports.page.sections import sections
from reports.page.sections.base import Block, Details, Figure, Gallery, Section, Table


def found(folder: Path, **files: object) -> Found:
    return read_folder(write(folder, **files))  # type: ignore[arg-type]


def section(results: Found, name: str) -> Section:
    return next(part for part in sections(results) if part.name == name)


def every(blocks: Sequence[Block]) -> Iterator[Block]:
    """All blocks, those inside of others too."""
    for block in blocks:
        yield block
        if isinstance(block, Details):
            yield from every(block.blocks)
        if isinstance(block, Gallery):
            yield from every(block.figures)


def words(part: Section) -> str:
    """All texts of a section."""
    texts = []
    for block in every(part.blocks):
        texts += [str(getattr(block, field.name)) for field in fields(block) if field.name != "drawing"]
        if isinstance(block, Figure):
            texts.append(" ".join(block.drawing.itertext()))
    return "\n".join(texts)


def tables(part: Section) -> list[Table]:
    return [block for block in every(part.blocks) if isinstance(block, Table)]
