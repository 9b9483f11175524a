"""What was asked, and what the data look like."""

from collections.abc import Sequence
from typing import Any

from reports.page.found import Found
from reports.page.pictures import SheetFile, SheetRow
from reports.page.sections.base import Block, Picture, Points, Section, Sheet, Table, Text, alt

QUESTIONS = {
    "similarity.json": "Which tasks lean on the same weights of an untrained network? (the published score)",
    "relatedness.json": "How much is each task helped by each partner, without training every combination?",
    "groups.json": "Which tasks should share a network, under a budget?",
    "gains.json": "What did training together gain over training alone?",
    "iou.json": "Where in the backbone do tasks stop sharing weights?",
}
JUDGED = "What are the estimators worth, judged by measured gains?"
EVALUATED = "How well does a trained network do?"
LONGEST_NAMES = 80
HIDDEN = ("kind", "channels", "weight")


def asked(found: Found) -> Section:
    """Questions, data set and tasks."""
    items = [
        f"{QUESTIONS.get(name, EVALUATED)} {name}: {file.dataset}, {_names(file.tasks)}"
        for name, file in found.files.items()
    ]
    if found.evidence is not None:
        items.append(f"{JUDGED} tables.json")
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
    rows = [_samples(sheet, row) for row in sheet.rows]
    ranges = "; ".join(f"{task} {low:.3g} to {high:.3g}" for task, (low, high) in sheet.ranges.items())
    caption = (
        f"{len(sheet.rows)} of {sheet.samples} samples of the split {sheet.split}, with what each task is to predict. "
        "Classes have a colour each; directions are red, green and blue; amounts go from dark, low, to bright, high"
        f"{f' ({ranges})' if ranges else ''}. Light grey: no target."
    )
    legends = [(task, list(classes.items())) for task, classes in sheet.classes.items() if classes]
    return Section("data", "What the data look like", [Sheet(caption, rows, legends)])


def _samples(sheet: SheetFile, row: SheetRow) -> list[Picture]:
    """The picture of a sample, then its targets in the order of the tasks."""
    pictures = [Picture(row.image, alt(f"{row.name}: the picture"), row.name)]
    for task in sheet.tasks:
        if task in row.targets:
            pictures.append(Picture(row.targets[task], alt(f"{row.name}: target of {task}"), task))
        elif task in row.words:
            pictures.append(Picture("", "", task, row.words[task]))
    return pictures


def _tasks(tasks: dict[str, Any]) -> Table:
    rows = []
    for name, settings in tasks.items():
        if isinstance(settings, dict):
            known = [str(settings.get(key, "")) for key in HIDDEN]
            others = "; ".join(
                f"{key}: {_words(value)}" for key, value in settings.items() if key not in HIDDEN and value is not None
            )
            rows.append([name, known[0], others, *known[1:]])
    return Table("The tasks", ["task", "kind", "options", "output channels", "weight of the loss"], rows, words=2)


def _words(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
