"""What was asked, and what the data look like."""

from collections.abc import Sequence
from typing import Any

from reports.page.found import Found
from reports.page.sections.base import Block, Picture, Points, Section, Sheet, Table, Text, alt

QUESTIONS = {
    "similarity.json": "Which tasks lean on the same weights of an untrained network? (the published score)",
    "relatedness.json": "How much is each task helped by each partner, without training every combination?",
    "groups.json": "Which tasks should share a network, under a budget?",
    "gains.json": "What did training together gain over training alone?",
    "iou.json": "Where in the backbone do tasks stop sharing weights?",
}
EVALUATED = "How well does a trained network do?"
LONGEST_NAMES = 80
HIDDEN = ("kind", "channels", "weight")


def asked(found: Found) -> Section:
    """Questions, data set and tasks."""
    items = [
        f"{QUESTIONS.get(name, EVALUATED)} {name}: {file.dataset}, {_names(file.tasks)}"
        for name, file in found.files.items()
    ]
    items += [f"How did training go? {run}.csv" for run in found.logs]
    blocks: list[Block] = [
        Text("The questions that were put to the tool, and the files with the answers:"),
        Points(items),
    ]
    tasks = found.config.get("tasks")
    if isinstance(tasks, dict) and tasks:
        blocks.append(_tasks(tasks))
    return Section("asked", "What was asked", blocks)


def _names(tasks: Sequence[str]) -> str:
    names = ", ".join(tasks)
    return names if len(names) <= LONGEST_NAMES else f"{len(tasks)} tasks"


def data(found: Found) -> Section | None:
    """Some samples with their targets, where there is a sheet of them."""
    sheet = found.sheet
    if sheet is None or sheet.dataset != found.dataset:
        return None
    rows = []
    for row in sheet.rows:
        targets = {task: row.targets[task] for task in sheet.tasks if task in row.targets}
        pictures = [Picture(uri, alt(f"{row.name}: targets of {task}"), task) for task, uri in targets.items()]
        rows.append([Picture(row.image, alt(f"{row.name}: the picture"), row.name), *pictures])
    caption = (
        f"{len(sheet.rows)} of {sheet.samples} samples of the split {sheet.split}, with what each task is to predict. "
        "Classes have a colour each; other targets go from dark blue, low, to yellow, high, and three numbers for a "
        "pixel are its red, green and blue. Light grey: no target."
    )
    return Section("data", "What the data look like", [Sheet(caption, rows)])


def _tasks(tasks: dict[str, Any]) -> Table:
    rows = []
    for name, settings in tasks.items():
        if isinstance(settings, dict):
            known = [str(settings.get(key, "")) for key in HIDDEN]
            others = "; ".join(
                f"{key}: {value}" for key, value in settings.items() if key not in HIDDEN and value is not None
            )
            rows.append([name, known[0], others, *known[1:]])
    return Table("The tasks", ["task", "kind", "options", "output channels", "weight of the loss"], rows, words=2)
