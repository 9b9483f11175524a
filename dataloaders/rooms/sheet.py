"""A picture of some sample rooms and their maps, for the README and for looking at a change of the renderer."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from configs.errors import UserError
from configs.paths import check_file, prepare_folder, replacing
from dataloaders.rooms.room import CLASSES, Frame, render_room
from reports.colours import OKABE_ITO

TITLES = ("image", "seg", "sn", "depth", "edge", "keypoint")


def draw_contact_sheet(
    path: Path, seed: int = 0, rooms: Sequence[int] = (5, 17, 29), pixels: int = 160
) -> None:
    """Draw rooms of the training split, one a row: picture, classes, normals, depth, edges and keypoints.

    Args:
        path: the PNG file to write.
        seed: the seed of the rooms.
        rooms: their numbers.
        pixels: height and width of each picture.

    Raises:
        UserError: the file cannot be written.
    """
    from matplotlib.colors import ListedColormap, to_rgb
    from matplotlib.figure import Figure

    if path.suffix != ".png":
        raise UserError(f"--contact_sheet: {path} does not end in .png; name a PNG file")
    prepare_folder(path.parent, "--contact_sheet")
    check_file(path, "--contact_sheet")
    colours = _class_colours([to_rgb(colour) for colour in OKABE_ITO])
    frames = [render_room(seed, "train", room, (pixels, pixels)) for room in rooms]
    figure = Figure(figsize=(9.6, 1.6 * len(frames) + 1.0), dpi=84)
    axes = figure.subplots(len(frames), len(TITLES), squeeze=False)
    for row, frame in zip(axes, frames, strict=True):
        _show(row, frame, ListedColormap(colours))
    for axis, title in zip(axes[0], TITLES, strict=True):
        axis.set_title(title, fontsize=9)
    _add_legend(figure, colours)
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png", pil_kwargs={"optimize": True})


def _add_legend(figure: Any, colours: Sequence[tuple[float, float, float]]) -> None:
    """The names of the classes below the pictures, which leave room for them."""
    from matplotlib.patches import Patch

    names = ("unlabelled", *CLASSES)
    patches = [Patch(color=colour, label=name) for colour, name in zip(colours, names, strict=True)]
    figure.legend(handles=patches, loc="lower center", ncols=9, fontsize=7.5, frameon=False)
    bottom = 0.55 / figure.get_figheight()
    figure.subplots_adjust(left=0.005, right=0.995, top=1 - bottom / 2, bottom=bottom, wspace=0.03, hspace=0.03)


def _show(row: Sequence[Any], frame: Frame, classes: Any) -> None:
    """Draw the six pictures of a frame on six axes."""
    row[0].imshow(frame.image)
    row[1].imshow(frame.label, cmap=classes, vmin=-1, vmax=16, interpolation="nearest")
    row[2].imshow((frame.normal + 1) / 2)
    row[3].imshow(np.where(frame.measurable, frame.depth, np.nan), cmap="viridis_r", vmin=0.5, vmax=5)
    row[4].imshow(frame.edge, cmap="gray", vmin=0, vmax=0.08)
    row[5].imshow(frame.keypoint, cmap="gray", vmin=0, vmax=0.005)
    for axis in row:
        axis.set_axis_off()


def _class_colours(base: Sequence[tuple[float, float, float]]) -> list[tuple[float, float, float]]:
    """Eighteen colours: black, a light grey, and each base colour as it is and darkened."""
    darker = [(red / 2, green / 2, blue / 2) for red, green, blue in base]
    return [(0.0, 0.0, 0.0), (0.93, 0.93, 0.93), *base, *darker]
