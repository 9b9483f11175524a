"""What training together gained, measured by training; and how well the estimates foretold it."""

from collections.abc import Iterable, Mapping
from math import isfinite, nan

import numpy as np
import pandas as pd

from reports.gains import GainsFile, relative_gains
from reports.intervals import LEVEL, Interval, interval
from reports.page.drawings.base import SERIES, Element
from reports.page.drawings.heat_map import around_zero, colour_bar, heat_map
from reports.page.drawings.scatter import Point, scatter
from reports.page.found import Found
from reports.page.sections.base import Block, Details, Figure, Gallery, Heading, Section, Table, Text
from reports.relatedness.summary import Summary
from reports.similarity.summary import PLUS_MINUS

Gains = Mapping[tuple[str, ...], Mapping[str, Interval]]
"""Group of two or more tasks -> task -> what it gained there, in percent."""
INTERVAL = f"gain, {100 * LEVEL:.0f} % interval"
UP, DOWN = "\N{UPWARDS ARROW}", "\N{DOWNWARDS ARROW}"


def gains(found: Found) -> Section | None:
    """The section, where there is a ``gains.json``."""
    file = found.gains
    if file is None:
        return None
    measured = measured_gains(file)
    metrics = ", ".join(
        f"{task}: {file.metric[task]} {UP if file.higher_is_better[task] else DOWN}" for task in file.tasks
    )
    seeds = f"{len(file.seeds)} {'seed' if len(file.seeds) == 1 else 'seeds'}"
    text = (
        "Every number is what a task (row) gained by training with a partner (column), in percent of what it reached "
        f"alone, over {seeds}; above 0 is better. Judged by {metrics} ({UP} more is better, {DOWN} less is better)."
    )
    blocks: list[Block] = [Text(text)]
    blocks += _pairs(file, measured)
    larger = [group for group in measured if len(group) > 2]
    if larger:
        rows = [
            [task, " + ".join(group), text_of(measured[group][task])] for group in larger for task in measured[group]
        ]
        table = Table("Gains in groups of three and more", ["task", "trained together", INTERVAL], rows, words=1)
        blocks.append(Details("Gains in larger groups", [table]))
    blocks += _beside_estimates(found, file, measured)
    return Section("gains", "What training together really gained", blocks)


def measured_gains(file: GainsFile) -> Gains:
    """Every gain with its interval over the seeds, in percent."""
    return {
        tuple(sorted(group, key=file.tasks.index)): {task: interval(100 * values) for task, values in by_task.items()}
        for group, by_task in relative_gains(file).items()
    }


def of_pairs(file: GainsFile, measured: Gains) -> dict[tuple[str, str], Interval]:
    """(helped task, partner) -> gain, for the pairs that were trained."""
    return {
        (task, partner): measured[group][task]
        for group in measured if len(group) == 2
        for task, partner in (group, group[::-1])
    }  # fmt: skip


def text_of(gain: Interval) -> str:
    """A gain with its interval."""
    if not gain.known:
        return f"{gain.mean:+z.1f} %"
    return f"{gain.mean:+z.1f} % ({gain.low:+z.1f} to {gain.high:+z.1f})"


def _pairs(file: GainsFile, measured: Gains) -> list[Block]:
    pairs = of_pairs(file, measured)
    if not pairs:
        return [Text("No pair of tasks was trained together.")]
    size = len(file.tasks)
    values, margins = np.full((size, size), np.nan), np.full((size, size), np.nan)
    for (task, partner), gain in pairs.items():
        cell = file.tasks.index(task), file.tasks.index(partner)
        values[cell], margins[cell] = gain.mean, gain.high - gain.mean
    colours = around_zero(values)
    label = f"Matrix of measured gains of {size} tasks of {file.dataset}; the numbers are in the table below"
    rows = [[task, partner, text_of(gain), _resolved(gain)] for (task, partner), gain in pairs.items()]
    spread = f"; {PLUS_MINUS} is half the {100 * LEVEL:.0f} % interval" if len(file.seeds) > 1 else ""
    drawing = heat_map(file.tasks, file.tasks, values, margins, colours, label, digits=1)
    ends = (f"{colours.low:.1f} %: harm", f"{colours.high:+.1f} %: help")
    table = Table("Gains of pairs", ["helped task", "partner", INTERVAL, "apart from 0"], rows, words=1)
    return [
        Figure(drawing, f"Gain over training alone, in percent{spread}"),
        Figure(colour_bar(colours, ends, "The colours from harm to help")),
        Details("These gains as a table", [table]),
    ]


