"""How far the tasks keep the same weights, layer by layer."""

from math import nan

from reports.page.drawings.bars import Bar, bar_chart
from reports.page.found import Found
from reports.page.sections.base import Figure, Section, Text


def iou(found: Found) -> Section | None:
    """The section, where there is an ``iou.json``."""
    file = found.iou
    if file is None:
        return None
    total = "undefined" if file.total is None else f"{file.total:.3f}"
    falls = "No watershed: the overlap falls nowhere."
    if file.watershed is not None:
        falls = (
            f"It falls most after {file.watershed} (the watershed): from there on, tasks lean on weights of their own."
        )
    bars = [
        Bar(layer.name.removeprefix("backbone.").removesuffix(".weight"), nan if layer.iou is None else layer.iou,
            "undefined" if layer.iou is None else f"{layer.iou:.3f}", chosen=True,
            below="watershed" if layer.name == file.watershed else "")
        for layer in file.layers
    ]  # fmt: skip
    label = f"Overlap of the weights that {', '.join(file.tasks)} keep, layer by layer; all layers: {total}"
    text = (
        f"Each task keeps the {100 * file.keep_ratio:.3g} % of the weights that it leans on most at initialisation. Of "
        f"those that any task keeps, the overlap is the share that all of {', '.join(file.tasks)} keep: {total} over "
        f"all layers. {falls}"
    )
    return Section(
        "iou",
        "Where in the backbone tasks part",
        [Text(text), Figure(bar_chart(bars, label), "Overlap (IoU) by layer")],
    )
