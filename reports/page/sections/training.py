"""How training went, and how well the networks do, beside what is published."""

from collections.abc import Iterable

import pandas as pd

from reports.evaluation import DOWN, UP, EvaluationFile, number_text
from reports.groups.text import amount
from reports.page.drawings.base import SERIES, Element
from reports.page.drawings.curves import Curve, curves
from reports.page.found import Found
from reports.page.sections.base import (
    Block,
    Details,
    Figure,
    Gallery,
    Heading,
    Photo,
    Picture,
    Points,
    Section,
    Table,
    Text,
    alt,
)
from reports.training.log_columns import loss_column, metric_column

WINDOW = 50
"""A training loss is drawn as the mean over this many-th part of the run."""


BESIDE = (
    "Published numbers are of full-size networks, trained as published: where yours were made otherwise, the "
    "differences are not those of a reproduction."
)


def training(found: Found) -> Section | None:
    """Curves, where there are logs of runs."""
    if not found.logs:
        return None
    runs = list(found.logs)
    blocks: list[Block] = [
        Text(
            "Losses are those of training, averaged over a fiftieth of the run; metrics are those of the split that "
            "the best network is chosen on: val, where there is one, else test."
        )
    ]
    for start in range(0, len(runs), SERIES):
        chosen = {run: found.logs[run] for run in runs[start : start + SERIES]}
        tasks = [_of_task(found, chosen, task) for task in _tasks(chosen.values())]
        drawn = [figure for figure in tasks if isinstance(figure, Figure)]
        blocks.append(Gallery([Figure(_losses(chosen), "Sum of the weighted losses"), *drawn]))
        if told := [text for text in tasks if isinstance(text, str)]:
            blocks += [Text("Of one validation only:"), Points(told)]
    return Section("training", "How training went", blocks)


