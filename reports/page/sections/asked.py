"""What was asked, and what the data look like."""

from typing import Any

from reports.page.found import Found
from reports.page.sections.base import Block, Picture, Section, Sheet, Table, Text, alt

QUESTIONS = {
    "similarity.json": "Which tasks lean on the same weights of an untrained network? (the published score)",
    "relatedness.json": "How much is each task helped by each partner, without training every combination?",
    "groups.json": "Which tasks should share a network, under a budget?",
    "gains.json": "What did training together gain over training alone?",
    "iou.json": "Where in the backbone do tasks stop sharing weights?",
}
EVALUATED = "How well does a trained network do?"
HIDDEN = ("kind", "channels", "weight")


def asked(found: Found) -> Section:
    """Questions, data set and tasks."""
    rows = [[QUESTIONS.get(name, EVALUATED), name, file.dataset, ", ".join(file.tasks)] for name, file in found.files.items()]
    rows += [["How did training go?", f"{run}.csv", "", ""] for run in found.logs]
    blocks: list[Block] = [Table("Questions that were put to the tool, and where the answers are", ["question", "file", "data set", "tasks"], rows, words=3)]
    tasks = found.config.get("tasks")
    if isinstance(tasks, dict) and tasks:
        blocks.append(_tasks(tasks))
    return Section("asked", "What was asked", blocks)


def data(found: Found) -> Section | None:
    """Some samples with their targets, where there is a sheet of them."""
    sheet = found.sheet
    if sheet is None or sheet.dataset != found.dataset:
        return None
    rows = []
    for row in sheet.rows:
        pictures: list[Picture | None] = [Picture(row.image, alt(f"{row.name}: the picture"))]
        for task in sheet.tasks:
            uri = row.targets.get(task)
            pictures.append(None if uri is None else Picture(uri, alt(f"{row.name}: targets of {task}")))
        rows.append((row.name, pictures))
    caption = (
        f"{len(sheet.rows)} of {sheet.samples} samples of the split {sheet.split}, with what each task is to predict. "
        "Classes have a colour each; other targets go from dark blue, low, to yellow, high, and three numbers for a pixel are its red, "
        "green and blue. Light grey: no target."
    )
    return Section("data", "What the data look like", [Sheet(caption, ["picture", *sheet.tasks], rows)])


def _tasks(tasks: dict[str, Any]) -> Table:
    rows = []
    for name, settings in tasks.items():
        if isinstance(settings, dict):
            known = [str(settings.get(key, "")) for key in HIDDEN]
            others = "; ".join(f"{key}: {value}" for key, value in settings.items() if key not in HIDDEN and value is not None)
            rows.append([name, known[0], others, *known[1:]])
    return Table("The tasks", ["task", "kind", "options", "output channels", "weight of the loss"], rows, words=2)
