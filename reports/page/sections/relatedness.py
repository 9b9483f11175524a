"""What the estimators say: matrices from floor to ceiling, and for each helped task its partners in order."""

from dataclasses import replace

import numpy as np

from reports.intervals import LEVEL, interval
from reports.page.drawings.base import Element
from reports.page.drawings.dots import Dot, Line, dot_plot
from reports.page.drawings.heat_map import Colours, colour_bar, heat_map
from reports.page.found import Found
from reports.page.sections.base import Block, Details, Figure, Gallery, Heading, Points, Section, Table, Text
from reports.relatedness.file import EstimatorResult, RelatednessFile, array
from reports.relatedness.settling import settling_text
from reports.relatedness.summary import Ranked, Summary
from reports.relatedness.text import LOOKED_AT, recommendation_text, verdict_text
from reports.similarity.summary import PLUS_MINUS

SCALE = Colours(0.0, 1.0)
WIDE = 7
"""Matrices of more tasks stand below one another."""
MOST_PARTNERS = 10
"""Of more partners, the most helpful ones are drawn."""

READING = (
    "Each row is a task that is helped, each column a partner that it is trained with. The colour says where the "
    "partner lies between the floor, 0, which a partner reaches whose targets belong to other pictures, and the "
    "ceiling, 1, which an exact copy (a twin) of the task reaches. Numbers on grey are as the estimator gave them: "
    "there it has no such scale."
)
DOTS = (
    "Dot: the estimate, with its {level} interval. Short upright stroke: the floor of that partner. Dashed line: the "
    "ceiling. In brackets: the place between the two. \N{ALMOST EQUAL TO} between two rows: their order is not "
    "resolved, it may be the other way round."
)


def relatedness(found: Found) -> Section | None:
    """The section, where there is a ``relatedness.json``."""
    file = found.relatedness
    if file is None:
        return None
    head, *lines = recommendation_text(found.summaries).splitlines()
    blocks: list[Block] = [Text(head, matters=True)]
    blocks += [Points([line.strip() for line in lines])] if lines else []
    blocks.append(Text(READING))
    if any(summary.scaled.notna().to_numpy().any() for summary in found.summaries):
        blocks.append(
            Figure(colour_bar(SCALE, ("0: floor, noise", "1: ceiling, a copy"), "The colours from floor to ceiling"))
        )
    wide = len(file.tasks) > WIDE
    matrices = [Figure(_matrix(summary, file), summary.label) for summary in found.summaries]
    blocks += matrices if wide else [Gallery(matrices)]
    if file.replicates > 1:
        blocks.append(Text(f"{PLUS_MINUS} is half the {100 * LEVEL:.0f} % interval over {file.replicates} replicates."))
    blocks.append(Details("These numbers as tables", [_table(summary) for summary in found.summaries]))
    blocks += [Heading("Partners of each task, most helpful first"), Text(DOTS.format(level=f"{100 * LEVEL:.0f} %"))]
    # All of them, one after the other, would be pages: one that means something is shown at once.
    first = next((summary for summary in found.summaries if summary.is_believed), found.summaries[0])
    blocks += _of_estimator(first, file)
    blocks += [
        Details(f"By {summary.label}: {_short(summary)}", _of_estimator(summary, file))
        for summary in found.summaries if summary is not first
    ]  # fmt: skip
    blocks += [Text(f"{label} is left out: {reason}") for label, reason in file.left_out.items()]
    if file.settling is not None:
        blocks.append(Text(settling_text(file.settling)))
    return Section("relatedness", "Which tasks help which", blocks)


def _matrix(summary: Summary, file: RelatednessFile) -> Element:
    tasks = list(summary.values.index)
    scaled = summary.scaled.to_numpy(float)
    on_scale = np.isfinite(scaled)
    values = np.where(on_scale, scaled, summary.values.to_numpy(float))
    margins = np.where(on_scale, summary.scaled_margins.to_numpy(float), summary.margins.to_numpy(float))
    label = f"Matrix of {summary.label} for {len(tasks)} tasks of {file.dataset}; the numbers are in the tables below"
    return heat_map(tasks, tasks, values, margins, SCALE, label, coloured=on_scale)