def _losses(logs: dict[str, pd.DataFrame]) -> Element:
    lines = []
    for run, log in logs.items():
        means = log["loss"].rolling(max(1, len(log) // WINDOW), min_periods=1).mean()
        lines.append(Curve(run, log["iteration"].to_numpy(float), means.to_numpy(float)))
    return curves(lines, "iteration", "loss", f"Training loss of {', '.join(logs)}", _ends(logs))


def _ends(logs: dict[str, pd.DataFrame]) -> tuple[float, float]:
    """The first and the last iteration of all of these runs."""
    iterations = pd.concat([log["iteration"] for log in logs.values()])
    return float(iterations.min()), float(iterations.max())


def _of_task(found: Found, logs: dict[str, pd.DataFrame], task: str) -> Figure | str | None:
    """The main metric of a task over the iterations, of the runs that know it; nothing without a validation.

    In words, where no run was validated twice: a lone dot is no curve.
    """
    metric = next((metric for log in logs.values() if (metric := _main_metric(log, task))), None)
    if metric is None:
        return None
    column, lines = metric_column(task, metric), []
    for run, log in logs.items():
        if column in log:
            points = log[["iteration", column]].dropna().to_numpy(float)
            if len(points):
                lines.append(Curve(run, *points.T))
    if not lines:
        return None
    better = _higher_is_better(found, task, metric)
    arrow = "" if better is None else f" {UP if better else DOWN}"
    if all(len(line.x) == 1 for line in lines):
        values = (f"{line.y[0]:.4g} at iteration {line.x[0]:.0f} of {line.name}" for line in lines)
        return f"{task}: {metric}{arrow} {', '.join(values)}"
    label = f"{metric} of {task} over the iterations of {', '.join(line.name for line in lines)}"
    return Figure(curves(lines, "iteration", f"{metric}{arrow}", label, _ends(logs)), task)


def _tasks(logs: Iterable[pd.DataFrame]) -> list[str]:
    """Every task that has a loss in one of the logs."""
    prefix = loss_column("")
    columns = (str(name) for log in logs for name in log.columns)
    return list(dict.fromkeys(name.removeprefix(prefix) for name in columns if name.startswith(prefix)))


def _main_metric(log: pd.DataFrame, task: str) -> str | None:
    """The first of a task's metrics; columns of a task whose name only begins like this one's are not its own."""
    others = tuple(metric_column(other, "") for other in _tasks([log]) if len(other) > len(task))
    own = metric_column(task, "")
    metrics = [str(name) for name in log.columns if str(name).startswith(own) and not str(name).startswith(others)]
    return metrics[0].removeprefix(own) if metrics else None


def _higher_is_better(found: Found, task: str, metric: str) -> bool | None:
    known = [file.higher_is_better.get(task, {}).get(metric) for file in found.evaluations]
    return next((better for better in known if better is not None), None)


def evaluations(found: Found) -> Section | None:
    """Tables, where there are evaluations."""
    files = found.evaluations
    if not files:
        return None
    blocks: list[Block] = [
        _sizes(files),
        Text("Each is one network: how far another seed would change its results is not known."),
    ]
    if any(found.published.evaluations.values()):
        blocks.append(Text(BESIDE))
    tasks = list(dict.fromkeys(task for file in files for task in file.higher_is_better))
    for task in tasks:
        blocks += [_metrics(found, task), *_classes(files, task)]
    return Section("evaluations", "How well the networks do", blocks)


def _sizes(files: list[EvaluationFile]) -> Table:
    rows = [
        [file.run, ", ".join(file.tasks), file.method, "dense" if file.ratio is None else f"{file.ratio} %",
         f"{file.sparsity.all:.2f} %", f"{file.parameters.sparse:,} of {file.parameters.dense:,}",
         _adds(file)]
        for file in files
    ]  # fmt: skip
    columns = ["run", "tasks", "method", "sparsity asked for", "measured", "weights kept", "multiply-adds an image"]
    return Table("The networks", columns, rows, words=2)


def _adds(file: EvaluationFile) -> str:
    """Multiply-adds for an image with the masks, of those without: "1.2 G of 12 G"."""
    adds = file.multiply_adds
    return " of ".join(amount(count, "multiply_adds").rpartition(" ")[0] for count in (adds.sparse, adds.dense))


def _metrics(found: Found, task: str) -> Table:
    files = [file for file in found.evaluations if task in file.higher_is_better]
    better = {metric: up for file in files for metric, up in file.higher_is_better[task].items()}
    rows = []
    for file in files:
        rows.append([file.run, *(number_text(file.metrics.get(task, {}).get(metric)) for metric in better)])
        if file.constant is not None:
            numbers = (number_text(file.constant.get(task, {}).get(metric)) for metric in better)
            rows.append([f"{file.run}: the best constant prediction", *numbers])
        for published in found.published.evaluations.get(file.run, ()):
            texts = [published.values.get((task, metric), "") for metric in better]
            if any(texts):
                rows.append([f"{file.run}: published, {published.source}", *(text or "n/a" for text in texts)])
    heading = f"{task}, test split ({UP} more is better, {DOWN} less is better)"
    return Table(heading, ["run", *(f"{metric} {UP if up else DOWN}" for metric, up in better.items())], rows)


def _classes(files: list[EvaluationFile], task: str) -> list[Block]:
    """A table of each metric that is known by class: a class a row, a run a column; shown when asked for."""
    values = {
        metric: {file.run: file.by_class[task][metric] for file in files if metric in file.by_class.get(task, {})}
        for metric in dict.fromkeys(metric for file in files for metric in file.by_class.get(task, {}))
    }
    tables = [
        Table(f"{metric} of the classes of {task}, test split", ["class", *runs], [
            [name, *(number_text(numbers.get(name)) for numbers in runs.values())]
            for name in dict.fromkeys(name for numbers in runs.values() for name in numbers)
        ])
        for metric, runs in values.items()
    ]  # fmt: skip
    return [Details(f"{task} by class", tables)] if tables else []


def predictions(found: Found) -> Section | None:
    """Pictures of what the networks predict, where some lie beside the evaluations."""
    if not found.predictions:
        return None
    blocks: list[Block] = []
    for name, uri in found.predictions.items():
        run = name.rpartition(".")[0].removeprefix("eval_")
        blocks += [
            Heading(run),
            Photo(Picture(uri, alt(f"Pictures of the test split, their targets and what {run} predicts")), name),
        ]
    return Section("predictions", "What the networks predict", blocks)
