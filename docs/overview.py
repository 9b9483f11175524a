"""Draws Figs/overview.png, how relatedness is estimated and judged: python docs/overview.py"""

from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Rectangle

# Okabe and Ito's colours, which those who see few colours can tell apart.
TASKS = {"segmentation": "#0072B2", "normals": "#D55E00", "depth": "#009E73"}
GREY, INK, PAPER = "#B8BEC6", "#20242A", "#F4F5F7"
OUT = Path(__file__).parent.parent / "Figs" / "overview.png"


def main() -> None:
    figure, axes = plt.subplots(figsize=(15.5, 6.7), dpi=85)
    axes.set(xlim=(0, 120), ylim=(0, 52))
    axes.axis("off")
    for left, width, title in ((1, 37, "1  What a task asks of shared weights"),
                               (41, 37, "2  How alike two tasks are"),
                               (81, 38, "3  Who trains together")):  # fmt: skip
        axes.add_patch(FancyBboxPatch((left, 1), width, 46, boxstyle="round,pad=0.4", fc=PAPER, ec="none"))
        axes.text(left + 0.5, 49.2, title, fontsize=12.5, weight="bold", color=INK)
    draw_network(axes)
    draw_scale(axes)
    draw_groups(axes)
    for x in (38.4, 78.4):
        arrow(axes, (x, 24), (x + 2.4, 24))
    figure.savefig(OUT, bbox_inches="tight", pad_inches=0.08)


def draw_network(axes: Axes) -> None:
    """One backbone, a head for each task, and which weights each task leans on."""
    axes.add_patch(Rectangle((3, 35), 7, 7, fc="white", ec=INK))
    axes.text(6.5, 38.5, "image", ha="center", va="center", fontsize=10)
    axes.add_patch(Rectangle((13, 33.5), 10, 10, fc=GREY, ec=INK))
    axes.text(18, 38.5, "shared\nbackbone", ha="center", va="center", fontsize=10)
    arrow(axes, (10.3, 38.5), (12.7, 38.5))
    for row, (task, colour) in enumerate(TASKS.items()):
        y = 42.5 - 4 * row
        arrow(axes, (23.3, 38.5), (26.3, y))
        axes.add_patch(Rectangle((26.5, y - 1.5), 10.5, 3, fc=colour, ec="none"))
        axes.text(31.75, y, task, ha="center", va="center", fontsize=9.5, color="white", weight="bold")
    axes.text(3, 29.2, "each task's gradient in the shared weights:", fontsize=9.5, color=INK)
    rng = np.random.default_rng(3)
    common = rng.random(16)
    for row, (task, colour) in enumerate(TASKS.items()):
        y = 21.5 - 7 * row
        heights = 0.6 * common + 0.4 * rng.random(16)
        kept = heights >= np.sort(heights)[-5]
        for index, (height, keep) in enumerate(zip(heights, kept, strict=True)):
            fill = colour if keep else GREY
            axes.add_patch(Rectangle((3 + 1.5 * index, y), 1.2, 5 * height, fc=fill, ec="none"))
        axes.text(27.5, y + 1.6, task, fontsize=9.5, color=colour, weight="bold")
    axes.text(3, 4.6, "heaviest |w · dL/dw|: dominant subnetwork", fontsize=9.5, color=INK)
    axes.text(3, 2.3, "signed, after a warm-up: where a step goes", fontsize=9.5, color=INK)


def draw_scale(axes: Axes) -> None:
    """Estimates of one task's partners between what an unrelated partner gets and what a copy gets."""
    left, right, floor, ceiling = 53.0, 77.0, 56.0, 74.0
    axes.text(43, 42.6, "how much is depth helped by ...", fontsize=10.5, color=TASKS["depth"], weight="bold")
    axes.plot([left, right], [14, 14], color=INK, lw=1)
    for x, text in ((floor, "floor"), (ceiling, "ceiling")):
        axes.plot([x, x], [14, 39], color=INK, lw=1.2, ls=(0, (4, 3)))
        axes.text(x, 11.3, text, ha="center", fontsize=10, weight="bold", color=INK)
    rows = (
        (35, "its twin", ceiling, 1.0, INK),
        (29, "normals", 67.0, 1.8, TASKS["normals"]),
        (23, "segmentation", 59.5, 1.6, TASKS["segmentation"]),
        (17, "other labels", floor, 1.0, INK),
    )
    for y, name, x, reach, colour in rows:
        axes.plot([x - reach, x + reach], [y, y], color=colour, lw=3, solid_capstyle="round")
        axes.plot([x], [y], "o", color=colour, ms=8)
        axes.text(left - 0.6, y, name, ha="right", va="center", fontsize=9.5, color=colour)
    lines = ("floor: partners with the labels of other pictures;", "ceiling: the same labels under another name;",
             "intervals: over networks and batches")  # fmt: skip
    for row, line in enumerate(lines):
        axes.text(43, 8 - 2.6 * row, line, fontsize=9.5, color=INK)


def draw_groups(axes: Axes) -> None:
    """Two networks under a budget, and the gains that they are checked against."""
    axes.text(83, 42.6, "best groups for two networks", fontsize=10.5, color=INK, weight="bold")
    for y, members in ((33.5, ("depth", "normals")), (24.5, ("segmentation",))):
        axes.add_patch(Rectangle((84, y), 9, 6.5, fc=GREY, ec=INK))
        axes.text(88.5, y + 3.25, "backbone", ha="center", va="center", fontsize=9.5)
        for row, task in enumerate(members):
            height = y + (3.25 if len(members) == 1 else 4.9 - 3.4 * row)
            arrow(axes, (93.3, y + 3.25), (96.3, height))
            axes.add_patch(Rectangle((96.5, height - 1.4), 11.5, 2.8, fc=TASKS[task], ec="none"))
            axes.text(102.25, height, task, ha="center", va="center", fontsize=9.5, color="white", weight="bold")
    axes.text(83, 19.5, "checked against measured gains (a sketch):", fontsize=9.5, color=INK)
    axes.plot([86, 86, 116], [17.5, 6.5, 6.5], color=INK, lw=1)
    rng = np.random.default_rng(5)
    for index in range(12):
        x = rng.uniform(88, 114)
        y = 7.5 + 8 * np.clip((x - 88) / 26 + rng.normal(0, 0.2), 0, 1.1)
        axes.plot([x], [y], "o", ms=6, color=list(TASKS.values())[index % 3])
    axes.text(101, 3.6, "estimate", ha="center", fontsize=9.5, color=INK)
    axes.text(84.4, 12, "gain", ha="center", va="center", rotation=90, fontsize=9.5, color=INK)


def arrow(axes: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    """A thin arrow."""
    axes.add_patch(FancyArrowPatch(start, end, arrowstyle="-|>", mutation_scale=11, lw=1.2, color=INK))


if __name__ == "__main__":
    main()
