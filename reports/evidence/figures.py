"""The evidence as a picture: how well each score agrees with the gains, and what it costs."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from reports.evidence.file import MOST_COST, Judgement, Score
from reports.intervals import LEVEL
from reports.similarity.figures import PALETTE, new_figure, save_figure
from reports.wording import counted

BLUE, ORANGE, GREEN = PALETTE[0], PALETTE[1], PALETTE[2]
GREY = "0.55"
INCHES_PER_ROW, PANEL, LABELS, COST = 0.23, 2.7, 3.0, 2.0
FREE = 1e-4
"""Where what takes no pass through a network is drawn on the axis of costs."""


def draw_evidence(judgements: Mapping[str, Judgement], path: Path) -> None:
    """Draw a panel for each data set, a row for each score, those that agree most in the mean over the panels first.

    Dots with their intervals; filled where the interval lies above zero. A band from the reliability of half the seeds
    to that of all of them, and lines for what scores can reach that are the same in both directions. Beside them the
    cost on a logarithmic axis.

    Raises:
        UserError: the file cannot be written.
    """
    labels = _ordered(list(judgements.values()))
    figure = new_figure(LABELS + PANEL * len(judgements) + COST, INCHES_PER_ROW * len(labels) + 2.3)
    panels = figure.subplots(1, len(judgements) + 1, sharey=True, width_ratios=[*[PANEL] * len(judgements), COST])
    for axes, (name, judgement) in zip(panels, judgements.items(), strict=False):
        _draw_panel(axes, name, judgement, labels)
    _draw_cost(panels[-1], list(judgements.values()), labels)
    panels[0].set_yticks(range(len(labels)), labels, fontsize=8.5)
    panels[0].set_ylim(len(labels) - 0.4, -0.6)
    handles = [
        Line2D([], [], color=BLUE, marker="o", label=f"estimator, {100 * LEVEL:.0f} % interval above zero"),
        Line2D([], [], color=BLUE, marker="o", markerfacecolor="white", label="estimator, not above zero"),
        Line2D([], [], color=ORANGE, marker="s", label="baseline made of the measured gains"),
        Patch(color=GREEN, alpha=0.25, label="reliability of the gains: half of the seeds to all"),
        Line2D([], [], color="black", linestyle="--", label="mean of both directions of the gains"),
    ]
    columns = min(3, len(judgements) + 1)  # as wide as the picture allows
    figure.legend(handles=handles, loc="outside lower center", ncols=columns, frameon=False, fontsize=8.5)
    figure.suptitle("Does an estimate put a task's partners in the order of what they bring?", fontsize=11)
    save_figure(figure, path)


def _ordered(judgements: Sequence[Judgement]) -> list[str]:
    """Labels of all scores that tell partners apart."""
    found: dict[str, list[float]] = {}
    for judgement in judgements:
        for score in judgement.scores:
            if score.within.value is not None:
                found.setdefault(score.label, []).append(score.within.value)
    return sorted(found, key=lambda label: -np.mean(found[label]))


def _draw_panel(axes: Axes, name: str, judgement: Judgement, labels: Sequence[str]) -> None:
    reliability = judgement.reliability
    if reliability.half is not None and reliability.full is not None:
        axes.axvspan(reliability.half, reliability.full, color=GREEN, alpha=0.25, linewidth=0)
    if reliability.symmetric is not None:
        axes.axvline(reliability.symmetric, color="black", linestyle="--", linewidth=1)
    axes.axvline(0, color="black", linewidth=1)
    for score in judgement.scores:
        if score.label in labels:
            _draw_score(axes, score, labels.index(score.label))
    axes.set_xlim(-1.05, 1.05)
    axes.grid(axis="y", alpha=0.3)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel("Spearman within a task", fontsize=9)
    axes.set_title(f"{name}\n{counted(len(judgement.seeds), 'seed')}", fontsize=10)


def _draw_score(axes: Axes, score: Score, row: int) -> None:
    spread, colour = score.within, BLUE if score.kind == "estimator" else ORANGE
    if spread.value is None:
        return
    if spread.low is not None and spread.high is not None:
        axes.plot([spread.low, spread.high], [row, row], color=colour, linewidth=1.6)
    filled = spread.above_zero or score.kind == "baseline"
    axes.plot(spread.value, row, color=colour, marker="o" if score.kind == "estimator" else "s", markersize=6,
              markerfacecolor=colour if filled else "white")


def _draw_cost(axes: Axes, judgements: Sequence[Judgement], labels: Sequence[str]) -> None:
    """The dearest of the data sets, where they differ."""
    costs: dict[str, float] = {}
    for score in (score for judgement in judgements for score in judgement.scores):
        cost = 1.0 if score.kind == "baseline" else score.cost
        if cost is not None and score.label in labels:
            costs[score.label] = max(cost, costs.get(score.label, FREE))
    rows = [labels.index(label) for label in costs]
    axes.hlines(rows, FREE, list(costs.values()), color=GREY, linewidth=1.5)
    axes.plot(list(costs.values()), rows, "o", color=GREY, markersize=5)
    axes.axvline(MOST_COST, color=ORANGE, linestyle=":", linewidth=1.5)
    axes.set_xscale("log")
    axes.set_xlim(FREE * 0.6, 1.8)
    axes.set_xticks([FREE, 0.001, 0.01, MOST_COST, 1], ["none", "0.1", "1", "5", "100"], fontsize=8.5)
    axes.minorticks_off()
    axes.grid(axis="y", alpha=0.3)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel("% of the gains' passes", fontsize=9)
    axes.set_title("cost", fontsize=10)
