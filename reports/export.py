"""``<run>_export.json``: the forms in which a network was exported, their sizes and times; and the same in words."""

from typing import Any, ClassVar

import pandas as pd

from reports.files import JsonFile, Part, Value


class ExportedForm(Part):
    """One form of the network.

    Attributes:
        form: ``dense`` (without its masks), ``checkpoint`` (as it is), or a name of ``--formats``.
        file: where it is; None for the dense network, of which only the weights are counted.
        size: of the file, or of those weights, in bytes.
        parameters: of the network; where it has masks, those that they keep.
        multiply_adds: for one image, counted likewise.
        seconds: median time an image.
        difference: how far its predictions are from the checkpoint's; None for the dense network.
    """

    form: str
    file: str | None
    size: int
    parameters: int
    multiply_adds: int
    seconds: float
    difference: Value


class ExportFile(JsonFile):
    """A network in all forms in which it was exported.

    Attributes:
        tasks: of the heads that were kept.
        image: height and width.
        images: that predictions were compared on.
        repeats: of which times are medians.
        removed_channels: that the smaller network lacks; None if there is none.
    """

    what: ClassVar[str] = "an export"
    writer: ClassVar[str] = "export_net.py"

    run: str
    dataset: str
    tasks: list[str]
    checkpoint: str
    image: tuple[int, int]
    images: int
    repeats: int
    removed_channels: int | None
    forms: list[ExportedForm]
    provenance: dict[str, Any]


def export_text(file: ExportFile) -> str:
    """Sizes, counts and times as a table, each also as a share of the dense network's."""
    dense = file.forms[0]
    frame = pd.DataFrame(
        {
            "MB": [f"{form.size / 1e6:.2f}" for form in file.forms],
            "% of dense": [f"{100 * form.size / dense.size:.1f}" for form in file.forms],
            "parameters": [f"{form.parameters:,}" for form in file.forms],
            "multiply-adds": [f"{form.multiply_adds:,}" for form in file.forms],
            "ms an image": [f"{1e3 * form.seconds:.1f}" for form in file.forms],
            "times as fast": [f"{dense.seconds / form.seconds:.2f}" for form in file.forms],
            "difference": ["" if form.difference is None else f"{form.difference:.1e}" for form in file.forms],
        },
        index=[form.form for form in file.forms],
    )
    height, width = file.image
    heads = ", ".join(file.tasks)
    return (
        f"{file.run}, heads {heads}; images of {height} x {width}, medians of {file.repeats} turns side by side\n"
        f"{frame.to_string()}"
    )
