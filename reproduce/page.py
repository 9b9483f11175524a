"""``tables.md`` from the sections of ``tables.json``: ours beside the published numbers and the difference."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from reports.tables import markdown
from reproduce.claim import MEASURE, SPARSITY, WEIGHTING
from reproduce.published import TABLES
from reproduce.sections import ALONE, Section

UP, DOWN = "\N{UPWARDS ARROW}", "\N{DOWNWARDS ARROW}"
PARTS = ("ours", "published", "difference")
UNPUBLISHED, UNDEFINED = "n/a", "undefined"
SOURCES = {
    "similarity": "the Meta-Sparse report; 50 batches, 4 seeds",
    "cotraining": "the Meta-Sparse report's appendix; one run each",
    "sparsity": "Sun et al., DiSparse (CVPR 2022), at 90 %",
}
NOTHING = "No run is finished yet.\n"


def page(dataset: str, sections: Mapping[str, Section]) -> str:
    """The whole page, with the sections in a fixed order."""
    texts = {"similarity": _similarity, "cotraining": _cotraining, "sparsity": _sparsity}
    shown = [texts[name](sections[name]) for name in TABLES if name in sections]
    return "\n".join([f"# Tables of {dataset}\n", *shown])


def _similarity(section: Section) -> str:
    rows = section["rows"]
    published = any(entry["published"] is not None for row in rows for entry in row["values"].values())
    labels = {name: [row[name] for row in rows] for name in ("weighting", "metric", "sparsities")}
    columns: dict[tuple[str, str], list[str]] = {}
    for pair in rows[0]["values"]:
        for part in _parts(published):
            name = (pair, part) if published else ("", pair)
            columns[name] = [_number(row["values"][pair], part, 3) for row in rows]
    if published:
        words = {True: "agrees", False: "differs", None: UNDEFINED}
        columns["", "order"] = [words[row["order_agrees"]] for row in rows]
    counts = f"Mean over {section['seeds']} seed(s), {section['batches']} batches each."
    head = _head("similarity", "Similarity at initialisation", section, published)
    return "\n".join([head, _table(labels, columns), f"{counts} {section['note']}".strip() + "\n"])


def _cotraining(section: Section) -> str:
    published = _any_published(section)
    head = _head("cotraining", "Co-training: each task alone and with each partner", section, published)
    likeness = f"Similarity at initialisation: {MEASURE}, layers weighted {WEIGHTING}, at {SPARSITY} %.\n"
    texts = [head, likeness] if section["rows"] else [head, NOTHING]
    for task, columns in section["columns"].items():
        rows = [row for row in section["rows"] if row["task"] == task]
        labels = {
            task: [row["partner"] if row["partner"] == ALONE else f"with {row['partner']}" for row in rows],
            "similarity": ["" if row["similarity"] is None else f"{row['similarity']:.3f}" for row in rows],
        }
        if rows:
            texts += [f"### {task}\n", _results(rows, labels, {task: columns}, published)]
    texts += _claim("", section["claim"])
    if published:
        texts += _claim(" In the published numbers:", section["published_claim"])
    return "\n".join(texts)


def _sparsity(section: Section) -> str:
    rows, published = section["rows"], _any_published(section)
    labels = {
        "method": [row["method"] for row in rows],
        "sparsity": ["" if row["ratio"] is None else f"{row['ratio']} %" for row in rows],
        "measured": [f"{row['sparsity']:.2f} %" for row in rows],
    }
    head = _head("sparsity", "Sparse networks", section, published)
    return "\n".join([head, _results(rows, labels, section["columns"], published) if rows else NOTHING])


def _head(table: str, title: str, section: Section, published: bool) -> str:
    """Heading, settings, source, and what is missing."""
    lines = [f"## {title}\n", _settings(section["settings"], published)]
    if published:
        lines.append(f"Published: {SOURCES[table]}. {UNPUBLISHED}: not published.\n")
    if table != "similarity":
        lines.append(f"{UP} more is better, {DOWN} less is better.\n")
        missing = section["planned"] - section["finished"]
        if missing:
            lines.append(f"{missing} of {section['planned']} runs are not finished and not in the table.\n")
    return "\n".join(lines)


def _settings(settings: Mapping[str, Any], published: bool) -> str:
    """One line: what the runs were made with, and what was asked for beside the published settings."""
    basis = [f"tasks {', '.join(settings['tasks'])}", f"seed {settings['seed']}", settings["precision"]]
    basis += [f"{text} (as published)" for text in settings["paper_set"]]
    iterations = settings["max_iters"]
    own = settings["set"][len(settings["paper_set"]) :]
    own = [*([] if iterations is None else [f"--max_iters {iterations}"]), *(f"--set {text}" for text in own)]
    line = f"Settings: {'; '.join(basis)}."
    if own:
        line += f" Changed by flags: {' '.join(own)}"
        line += "; so the differences are not those of a reproduction." if published else "."
    return line + "\n"


def _claim(where: str, claim: Mapping[str, Any]) -> list[str]:
    """How often the more similar partner was the better one; nothing where there is nothing to compare."""
    if not claim["comparisons"]:
        return []
    mark = {True: "yes", False: "no", None: "undecided"}
    each = ", ".join(
        f"{entry['task']} rather with {entry['near']} than with {entry['far']}: {mark[entry['agrees']]}"
        for entry in claim["comparisons"]
    )
    text = (
        f"**Does similarity predict the better partner?**{where} In {claim['agree']} of {claim['judged']} comparisons "
        f"of two partners of a task, the more similar one gave the better result "
        f"({', '.join(f'{task}: {metric}' for task, metric in claim['metrics'].items())})"
    )
    text += f"; {claim['undecided']} more cannot be judged." if claim["undecided"] else "."
    text += " Chance alone gives about half. Each number is one training run, so its spread is not known."
    return [f"{text} In detail: {each}.\n"]


def _results(
    rows: Sequence[Mapping[str, Any]],
    labels: Mapping[str, list[str]],
    columns: Mapping[str, list[dict[str, Any]]],
    published: bool,
) -> str:
    """Metrics of the tasks; for each row one line of text, or three where numbers are published."""
    parts = _parts(published)
    index = {
        name: [text if part == PARTS[0] else "" for text in texts for part in parts] for name, texts in labels.items()
    }
    if published:
        index[""] = [part for _ in rows for part in parts]
    cells = {}
    for task, metrics in columns.items():
        for column in metrics:
            unit = " %" if column["scale"] == 100 else ""
            title = f"{column['metric']}{unit} {UP if column['higher_is_better'] else DOWN}"
            cells[task if len(columns) > 1 else "", title] = [
                _number(row["values"][task][column["metric"]], part, column["decimals"])
                for row in rows
                for part in parts
            ]
    return _table(index, cells)


def _table(labels: Mapping[str, list[str]], columns: Mapping[tuple[str, str], list[str]]) -> str:
    index = pd.MultiIndex.from_arrays(list(labels.values()), names=list(labels))
    return markdown(pd.DataFrame(dict(columns), index=index))


def _number(entry: Mapping[str, float | None], part: str, decimals: int | None) -> str:
    value = entry[part]
    if value is None:
        return UNPUBLISHED if part != PARTS[0] and entry["published"] is None else UNDEFINED
    text = f"{value:.4g}" if decimals is None else f"{value:.{decimals}f}"
    if part == "difference":
        text = f"{value:+.4g}" if decimals is None else f"{value:+.{decimals}f}"
    return text.lstrip("+-") if float(text) == 0 else text


def _parts(published: bool) -> Iterable[str]:
    return PARTS if published else PARTS[:1]


def _any_published(section: Section) -> bool:
    tasks = (values for row in section["rows"] for values in row["values"].values())
    return any(entry["published"] is not None for metrics in tasks for entry in metrics.values())
