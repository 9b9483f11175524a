"""Which tasks should share a network, and what else there was to choose from."""

from math import nan

from reports.groups.file import GAINS, GroupsFile, TrainedGroup
from reports.groups.text import (
    RANDOM,
    alternatives,
    amount,
    measured,
    nothing_known,
    number,
    predicted,
    runner_up_lines,
    scale,
    stability_lines,
    support_lines,
    verdict,
)
from reports.page.drawings.bars import Bar, bar_chart
from reports.page.drawings.base import SERIES, Element
from reports.page.drawings.dots import Dot, Line, dot_plot
from reports.page.found import Found
from reports.page.sections.base import Block, Cards, Details, Figure, Gallery, Points, Section, Table, Text

FILE_OF_GAINS, FILE_OF_ESTIMATES = "gains.json", "relatedness.json"


def groups(found: Found) -> Section | None:
    """The section, where there is a ``groups.json``."""
    file = found.groups
    if file is None:
        return None
    kind = (
        "a task may be trained in a further network too, to help others there"
        if file.cover
        else "each task in one network"
    )
    best = "Best" if file.evidence.beyond_chance else "Best by these numbers"
    lead = f"{best}, worth {number(file, file.value)} in the mean over the tasks:"
    if nothing_known(file):
        lead = "All groupings count the same; the cheapest is"
    blocks: list[Block] = [
        Text(verdict(file), matters=True),
        Text(f"By {scale(file)}. Budget: {amount(file.budget, file.by)}; {kind}. {lead}"),
        Cards([_card(file, place, group) for place, group in enumerate(file.groups, start=1)]),
    ]
    blocks += _remarks(found, file)
    if not nothing_known(file):
        figures = [
            Figure(_worth(file), "What its network is worth to each task (each network has its colour and mark)"),
            Figure(_others(file), "Beside other groupings, mean over the tasks"),
        ]
        blocks += [Gallery(figures), Points([*runner_up_lines(file), *stability_lines(file)])]
        blocks.append(Details("What it is worth to each task, as a table", [_table(file)]))
    if file.branches:
        rows = [
            ["+".join(branch.tasks), branch.after or "nowhere, it never falls", branch.source]
            for branch in file.branches
        ]
        blocks.append(
            Table("Where the tasks of a group should part", ["group", "after the layer", "by"], rows, words=2)
        )
    return Section("groups", "Which tasks should share a network", blocks)


def _card(file: GroupsFile, place: int, group: TrainedGroup) -> tuple[str, list[str]]:
    lines = [f"{task}: {number(file, value)}" for task, value in group.values.items()]
    if nothing_known(file):
        lines = list(group.serves)
    lines += [f"{task} (only helps)" for task in group.tasks if task not in group.serves]
    return f"Network {place}" + (", alone" if len(group.tasks) == 1 else ""), lines


def _remarks(found: Found, file: GroupsFile) -> list[Block]:
    notes = [line.strip() for line in support_lines(file)]
    if 0 < len(file.blind) < len(file.tasks):
        notes.append(f"For {', '.join(file.blind)} it cannot tell a twin from noise, so that any partner counts as 0.")
    if predicted(file):
        notes.append(
            "Worth what its pairs are worth on average: "
            + ", ".join(group.label for group in file.groups if group.predicted)
            + "; never measured as a group of this size."
        )
    name = FILE_OF_GAINS if file.source == GAINS else FILE_OF_ESTIMATES
    made_from = (file.identity or {}).get("values")
    if made_from and name in found.hashes and found.hashes[name] != made_from:
        notes.append(
            f"These groups come from another version of {name} than the one shown here; run group_tasks.py again."
        )
    return [Points(notes)] if notes else []


def _worth(file: GroupsFile) -> Element:
    dots, factor = [], 100.0 if measured(file) else 1.0
    for column, group in enumerate(file.groups):
        for task, value in group.values.items():
            low, high = group.intervals.get(task) or (nan, nan)
            ends, kind = (factor * low, factor * high), column % SERIES
            dots.append(Dot(task, factor * value, *ends, text=number(file, value), kind=kind))
    lines = [Line("training alone", 0.0)] if measured(file) else [Line("floor", 0.0), Line("twin", 1.0)]
    return dot_plot(dots, lines, "What the network that serves a task is worth to it")


def _others(file: GroupsFile) -> Element:
    bars = []
    for place, (name, value, remark) in enumerate(alternatives(file)):
        short = remark and name != RANDOM  # that of random groupings has no room
        text = f"{number(file, value)} ({remark})" if short else number(file, value)
        bars.append(Bar(name, nan if value is None else value, text, chosen=place == 0))
    return bar_chart(bars, "Mean value over the tasks of the best grouping and of others")


def _table(file: GroupsFile) -> Table:
    rows = []
    for place, group in enumerate(file.groups, start=1):
        for task, value in group.values.items():
            ends = group.intervals.get(task)
            known = f"{number(file, ends[0])} to {number(file, ends[1])}" if ends else "not known"
            rows.append([task, str(place), ", ".join(group.tasks), number(file, value), known])
    level = f"{100 * file.evidence.level:.0f} % interval"
    return Table(
        "What the network that serves each task is worth to it",
        ["task", "network", "trained together", "worth", level],
        rows,
        words=2,
    )
