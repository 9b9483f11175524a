"""What goes into ``tables.json``: a section for each table, our numbers beside the published ones.

A section is plain values. A number in its rows is ``ours`` and ``published`` in the unit of the paper (shares are in
percent where it prints them so), and the ``difference``; None where undefined, or not published.
"""

from collections.abc import Iterable, Mapping, Sequence
from math import isnan
from typing import Any

import pandas as pd

from configs import UserError
from configs.affects import flatten
from reports.similarity import METRIC_NAMES, WEIGHTING_NAMES, Report, read_report, whole_table
from reproduce.claim import Similar, comparisons, our_similarities, published_similarities, tally
from reproduce.matching import counting, differing, evaluation_of
from reproduce.plan import TablePlan
from reproduce.published import Numbers, Printed, published_numbers
from reproduce.published.similarity import compare
from reproduce.runs import TrainingRun
from tasks import Task

Section = dict[str, Any]
ALONE = "alone"


def make_section(plan: TablePlan, before: Section | None) -> Section:
    """The section of a table, from the results that are there.

    Args:
        before: the table's section so far. In the table of sparsities, its rows stay where they are of other runs
            with the same settings.

    Raises:
        UserError: a ``similarity.json`` that cannot be used.
    """
    make = {"similarity": _similarity, "cotraining": _cotraining, "sparsity": _sparsity}[plan.table]
    section = {"settings": _settings(plan), **make(plan)}
    if plan.table == "sparsity" and before is not None and _same_settings(before, section):
        _keep_rows(before, section)
    return section


def cell(ours: float | None, published: float | None) -> dict[str, float | None]:
    """A number of ours, the published one, and ours less the published one."""
    ours = None if ours is None or isnan(ours) else ours
    difference = None if ours is None or published is None else ours - published
    return {"ours": ours, "published": published, "difference": difference}


def _similarity(plan: TablePlan) -> Section:
    """The rows of the report, each with every pair of tasks."""
    assert plan.similarity is not None
    report = read_report(plan.similarity.path)
    ours, paper, agrees, note = _against_paper(report) or _ours_alone(report)
    rows = []
    for key, numbers, judgement in zip(ours.index.tolist(), ours.to_numpy(float).tolist(), agrees, strict=True):
        printed = [None] * len(numbers) if paper is None else paper.loc[key].tolist()
        cells = {pair: cell(a, b) for pair, a, b in zip(ours.columns, numbers, printed, strict=True)}
        labels = dict(zip(("weighting", "metric", "sparsities"), key, strict=True))
        rows.append({**labels, "order_agrees": judgement, "values": cells})
    return {"seeds": report.num_seeds, "batches": report.num_batches, "note": note, "rows": rows}


Compared = tuple[pd.DataFrame, pd.DataFrame | None, list[bool | None], str]


def _against_paper(report: Report) -> Compared | None:
    """Ours and the published similarities, whether the order agrees, and a summary; None if nothing is published."""
    try:
        comparison = compare(report)
    except UserError:
        return None
    parts = comparison.rows.columns.get_level_values(1)
    ours, paper = (comparison.rows.loc[:, parts == part].droplevel(1, axis="columns") for part in ("ours", "paper"))
    return ours, paper, comparison.agrees, comparison.summary()


def _ours_alone(report: Report) -> Compared:
    """The same rows for other data sets: the report's weightings and metrics at every set of sparsities."""
    table = pd.DataFrame(whole_table(report).stack("sparsities", future_stack=True))
    names = [(weighting, metric) for weighting in WEIGHTING_NAMES.values() for metric in METRIC_NAMES.values()]
    ours = table[[key[:2] in names for key in table.index.tolist()]]
    return ours, None, [None] * len(ours), ""


def _cotraining(plan: TablePlan) -> Section:
    """Every task alone and with each partner, and how often the more similar partner was the better one."""
    tasks, published = plan.setup.tasks, published_numbers(plan.setup.config.name, plan.table)
    similar, done = our_similarities(plan.similarity), _finished(plan.runs)
    rows = [
        {
            "task": name,
            "partner": (partner := next((other for other in run.tasks if other != name), ALONE)),
            "similarity": similar.get(frozenset((name, partner))),
            "values": {name: _values(task, partner, content["metrics"], published)},
        }
        for name, task in tasks.items()
        for run, content in done
        if name in run.tasks
    ]
    return {
        "columns": _columns(tasks, published),
        "rows": rows,
        "claim": _claim(rows, tasks, similar, "ours"),
        "published_claim": _claim(rows, tasks, published_similarities(), "published"),
        "finished": len(done),
        "planned": len(plan.runs),
    }


