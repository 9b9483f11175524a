"""The published score: its matrix, its ranking, and its values beside the published ones."""

import numpy as np

from reports.colours import DIVERGING
from reports.intervals import LEVEL
from reports.page.drawings.dots import Dot, dot_plot
from reports.page.drawings.heat_map import Colours, between_ends, colour_bar, heat_map
from reports.page.found import Found
from reports.page.sections.base import Block, Details, Figure, Gallery, Section, Table, Text
from reports.page.sections.relatedness import WIDE
from reports.similarity.report import METRIC_NAMES, WEIGHTING_NAMES, Report, matrix
from reports.similarity.summary import PLUS_MINUS, Differences, cell, near_equal, ranking

USUAL = ("equal", "masked_sals")
"""Weighting and measure that ``static_similarity.py`` shows unless told otherwise."""
MOST_PAIRS = 15

WEAKNESS = (
    "This score looks at which weights of an untrained network each task leans on, not at what the targets mean: it "
    "can rank random labels as high as an exact copy of a task. Take it as a hint, not as a measurement of what "
    "training together gains."
)


def similarity(found: Found) -> Section | None:
    """The section, where there is a ``similarity.json``."""
    report = found.similarity
    if report is None:
        return None
    layer_method, sim_method = methods(report)
    values, errors = (matrix(report, layer_method, sim_method, None, part) for part in ("value", "stderr"))
    numbers = np.where(np.eye(len(values), dtype=bool), np.nan, values.to_numpy(float))
    apart = near_equal(report, layer_method, sim_method)
    colours = between_ends(numbers) if apart is None else Colours(-apart.reach, apart.reach, DIVERGING)
    metric = METRIC_NAMES.get(sim_method, sim_method)
    weighting = WEIGHTING_NAMES.get(layer_method, layer_method)
    sparsities = ", ".join(map(str, report.sparsities))
    label = f"Matrix of {metric} for {len(values)} tasks of {report.dataset}; the numbers are in the table below"
    drawing = heat_map(report.tasks, report.tasks, numbers, errors.to_numpy(float), colours, label, digits=3,
                       by=None if apart is None else apart.shown)
    spread = f" {PLUS_MINUS} is the standard error over seeds." if report.num_seeds > 1 else ""
    blocks: list[Block] = [
        Text(WEAKNESS),
        Text(f"{metric}, weighting of layers: {weighting}; mean over sparsity {sparsities} %.{spread}"),
        *_colours(colours, apart),
    ]
    figures = [Figure(drawing, "How alike two tasks are")]
    pairs, table = _ranking(report, layer_method, sim_method, metric)
    blocks += [*figures, Gallery([pairs])] if len(values) > WIDE else [Gallery([*figures, pairs])]
    blocks.append(Details("All pairs as a table", [table]))
    blocks += _published(found)
    return Section("similarity", "The published score at initialisation", blocks)


def _colours(colours: Colours, apart: Differences | None) -> list[Block]:
    """What the colours stand for; of pairs that are nearly equal, how far each is from the mean one."""
    if apart is None:
        ends = (f"{colours.low:.3f}", f"{colours.high:.3f}, more alike")
        return [Figure(colour_bar(colours, ends, "The colours from less to more alike"))]
    unit = "in standard errors of the difference" if apart.has_errors else "whose error is not known"
    low, high = (f"{end:+.1f}" if apart.has_errors else f"{end:+.3f}" for end in (-apart.reach, apart.reach))
    how_far = f"how far each is from the mean pair, {apart.mean:.3f}, {unit}"
    return [
        Text(f"All pairs are nearly equal; the colours say {how_far}."),
        Figure(colour_bar(colours, (low, f"{high}, more alike"), "The colours from below to above the mean pair")),
    ]


def methods(report: Report) -> tuple[str, str]:
    """The weighting and the measure that are shown: the usual ones, or the file's first."""
    first: tuple[str, str] = report.values.index[0]
    return USUAL if USUAL in report.values.index else first


def _ranking(report: Report, layer_method: str, sim_method: str, metric: str) -> tuple[Figure, Table]:
    ranked = ranking(report, layer_method, sim_method)
    names = [" / ".join(pair) for pair in ranked.index.tolist()]
    entries = list(zip(names, ranked.to_dict("records"), strict=True))
    dots = [_dot(name, entry, last=place == len(entries) - 1) for place, (name, entry) in enumerate(entries)]
    rows = [[str(place), name, cell(entry["value"], entry["stderr"]), _order(entry)]
            for place, (name, entry) in enumerate(entries, start=1)]  # fmt: skip
    rows[-1][-1] = ""
    drawn = dots if len(dots) <= MOST_PAIRS else dots[:MOST_PAIRS]
    label = f"Pairs of tasks by {metric}, the most alike first"
    caption = "Pairs, the most alike first. \N{ALMOST EQUAL TO}: the order of two neighbours is not resolved."
    if report.num_seeds == 1:
        caption = "Pairs, the most alike first. One seed only: no error is known, so neither is the order."
    if len(drawn) < len(dots):
        caption += f" The first {len(drawn)} of {len(dots)}; all are in the table."
    kind = f"the {100 * LEVEL:.0f} % interval, paired over seeds" if report.seeds else "its combined error"
    title = f"All pairs of tasks; order with the next: how far apart they are, with {kind}"
    table = Table(title, ["place", "pair", metric, "order with the next"], rows, words=1)
    return Figure(dot_plot(drawn, [], label), caption), table


def _dot(name: str, entry: dict, last: bool) -> Dot:
    value, error = entry["value"], entry["stderr"]
    unknown = last or np.isnan(entry["low"])
    return Dot(name, value, value - error, value + error, text=f"{value:.3f}",
               sure=None if unknown else bool(entry["certain"]))  # fmt: skip


def _order(entry: dict) -> str:
    if np.isnan(entry["low"]):
        return "not known"
    reach = f"{entry['gap']:.3f} ({entry['low']:.3f} to {entry['high']:.3f})"
    return f"{'sure' if entry['certain'] else 'not resolved'}: {reach}"


def _published(found: Found) -> list[Block]:
    frame = found.published.similarity
    if frame is None:
        return []
    rows = [list(map(str, row)) for row in frame.reset_index().itertuples(index=False, name=None)]
    columns = [str(name) for name in frame.index.names]
    columns += [" ".join(filter(None, column)).replace("/", " / ") for column in frame.columns.tolist()]
    table = Table("Ours beside the published values", columns, rows, words=len(frame.index.names) - 1)
    return [Text(f"Beside the Meta-Sparse report: {found.published.similarity_note}"),
            Details("All rows of the published table", [table])]  # fmt: skip
