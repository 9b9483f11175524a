"""From tensors to what pictures of samples are drawn from."""

from collections.abc import Mapping

import numpy as np
from torch import Tensor

from reports.training.samples import Panel, Style
from tasks import Task


def styles(tasks: Mapping[str, Task]) -> dict[str, Style]:
    """How the maps of each task are drawn, by name; tasks of a kind that does not say are left out."""
    return {
        name: Style(task.look, task.channels, task.class_names)
        for name, task in tasks.items()
        if task.look is not None
    }


def panel(values: Tensor, valid: Tensor | None = None, text: str = "") -> Panel:
    """A map [C, H, W] and which of its pixels are valid [1, H, W]; none: all."""
    pixels = None if valid is None else valid[0].cpu().numpy()
    return Panel(values.cpu().numpy(), pixels, text)


def as_picture(image: Tensor, channels: str) -> np.ndarray:
    """An image as data sets read it, 0..255 [3, H, W] with channels "bgr" or "rgb", as uint8 [H, W, 3], RGB."""
    in_order = image if channels == "rgb" else image.flip(0)
    return in_order.permute(1, 2, 0).round().clamp(0, 255).byte().cpu().numpy()
