"""``tables.md`` from the sections of ``tables.json``, and the parts that its tables share."""

from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

from reports.similarity.summary import PLUS_MINUS
from reports.tables import markdown, markdown_text
from reports.tables_file import Cell, Cells, Columns, Section, TableSettings
from reproduce.tables import TABLES, find_table

UP, DOWN = "\N{UPWARDS ARROW}", "\N{DOWNWARDS ARROW}"
PARTS = ("ours", "published", "difference")
UNPUBLISHED, UNDEFINED = "n/a", "undefined"
NOTHING = "No run is finished yet.\n"


def page(dataset: str, sections: Mapping[str, Section]) -> str:
    """The whole page, with the sections in a fixed order; one that is damaged is left out."""
    shown = [f"# Tables of {markdown_text(dataset)}\n"]
    for name in TABLES:
        table = find_table(name)
        section = sections[name].as_kind(table.kind) if name in sections else None
        if section is not None:
            shown.append(table.text(section))
    return "\n".join(shown)


def head(title: str, settings: TableSettings, source: str | None) -> str:
    """Heading, settings and source.

    Args:
        source: of the published numbers; None where nothing is published.
    """
    lines = [f"## {title}\n", _settings(settings, source is not None)]
    if source is not None:
        lines.append(f"Published: {source}. {UNPUBLISHED}: not published.\n")
    return "\n".join(lines)


def results_table(rows: Sequence[Cells], labels: Mapping[str, list[str]], columns: Columns, published: bool) -> str:
    """Metrics of the tasks; for each row one line of text, or three where numbers are published."""
    parts = parts_of(published)
    index = {
        name: [text if part == PARTS[0] else "" for text in texts for part in parts] for name, texts in labels.items()
    }
    if published:
        index[""] = [part for _ in rows for part in parts]
    cells = {}
    for task, metrics in columns.items():
        for column in metrics:
            unit = " %" if column.scale == 100 else ""
            title = f"{column.metric}{unit} {UP if column.higher_is_better else DOWN}"
            cells[task if len(columns) > 1 else "", title] = [
                number_text(row[task][column.metric], part, column.decimals) for row in rows for part in parts
            ]
    return markdown_table(index, cells)


def markdown_table(labels: Mapping[str, list[str]], columns: Mapping[tuple[str, str], list[str]]) -> str:
    """Labels first, then columns by (group, name)."""
    index = pd.MultiIndex.from_arrays(list(labels.values()), names=list(labels))
    return markdown(pd.DataFrame(dict(columns), index=index))


def number_text(cell: Cell, part: str, decimals: int | None) -> str:
    """One of ``PARTS`` of a cell; ours with its standard error where one is known."""
    value = getattr(cell, part)
    if value is None:
        return UNPUBLISHED if part != PARTS[0] and cell.published is None else UNDEFINED
    signed = "+" if part == "difference" else ""
    text = f"{value:{signed}.4g}" if decimals is None else f"{value:{signed}.{decimals}f}"
    text = text.lstrip("+-") if float(text) == 0 else text
    if part != PARTS[0] or cell.stderr is None:
        return text
    return f"{text} {PLUS_MINUS}{cell.stderr:.2g}"


def parts_of(published: bool) -> Sequence[str]:
    """Which parts of a cell are shown."""
    return PARTS if published else PARTS[:1]


def any_published(rows: Iterable[Cells]) -> bool:
    """Whether a number is published among these."""
    metrics = [cells for row in rows for cells in row.values()]
    return any(cell.published is not None for cells in metrics for cell in cells.values())


def _settings(settings: TableSettings, published: bool) -> str:
    """One line: what the runs were made with, and what was asked for beside the published settings."""
    seeds = settings.seeds or [settings.seed]
    basis = [f"tasks {', '.join(settings.tasks)}"]
    basis.append(f"seed {seeds[0]}" if len(seeds) == 1 else f"seeds {seeds[0]} to {seeds[-1]}")
    basis += [settings.precision, *(f"{text} (as published)" for text in settings.paper_overrides)]
    iterations = settings.max_iters
    own = settings.overrides[len(settings.paper_overrides) :]
    own = [*([] if iterations is None else [f"--max_iters {iterations}"]), *(f"--set {text}" for text in own)]
    line = f"Settings: {markdown_text('; '.join(basis))}."
    if own:
        line += f" Changed by flags: {markdown_text(' '.join(own))}"
        line += "; so the differences are not those of a reproduction." if published else "."
    return line + "\n"
