"""From tensors to what pictures of samples are drawn from."""

from collections.abc import Mapping

import numpy as np
from torch import Tensor

from reports.samples import Panel, Style
from tasks import Task


def styles(tasks: Mapping[str, Task]) -> dict[str, Style]:
    """How the maps of each task are drawn, by name; tasks of a kind that does not say are left out."""
    return {
        name: Style(task.look, task.channels, getattr(task, "class_names", None))
        for name, task in tasks.items()
        if task.look is not None
    }


def panel(values: Tensor, valid: Tensor | None = None, text: str = "") -> Panel:
    """A map [C, H, W] and which of its pixels are valid [1, H, W]; none: all."""
    pixels = None if valid is None else valid[0].cpu().numpy()
    return Panel(values.cpu().numpy(), pixels, text)


def as_picture(image: Tensor) -> np.ndarray:
    """An image as data sets read it, 0..255 [3, H, W] in BGR order, as uint8 [H, W, 3] in RGB order."""
    return image.flip(0).permute(1, 2, 0).round().clamp(0, 255).byte().cpu().numpy()