def _claim(rows: Sequence[Mapping[str, Any]], tasks: Mapping[str, Task], similar: Similar, part: str) -> Section:
    """Whether the more similar partner was the better one, by each task's first metric that is known."""
    results: dict[tuple[str, str], float] = {}
    mains: dict[str, str] = {}
    for name, task in tasks.items():
        of_task = [row for row in rows if row["task"] == name and row["partner"] != ALONE]
        for metric in task.higher_is_better:
            known = {row["partner"]: row["values"][name][metric][part] for row in of_task}
            known = {partner: value for partner, value in known.items() if value is not None}
            if known:
                mains[name] = metric
                results |= {(name, partner): value for partner, value in known.items()}
                break
    higher = {name: tasks[name].higher_is_better[metric] for name, metric in mains.items()}
    return {"metrics": mains, **tally(comparisons(similar, results, higher))}


def _sparsity(plan: TablePlan) -> Section:
    """Every method at every sparsity. What is published is of the published tasks together."""
    tasks = plan.setup.tasks
    same_tasks = set(tasks) == set(plan.paper.tasks)
    published = published_numbers(plan.setup.config.name, plan.table) if same_tasks else {}
    done = _finished(plan.runs)
    rows = [
        {
            "method": run.job.method,
            "ratio": run.job.ratio,
            "sparsity": content["sparsity"]["all"],
            "values": {name: _values(task, run.row, content["metrics"], published) for name, task in tasks.items()},
        }
        for run, content in done
    ]
    return {"columns": _columns(tasks, published), "rows": rows, "finished": len(done), "planned": len(plan.runs)}


def _finished(runs: Iterable[TrainingRun]) -> list[tuple[TrainingRun, dict[str, Any]]]:
    """The runs that have results, with what ``eval_pruned_net.py`` wrote."""
    found = ((run, evaluation_of(run)) for run in runs)
    return [(run, content) for run, content in found if content is not None]


def _values(task: Task, row: str, results: Mapping[str, Any], published: Numbers) -> dict[str, dict]:
    """The cells of one task, by metric."""
    cells = {}
    for metric in task.higher_is_better:
        printed, ours = published.get((task.name, row, metric)), results[task.name][metric]
        scale = next((number.scale for number in _column(task.name, metric, published)), 1.0)
        cells[metric] = cell(None if ours is None else ours * scale, printed.value if printed else None)
    return cells


def _columns(tasks: Mapping[str, Task], published: Numbers) -> dict[str, list[dict[str, Any]]]:
    """For each task its metrics: which way is better, the factor from our unit, and the decimals of the paper."""
    columns: dict[str, list[dict[str, Any]]] = {}
    for name, task in tasks.items():
        columns[name] = []
        for metric, up in task.higher_is_better.items():
            numbers = _column(name, metric, published)
            scale = numbers[0].scale if numbers else 1.0
            decimals = max((number.decimals for number in numbers), default=None)
            columns[name].append({"metric": metric, "higher_is_better": up, "scale": scale, "decimals": decimals})
    return columns


def _column(task: str, metric: str, published: Numbers) -> list[Printed]:
    return [number for (of, _, name), number in published.items() if (of, name) == (task, metric)]


def _settings(plan: TablePlan) -> dict[str, Any]:
    """What the table's runs have in common, and how that differs from the published settings."""
    setup = plan.setup
    return {
        "tasks": list(setup.tasks),
        "max_iters": plan.max_iters,
        "set": list(plan.setup.flags.overrides),
        "paper_set": list(plan.paper.overrides),
        "seed": setup.seed,
        "precision": setup.runtime.precision,
        "config": setup.config.model_dump(mode="json"),
    }


def _same_settings(before: Section, now: Section) -> bool:
    old, new = ({k: v for k, v in section["settings"].items() if k != "set"} for section in (before, now))
    counts = counting("training")
    return not differing(flatten(old), flatten(new), lambda key: counts(key.removeprefix("config.")))


def _keep_rows(before: Section, section: Section) -> None:
    """Add earlier rows of runs that are not in this plan; the dense network first, then by sparsity."""
    now = {(row["method"], row["ratio"]) for row in section["rows"]}
    kept = [row for row in before["rows"] if (row["method"], row["ratio"]) not in now]
    section["rows"] = sorted([*section["rows"], *kept], key=lambda row: row["ratio"] or 0)
