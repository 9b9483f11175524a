"""What it all cost, and what it was made with."""

import json
from collections.abc import Mapping
from math import isfinite
from typing import Any

from reports.costs import duration
from reports.page.found import Found
from reports.page.sections.base import Block, Details, Points, Section, Table, Text

NOT_SHOWN = {"command", "seconds", "versions"}


def cost(found: Found) -> Section | None:
    """Seconds, passes and memory, where the files say them."""
    blocks: list[Block] = []
    if found.relatedness is not None:
        rows = [
            [label, duration(result.cost.seconds), str(result.cost.forward_passes), str(result.cost.backward_passes),
             f"{result.cost.peak_memory_mb / 1024:.1f} GiB"]
            for label, result in found.relatedness.estimators.items() if result.cost is not None
        ]  # fmt: skip
        if rows:
            caption = "Estimators; what several share is counted for each of them"
            columns = ["estimator", "time", "passes forwards", "backwards", "memory up to"]
            blocks.append(Table(caption, columns, rows))
    rows = [_stages(name, made) for name, made in _provenances(found).items()]
    if rows:
        blocks.append(Table("Runs of the scripts", ["that wrote", "stages", "peak memory"], rows, words=1))
    return Section("cost", "What it cost", blocks) if blocks else None


def provenance(found: Found) -> Section | None:
    """Command, versions, device and settings of every file."""
    blocks: list[Block] = [Text(text, matters=True) for text in found.unusable]
    for name, made in _provenances(found).items():
        config = getattr(found.files[name], "config", None)
        parts: list[Block] = [Table(name, ["what", "value"], _made(made), words=1)]
        if config:
            parts.append(Details("All settings", [Points([f"{key}: {_text(value)}" for key, value in config.items()])]))
        blocks.append(Details(f"{name}: {_command(made)}", parts))
    return Section("provenance", "Where the numbers come from", blocks) if blocks else None


def _provenances(found: Found) -> dict[str, Mapping[str, Any]]:
    """What every file says of how it was made, where it says something."""
    made = {name: getattr(file, "provenance", None) for name, file in found.files.items()}
    return {name: entry for name, entry in made.items() if entry}


def _stages(name: str, made: Mapping[str, Any]) -> list[str]:
    seconds, memory = made.get("seconds"), _finite(made.get("peak_memory_mb"))
    stages = seconds.items() if isinstance(seconds, dict) else ()
    texts = [f"{stage} {duration(time)}" for stage, value in stages if (time := _finite(value)) is not None]
    return [name, ", ".join(texts) or "not known", "not known" if memory is None else f"{memory / 1024:.1f} GiB"]


def _made(made: Mapping[str, Any]) -> list[list[str]]:
    rows = [["command", _command(made)]]
    versions = made.get("versions")
    if isinstance(versions, dict):
        rows.append(["versions", ", ".join(f"{name} {version}" for name, version in versions.items())])
    return rows + [
        [key.replace("_", " "), _text(value)]
        for key, value in made.items()
        if key not in NOT_SHOWN and value is not None
    ]


def _command(made: Mapping[str, Any]) -> str:
    words = made.get("command")
    return " ".join(map(str, words)) if isinstance(words, list) else "command not known"


def _finite(value: Any) -> float | None:
    """A number of a file that is read as it is; None for all else."""
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if isfinite(number) else None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
