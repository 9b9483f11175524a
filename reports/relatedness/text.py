"""What the estimators say, in words for a terminal."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from reports.intervals import LEVEL
from reports.relatedness.file import EstimatorCost
from reports.relatedness.settling import MARGIN
from reports.relatedness.summary import LEAST_SENSITIVITY, MOST_SENSITIVITY, Ranked, Summary
from reports.similarity.summary import PLUS_MINUS, WIDTH

LOOKED_AT = {
    "labels": "the targets alone, no network",
    "init": "networks at initialisation",
    "warm": "networks after a short joint training",
    "alone": "networks trained for a short while on each task alone",
    "pairs": "networks trained for a short while on each pair",
}


def estimator_text(summary: Summary, replicates: int, cost: EstimatorCost | None) -> str:
    """Matrix with floor and ceiling, what it is worth, the partners of each task in order, and what it cost."""
    kind = "directed" if summary.directed else "the same in both directions"
    lines = [f"{summary.label}: from {LOOKED_AT.get(summary.needs, summary.needs)}; {kind}", matrix_text(summary), ""]
    lines += [verdict_text(summary, replicates), *rankings_text(summary), *(f"  {text}" for text in summary.remarks)]
    if cost is not None:
        lines.append(cost_text(cost))
    return "\n".join(lines)


def matrix_text(summary: Summary) -> str:
    """Mean estimates with their intervals, a row for each helped task; below, floor and ceiling of each task."""
    tasks = list(summary.values.index)
    values, margins = summary.values.to_numpy(float), summary.margins.to_numpy(float)
    rows = {
        task: ["-" if a == b else _cell(values[a, b], margins[a, b]) for b in range(len(tasks))]
        for a, task in enumerate(tasks)
    }
    for name, column in (("[floor]", summary.floor), ("[ceiling]", summary.ceiling)):
        if column is not None:
            rows[name] = [_cell(*row) for row in column[["mean", "margin"]].to_numpy(float)]
    return pd.DataFrame.from_dict(rows, orient="index", columns=tasks).to_string(line_width=WIDTH)


def verdict_text(summary: Summary, replicates: int) -> str:
    """Whether the estimator can tell a task's twin from noise on this data, and by how much."""
    if summary.ceiling is None:
        return "No floor and ceiling (--no_controls): what these values are worth on this data is not known."
    if replicates < 2:
        return "One replicate only: no interval is known, nor what these values are worth; ask for more --replicates."
    if np.isnan(summary.sensitivity):
        return "Floor or ceiling is undefined, so what these values are worth on this data is not known."
    over = f"apart over {replicates} replicates"
    if summary.sensitivity >= LEAST_SENSITIVITY:
        text = f"It places a task's exact twin above noise: they lie {_errors(summary.sensitivity)} {over}"
        lost = [task for task, value in summary.task_sensitivity.items() if not value >= LEAST_SENSITIVITY]
        return text + (f", but not for {', '.join(map(str, lost))}, where its order means nothing." if lost else ".")
    if summary.sensitivity <= -LEAST_SENSITIVITY:
        found = f"It places noise above a task's exact twin: they lie {_errors(-summary.sensitivity)} {over}"
    else:
        apart = f"they lie {_errors(summary.sensitivity)} {over}, less than {LEAST_SENSITIVITY:g}"
        found = f"It cannot tell a task's exact twin from noise: {apart}"
    return f"{found}. On this data its order means nothing."


def rankings_text(summary: Summary) -> list[str]:
    """A line for each task: its partners, most helpful first, with > where the order is sure and ~ where it is not."""
    width = max(len(task) for task in summary.rankings)
    return [f"  {task:<{width}} is helped most by: {_order(ranked)}" for task, ranked in summary.rankings.items()]


def recommendation_text(summaries: Sequence[Summary]) -> str:
    """For each task the partners that lie surely above their floor, by more than ``MARGIN`` of the way to a twin.

    The first estimator says it that can tell a twin from noise on this data and is no baseline.

    Args:
        summaries: the estimators in the order in which they are believed.
    """
    summary = next((one for one in summaries if one.is_believed), None)
    if summary is None:
        known = any(one.tells_twin_from_noise is not None for one in summaries if not one.baseline)
        why = "can tell a twin from noise on this data" if known else "is known to tell a twin from noise on this data"
        return f"Recommendation: none. No estimator that was asked {why} (see above)."
    above = f"surely above the floor, by more than {100 * MARGIN:.0f} % of the way to a twin"
    lines, little = [], 0
    for task, ranked in summary.rankings.items():
        margins = summary.scaled_margins.loc[task].to_dict()
        above_floor = [one for one in ranked if one.scaled > margins[one.partner]]
        sure = [one.partner for one in above_floor if one.scaled > MARGIN]
        little += len(above_floor) - len(sure)
        if sure:
            lines.append(f"  {task}: {', '.join(sure)}")
    if not lines:
        less = f" ({little} lie surely above it, by less)" if little else ""
        return f"Recommendation: none. By {summary.label} no partner of any task lies {above}{less}."
    head = f"Recommendation, by {summary.label}: partners that lie {above}, the most helpful first"
    return "\n".join([head, *lines, "Which of them should share a network: group_tasks.py"])


def legend_text(replicates: int, controls: bool) -> str:
    """How to read what follows."""
    lines = ["Row: the task that is helped; column: its partner."]
    if replicates > 1:
        lines[0] += f" Mean of {replicates} replicates {PLUS_MINUS} half its {100 * LEVEL:.0f} % interval."
        lines.append("In the orders, > is sure (the interval of the difference excludes zero), ~ is not.")
    if controls:
        lines += [
            "[floor]: partners of this column's task that have the targets of other pictures; [ceiling]: the task's",
            "exact twin. Partners are in the order of what they are worth from their floor (0 %) to the twin (100 %);",
            "where some have no %, since there floor and twin cannot be told apart, in the order of their values.",
        ]
    return "\n".join(lines)


def cost_text(cost: EstimatorCost) -> str:
    """Seconds, passes and memory, in a line."""
    passes = "no pass through a network"
    if cost.forward_passes or cost.backward_passes:
        forward, backward = cost.forward_passes, cost.backward_passes
        passes = f"batches through the backbone: {forward} forwards, {backward} backwards"
    return f"Cost: {cost.seconds:.1f} s; {passes}; memory up to {cost.peak_memory_mb / 1024:.1f} GiB"


def _order(ranked: Sequence[Ranked]) -> str:
    if all(np.isnan(partner.value) for partner in ranked):
        return "not known"
    parts = []
    for partner in ranked:
        scaled = "" if np.isnan(partner.scaled) else f" ({round(100 * partner.scaled)} %)"
        parts.append(f"{partner.partner} {_number(partner.value)}{scaled}")
        if partner.clear is not None:
            parts.append(">" if partner.clear else "~")
    return " ".join(parts)


def _cell(value: float, margin: float) -> str:
    return _number(value) if np.isnan(value) or np.isnan(margin) else f"{_number(value)} {PLUS_MINUS}{margin:.3f}"


def _number(value: float) -> str:
    return "undefined" if np.isnan(value) else f"{value:z.3f}"


def _errors(sensitivity: float) -> str:
    if sensitivity >= MOST_SENSITIVITY:
        return f"more than {MOST_SENSITIVITY:.0f} standard errors"
    return f"{sensitivity:.1f} standard errors"
