"""The picture of a grouping: which tasks train together, what that is worth to each, and what else there was."""

import textwrap
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from reports.groups.file import GroupsFile
from reports.groups.text import RANDOM, alternatives, amount, measured, number, scale, stability_lines, verdict
from reports.similarity.figures import MARKERS, PALETTE, new_figure, save_figure

INCHES_PER_TASK, INCHES_PER_NETWORK = 0.36, 0.42
GREY = "0.55"
COLOURS = PALETTE[:-1]
LONGEST = 26
"""Longer names are cut in the picture."""


def draw_groups(file: GroupsFile, path: Path) -> None:
    """Draw a grouping as a PNG.

    Raises:
        UserError: the file cannot be written.
    """
    tasks = [task for group in file.groups for task in group.serves]
    left = max(2.4, INCHES_PER_NETWORK * len(file.groups)) + 0.075 * min(LONGEST, max(map(len, tasks)))
    figure = new_figure(left + 9.0, max(4.2, INCHES_PER_TASK * len(tasks) + 2.2))
    networks, worth, others = figure.subplots(1, 3, width_ratios=[left, 4.6, 4.4])
    _draw_networks(figure, networks, file, tasks)
    _draw_worth(worth, file, tasks)
    _draw_alternatives(others, file)
    _write_title(figure, file)
    save_figure(figure, path)


def _draw_networks(figure: Figure, axes: Axes, file: GroupsFile, tasks: list[str]) -> None:
    """One column for each network, one row for each task; the rows of a network's tasks are joined by a line."""
    for column, group in enumerate(file.groups):
        colour, rows = _colour(column), [tasks.index(task) for task in group.tasks]
        axes.plot([column, column], [min(rows), max(rows)], color=colour, linewidth=2.5, alpha=0.5)
        for task, row in zip(group.tasks, rows, strict=True):
            served = task in group.serves
            axes.plot(column, row, marker=_marker(column), markersize=10, color=colour, markeredgewidth=1.6,
                      markerfacecolor=colour if served else "white")
    axes.set_xticks(range(len(file.groups)), [f"{index + 1}" for index in range(len(file.groups))])
    axes.set_xlim(-0.6, len(file.groups) - 0.4)
    axes.set_xlabel("network")
    _label_tasks(axes, tasks)
    axes.set_title("Trained together", fontsize=10)
    if any(len(group.serves) < len(group.tasks) for group in file.groups):
        faces = {"used for the task": GREY, "the task only helps": "white"}
        kinds = [Line2D([], [], label=label, color=GREY, marker="o", linestyle="none", markersize=8,
                        markerfacecolor=face) for label, face in faces.items()]
        figure.legend(handles=kinds, loc="outside lower left", ncols=2, frameon=False, fontsize=8)


def _draw_worth(axes: Axes, file: GroupsFile, tasks: list[str]) -> None:
    """What the network that serves a task is worth to it, with its interval."""
    axes.axvline(0, color="black", linewidth=1)
    if not measured(file):
        axes.axvline(1, color=GREY, linewidth=1, linestyle="--")
    for column, group in enumerate(file.groups):
        for task, value in group.values.items():
            row, ends, colour = tasks.index(task), group.intervals.get(task), _colour(column)
            if ends is not None:
                axes.plot([_factor(file) * end for end in ends], [row, row], color=colour, linewidth=1.6)
            axes.plot(_factor(file) * value, row, marker=_marker(column), color=colour, markersize=7)
            axes.annotate(number(file, value), (_factor(file) * value, row), xytext=(0, 6), textcoords="offset points",
                          ha="center", fontsize=7.5, color="0.2",
                          bbox={"boxstyle": "square,pad=0", "facecolor": "white", "linewidth": 0, "alpha": 0.8})
    axes.margins(x=0.12)
    _label_tasks(axes, tasks)
    axes.tick_params(labelleft=False)
    axes.grid(axis="x", alpha=0.3)
    from_estimator = "0: floor, as good as alone; 1: ceiling, a twin"
    axes.set_xlabel("gain over training alone [%]" if measured(file) else from_estimator)
    bars = f", {100 * file.evidence.level:.0f} % intervals" if file.evidence.tested else ""
    axes.set_title(f"What that is worth to each task{bars}", fontsize=10)


def _draw_alternatives(axes: Axes, file: GroupsFile) -> None:
    """Mean value over the tasks of the best grouping and of others."""
    rows = alternatives(file)
    values = [_factor(file) * (value or 0.0) for _, value, _ in rows]
    axes.barh(range(len(rows)), values, color=[COLOURS[0], *["0.75"] * (len(rows) - 1)], height=0.5)
    for row, (name, value, remark) in enumerate(rows):
        text = f"{number(file, value)}" + (f"  ({remark})" if remark and name != RANDOM else "")
        axes.annotate(text, (max(values[row], 0.0), row), xytext=(4, 0), textcoords="offset points", va="center",
                      fontsize=8)
    low, high = min(0.0, *values), max(0.0, *values)
    span = (high - low) or 1.0
    axes.set_xlim(low - 0.05 * span, high + 1.3 * span)
    axes.axvline(0, color="black", linewidth=1)
    axes.set_yticks(range(len(rows)), [name for name, _, _ in rows])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", alpha=0.3)
    axes.set_axisbelow(True)
    axes.set_xlabel("mean over the tasks" + (" [%]" if measured(file) else ""))
    axes.set_title("Beside other groupings", fontsize=10)


def _write_title(figure: Figure, file: GroupsFile) -> None:
    kind = "cover" if file.cover else "partition"
    lines = [f"{file.dataset}: groups by {scale(file)}; {kind}, budget {amount(file.budget, file.by)}", verdict(file)]
    lines += stability_lines(file)
    columns = int(13 * figure.get_figwidth())
    figure.suptitle("\n".join(part for line in lines for part in textwrap.wrap(line, columns)), fontsize=10, x=0.02,
                    ha="left")


def _label_tasks(axes: Axes, tasks: list[str]) -> None:
    names = [task if len(task) <= LONGEST else task[: LONGEST - 1] + "\N{HORIZONTAL ELLIPSIS}" for task in tasks]
    axes.set_yticks(range(len(tasks)), names)
    axes.set_ylim(len(tasks) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="y", alpha=0.3)


def _factor(file: GroupsFile) -> float:
    """Gains are drawn in percent."""
    return 100.0 if measured(file) else 1.0


def _colour(column: int) -> str:
    return COLOURS[column % len(COLOURS)]


def _marker(column: int) -> str:
    return MARKERS[column % len(MARKERS)]
