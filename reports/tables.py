"""A table of text cells as TSV, Markdown or LaTeX.

All three take a frame of strings ("" is an empty cell) with named index levels, which become the first
columns, and columns of two levels: a group (may be "") and a name within it. ``note`` is a line below.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from itertools import groupby
from math import isnan

import numpy as np
import pandas as pd

LATEX_ESCAPES = {
    "\\": r"\textbackslash{}",
    **{character: "\\" + character for character in "&%$#_{}"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "[": "{[}",  # where a row begins with it, the end of the row before would take it for its option
    "*": "{*}",
    **dict.fromkeys("\t\n\r", " "),
}
TSV_ESCAPES = {"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"}
MARKDOWN_ESCAPES = {
    **{character: "\\" + character for character in "\\|`*[]<$~"},
    "&": "&amp;",
    **dict.fromkeys("\t\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029", " "),
}
"""None of these names begins a line, where more would mean something."""
EMPHASIS = re.compile(r"(?<![^\W_])_|_(?![^\W_])")
"""Underscores at the edge of a word; one inside of a word means nothing in Markdown."""
SIGN = re.compile(r"^([+-])(?=\d)")
"""The sign of a number, which LaTeX sets as a minus only in mathematics."""
LATEX_ROWS = 40
LATEX_WIDTH = 455.0
"""What fits a page, in rows and points; larger tables are split, best between groups of columns."""
LATEX_COMMENT = "% Plain LaTeX, no package needed; \\input it in text that is 16 cm wide or wider."


def tsv(frame: pd.DataFrame, note: str = "") -> str:
    """Tab-separated values under one line of headings; the note is a comment (``#``) in the last line."""
    lines = ["\t".join(_escaped(cell, TSV_ESCAPES) for cell in row) for row in (_heading(frame), *_rows(frame))]
    return "\n".join(lines + ([f"# {note}"] if note else [])) + "\n"


def markdown(frame: pd.DataFrame, note: str = "") -> str:
    """A Markdown table, padded so that it can be read as it stands."""
    heading, *rows = ([markdown_text(cell) for cell in row] for row in (_heading(frame), *_rows(frame)))
    # Two at least, since the colon of a number's column needs a dash beside it.
    widths = [max(2, *map(len, column)) for column in zip(heading, *rows, strict=True)]
    labels = frame.index.nlevels
    rule = ["-" * width if i < labels else "-" * (width - 1) + ":" for i, width in enumerate(widths)]
    lines = []
    for row in (heading, rule, *rows):
        cells = [
            cell.ljust(width) if i < labels else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines + (["", note] if note else [])) + "\n"


def latex(frame: pd.DataFrame, note: str = "") -> str:
    """Tabulars to ``\\input`` into a document; no package is needed. Large tables become several."""
    parts = [_tabular(part) for rows in _row_blocks(frame) for part in _column_blocks(rows)]
    lines = [LATEX_COMMENT, "{\\footnotesize"]
    lines += ["\\setlength{\\tabcolsep}{3pt}", "\\noindent", "\n\n\\medskip\\noindent\n".join(parts)]
    return "\n".join(lines + ([f"\n\\medskip\\noindent\n{escape(note)}"] if note else []) + ["\\par}"]) + "\n"


FORMATS: dict[str, Callable[[pd.DataFrame, str], str]] = {"tsv": tsv, "markdown": markdown, "latex": latex}


def decimals(frame: pd.DataFrame, missing: str, signed: bool = False) -> pd.DataFrame:
    """Numbers as text with the three decimals of the published tables; ``missing`` stands for NaN."""

    def text(number: float) -> str:
        if isnan(number):
            return missing
        shown = f"{number:+.3f}" if signed else f"{number:.3f}"
        return "0.000" if float(shown) == 0 else shown

    return frame.map(text)


def escape(text: str) -> str:
    """Text as LaTeX source."""
    return _escaped(text, LATEX_ESCAPES)


def markdown_text(text: str) -> str:
    """Text as Markdown source that shows it as it is, in one line, in a table or elsewhere."""
    return EMPHASIS.sub(r"\\_", _escaped(text, MARKDOWN_ESCAPES))


def _escaped(text: str, escapes: Mapping[str, str]) -> str:
    return "".join(escapes.get(character, character) for character in text)


def _heading(frame: pd.DataFrame) -> list[str]:
    groups, names = (frame.columns.get_level_values(level) for level in (0, 1))
    titles = [f"{group}: {name}" if group else name for group, name in zip(groups, names, strict=True)]
    return [str(level) for level in frame.index.names] + titles


def _rows(frame: pd.DataFrame) -> list[list[str]]:
    return [list(row) for row in frame.reset_index().astype(str).itertuples(index=False, name=None)]


def _row_blocks(frame: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """The rows in parts that fit a page, cut where the first index level changes."""
    if len(frame) <= LATEX_ROWS:
        yield frame
        return
    for _, part in frame.groupby(level=0, sort=False):
        yield part


def _column_blocks(frame: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """The columns in parts that fit the text's width; a group is cut only where it alone is wider."""
    labels = _widths(frame.index.to_frame()).sum()
    widths = _widths(frame)
    start = stop = 0
    for _, size in _groups(frame):
        if stop > start and labels + widths[start : stop + size].sum() > LATEX_WIDTH:
            yield frame.iloc[:, start:stop]
            start = stop
        for _ in range(size):
            if stop > start and labels + widths[start : stop + 1].sum() > LATEX_WIDTH:
                yield frame.iloc[:, start:stop]
                start = stop
            stop += 1
    yield frame.iloc[:, start:]


def _widths(frame: pd.DataFrame) -> np.ndarray:
    """Width of each column in points, from a mean letter of \\footnotesize, with the gap between columns."""
    names = frame.columns.get_level_values(-1).str.len().to_numpy()
    cells = [frame.iloc[:, i].str.len().max() for i in range(len(names))]
    return 4.25 * np.maximum(cells, names) + 6.0


def _groups(frame: pd.DataFrame) -> list[tuple[str, int]]:
    """The groups of columns, each with its number of columns."""
    return [(group, len(list(columns))) for group, columns in groupby(frame.columns.get_level_values(0))]


def _tabular(frame: pd.DataFrame) -> str:
    labels = frame.index.nlevels
    groups = [f"\\multicolumn{{{size}}}{{c}}{{{escape(group)}}}" for group, size in _groups(frame)]
    heading = [escape(str(name)) for name in [*frame.index.names, *frame.columns.get_level_values(1)]]
    body = [[SIGN.sub(r"$\1$", escape(cell)) for cell in row] for row in _rows(frame)]
    kinds = r"@{\hskip 10pt}".join(["l" * labels, *("r" * size for _, size in _groups(frame))])
    lines = [f"\\begin{{tabular}}{{{kinds}}}", "\\hline"]
    lines += [" & ".join(row) + r" \\" for row in ([""] * labels + groups, heading)]
    lines += ["\\hline", *(" & ".join(row) + r" \\" for row in body), "\\hline", "\\end{tabular}"]
    return "\n".join(lines)