def _resolved(gain: Interval) -> str:
    if not gain.known:
        return "not known: one seed"
    if not gain.excludes_zero:
        return "not resolved"
    return "help" if gain.mean > 0 else "harm"


def _beside_estimates(found: Found, file: GainsFile, measured: Gains) -> list[Block]:
    pairs = of_pairs(file, measured)
    figures = []
    for summary in found.summaries:
        known = {pair: gain for pair, gain in pairs.items() if set(pair) <= set(summary.values.index)}
        if len(known) > 1 and found.relatedness is not None and found.relatedness.dataset == file.dataset:
            figures.append(Figure(_scatter(summary, known, len(file.tasks) <= SERIES), _agreement(summary, known)))
    if not figures:
        return []
    told = "; colour and shape say which task is helped" if len(file.tasks) <= SERIES else ""
    text = (
        "Each point is a pair: how far to the right, what the estimator says of the partner; how high, what training "
        f"with it gained{told}. An estimator that foretells the gains has, for each helped task, its high points at "
        "the right. Agreement: Spearman's correlation of estimates and gains within each helped task, averaged; 1 is "
        "the same order of partners, 0 none, -1 the reverse. It has an error too, which is not known here."
    )
    return [Heading("Estimates beside measured gains"), Text(text), Gallery(figures)]


def _scatter(summary: Summary, pairs: Mapping[tuple[str, str], Interval], few: bool) -> Element:
    """Of few tasks each is a series, and points have intervals; many would hide one another."""
    points = []
    for (task, partner), gain in pairs.items():
        series, ends = (task, (gain.low, gain.high)) if few else ("all tasks", (nan, nan))
        name = f"{task} with {partner}: {text_of(gain)}"
        points.append(Point(series, _estimate(summary, task, partner), gain.mean, *ends, name))
    across = "floor 0, ceiling 1" if _on_scale(summary, pairs) else "estimate"
    label = f"Estimates of {summary.label} against measured gains of {len(points)} pairs"
    return scatter(points, f"{summary.label}: {across}", "measured gain, %", label)


def _agreement(summary: Summary, pairs: Mapping[tuple[str, str], Interval]) -> str:
    mean, tasks = rank_agreement(summary, pairs)
    if not tasks:
        return f"{summary.label}: too few partners to compare orders"
    return f"{summary.label}: agreement {mean:z.2f} ({tasks} {'task' if tasks == 1 else 'tasks'})"


def rank_agreement(summary: Summary, pairs: Mapping[tuple[str, str], Interval]) -> tuple[float, int]:
    """Spearman's correlation of estimates and gains within each helped task, averaged; and of how many tasks.

    Tasks with fewer than three partners, or to which all are worth the same, are left out.
    """
    found = []
    for task in dict.fromkeys(task for task, _ in pairs):
        rows = [(_estimate(summary, a, b), gain.mean) for (a, b), gain in pairs.items() if a == task]
        known = np.array([row for row in rows if isfinite(sum(row))])
        if len(known) > 2:
            estimates, gained = _ranks(known[:, 0]), _ranks(known[:, 1])
            if np.ptp(estimates) and np.ptp(gained):
                found.append(float(np.corrcoef(estimates, gained)[0, 1]))
    return (float(np.mean(found)) if found else float("nan")), len(found)


def _ranks(values: np.ndarray) -> np.ndarray:
    """Places in order, the mean of them where values are equal."""
    return np.array([(values < value).sum() + ((values == value).sum() - 1) / 2 for value in values])


def _on_scale(summary: Summary, pairs: Iterable[tuple[str, str]]) -> bool:
    return all(isfinite(_cell(summary.scaled, a, b)) for a, b in pairs)


def _estimate(summary: Summary, task: str, partner: str) -> float:
    """On the scale from floor to ceiling where the whole row of the task has one, else as it is."""
    row = summary.scaled.loc[task].drop(task)
    return _cell(summary.scaled if row.notna().all() else summary.values, task, partner)


def _cell(frame: pd.DataFrame, row: str, column: str) -> float:
    return float(frame.to_numpy(float)[list(frame.index).index(row), list(frame.columns).index(column)])
