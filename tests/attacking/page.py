"""What an attack found, as a page in Markdown and as a file that a later attack is compared with."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from configs.paths import write_text
from reports.tables import markdown, markdown_text

UNMEASURED = "not measured"
INTRODUCTION = """# Robustness

This page is written by

    {command}

A case holds if it ends with status 0, or with 2 and one line on standard error (after Ctrl-C: 130 and one line), in
time, without a traceback; if all that is left is whole and nothing of before is lost; and, where work was cut off and
went on, if results are bit for bit those of work that nobody disturbed. Other seeds (`--seed`) are other cases.
"""
BEFORE = """
"Before" is commit {revision}, whose scripts were attacked with as many of the same cases as the cell says
(`--checkout`). Classes that hand wrong input to functions need the functions of this version; there the cell says so.
"""


@dataclass(frozen=True)
class Row:
    """A class of cases: how many were tried, and how often each fault was found."""

    kind: str
    what: str
    tried: int
    faults: Counter[str]

    @property
    def held(self) -> int:
        return self.tried - self.faults.total()


def write_results(path: Path, rows: Sequence[Row], revision: str) -> None:
    """Keep what was found, for ``page`` of a later attack."""
    counts = {row.kind: [row.held, row.tried] for row in rows}
    write_text(path, json.dumps({"revision": revision, "held": counts}, indent=1) + "\n")


def page(rows: Sequence[Row], command: str, before: Path | None) -> str:
    """The table: class, tried, held before, held after.

    Args:
        command: that made it.
        before: what ``write_results`` wrote of an earlier version; None leaves its column out.
    """
    earlier = json.loads(before.read_text(encoding="utf-8")) if before is not None else {"held": {}}
    columns = {("", "tried"): [f"{row.tried}" for row in rows]}
    if before is not None:
        columns["", "held before"] = [_share(earlier["held"], row) for row in rows]
    columns["", "held" if before is None else "held after"] = [f"{row.held}" for row in rows]
    index = pd.MultiIndex.from_arrays([[row.kind for row in rows], [row.what for row in rows]], names=["class", "what"])
    text = INTRODUCTION.format(command=command)
    text += BEFORE.format(revision=earlier["revision"]) if before is not None else ""
    text += f"\n{markdown(pd.DataFrame(columns, index=index))}"
    faults = [f"{row.kind}: {n} x {fault}" for row in rows for fault, n in row.faults.most_common()]
    return text + "".join(f"\n- {markdown_text(fault)}" for fault in faults) + "\n" * bool(faults)


def _share(held: Mapping[str, Sequence[int]], row: Row) -> str:
    return f"{held[row.kind][0]} of {held[row.kind][1]}" if row.kind in held else UNMEASURED