def _table(summary: Summary) -> Table:
    tasks = list(map(str, summary.values.index))
    values, margins = summary.values.to_numpy(float), summary.margins.to_numpy(float)
    scaled = summary.scaled.to_numpy(float)
    rows = []
    for a, task in enumerate(tasks):
        cells = ["" if a == b else _cell(values[a, b], margins[a, b], scaled[a, b]) for b in range(len(tasks))]
        ends = [
            _cell(*frame.loc[task]) if frame is not None else "not known" for frame in (summary.floor, summary.ceiling)
        ]
        rows.append([task, *cells, *ends])
    return Table(
        f"{summary.label}: estimates as they are (in brackets: from floor, 0 %, to ceiling, 100 %)",
        ["helped task", *tasks, "floor", "ceiling"],
        rows,
    )


def _of_estimator(summary: Summary, file: RelatednessFile) -> list[Block]:
    result = file.estimators[summary.label]
    looked = LOOKED_AT.get(summary.needs, summary.needs)
    kind = "it may differ between the two directions" if summary.directed else "it is the same in both directions"
    blocks: list[Block] = [
        Text(f"{summary.label} looks at {looked}; {kind}. {verdict_text(summary, file.replicates)}", matters=True),
        Gallery([_dots(summary, result, task, number) for number, task in enumerate(file.tasks)]),
    ]
    more = len(file.tasks) - 1 - MOST_PARTNERS
    if more > 0:
        blocks.append(Text(f"Drawn are the {MOST_PARTNERS} most helpful partners; {more} more are in the tables."))
    return blocks + [Text(remark) for remark in summary.remarks]


def _dots(summary: Summary, result: EstimatorResult, task: str, helped: int) -> Figure:
    tasks = list(map(str, summary.values.index))
    ranked = summary.rankings[task][:MOST_PARTNERS]
    dots = [_dot(partner, result, helped, tasks.index(partner.partner)) for partner in ranked]
    dots[-1] = replace(dots[-1], sure=None)  # what follows, if anything does, is not drawn
    lines = []
    if summary.ceiling is not None:
        mean, margin = map(float, summary.ceiling.loc[task])
        lines.append(Line("ceiling", mean, mean - margin, mean + margin))
    order = ", ".join(f"{partner.partner} {_number(partner.value)}" for partner in ranked)
    label = f"Partners of {task} by {summary.label}, most helpful first: {order}"
    return Figure(dot_plot(dots, lines, label), f"{task} is helped by")


def _dot(ranked: Ranked, result: EstimatorResult, helped: int, partner: int) -> Dot:
    cell = (slice(None), helped, partner)
    estimate = interval(array(result.values)[cell])
    floor = np.nan if result.floor is None else interval(array(result.floor)[cell]).mean
    place = "" if np.isnan(ranked.scaled) else f" ({round(100 * ranked.scaled)} %)"
    text = _number(ranked.value) + place
    return Dot(ranked.partner, estimate.mean, estimate.low, estimate.high, floor, text, ranked.clear)


def _short(summary: Summary) -> str:
    if summary.tells_twin_from_noise is None:
        return "what it is worth here is not known"
    return "it tells a copy from noise" if summary.tells_twin_from_noise else "it cannot tell a copy from noise here"


def _cell(value: float, margin: float, scaled: float = np.nan) -> str:
    text = _number(value)
    if not np.isnan(margin):
        text += f" {PLUS_MINUS}{margin:.3f}"
    return text if np.isnan(scaled) else f"{text} ({round(100 * scaled)} %)"


def _number(value: float) -> str:
    return "undefined" if np.isnan(value) else f"{value:z.3f}"
