"""Pictures of samples: image, what is true and what a network says, in colours that mean the same everywhere."""

import colorsys
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import SubplotSpec
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from reports.similarity.figures import PALETTE, name_in_legend, new_figure, save_figure
from reports.wording import shortened, told_apart

INVALID = 0.85
"""Grey of pixels without a target."""
PAPER = 0.95
"""Grey behind words."""
INCHES = 1.45
"""Height of a picture."""
LONGEST = 24
MOST_NAMES = 24
"""Classes that a legend lists; of more, those that cover most."""
GOLDEN = 0.618033988749895


@dataclass(frozen=True)
class Style:
    """How the maps of a task are drawn; one of a single pixel, which is of the whole image, is said in words.

    Attributes:
        look: ``classes`` in fixed colours, ``directions`` as colours, ``amounts`` from dark to bright, ``labels`` as
            the names of those that are likelier than not.
        channels: of the network's prediction.
        class_names: one for each class; None: their numbers.
    """

    look: Literal["classes", "directions", "amounts", "labels"]
    channels: int
    class_names: Sequence[str] | None = None


@dataclass(frozen=True)
class Panel:
    """A map [C, H, W], its valid pixels [H, W] (None: all), and a text below it."""

    values: np.ndarray
    valid: np.ndarray | None = None
    text: str = ""


@dataclass(frozen=True)
class Row:
    """A sample: what it is among the others, its name, image uint8 [H, W, 3], and by task what is true and said."""

    label: str
    name: str
    image: np.ndarray
    cells: Mapping[str, tuple[Panel, Panel]]


@dataclass(frozen=True)
class Scale:
    """What the ends of a task's colours stand for, the same in all of its maps: the middle 96 % of what is drawn."""

    low: float
    high: float

    @classmethod
    def of(cls, panels: Sequence[Panel], look: str) -> "Scale":
        numbers = np.concatenate([_drawn(one) for one in panels]) if panels else np.zeros(0)
        numbers = numbers[np.isfinite(numbers)]
        if look == "directions":  # as in data sets that keep them as bytes, none of which is negative
            return cls(0.0 if numbers.size and np.quantile(numbers, 0.001) >= -0.05 else -1.0, 1.0)
        if not numbers.size:
            return cls(0.0, 1.0)
        low, high = np.quantile(numbers, [0.02, 0.98]).tolist()
        return cls(low, high if high > low else low + 1.0)


def draw_samples(path: Path, title: str, rows: Sequence[Row], styles: Mapping[str, Style]) -> None:
    """Draw samples, one a row: the image, then for each task the target and the prediction, as a PNG.

    Raises:
        UserError: the file cannot be written.
    """
    shape = np.mean([row.image.shape[1] / row.image.shape[0] for row in rows])
    figure, grid, bars = _grid(len(rows), 1 + 2 * len(styles), INCHES, float(shape))
    scales = {name: Scale.of([row.cells[name][0] for row in rows], style.look) for name, style in styles.items()}
    names = told_apart([row.name for row in rows], LONGEST)
    for axes, row, name_of_image in zip(grid, rows, names, strict=True):
        _show(axes[0], row.image, name_of_image)
        axes[0].set_ylabel(row.label, fontsize=9)
        for place, (name, style) in enumerate(styles.items()):
            for axis, one in zip(axes[1 + 2 * place : 3 + 2 * place], row.cells[name], strict=True):
                _draw(axis, one, style, scales[name], row.image.shape)
    headings = ["image", *(f"{name}: {what}" for name in styles for what in ("target", "prediction"))]
    for axis, heading in zip(grid[0], headings, strict=True):
        axis.set_title(heading, fontsize=9)
    for place, (name, style) in enumerate(styles.items()):
        panels = [one for row in rows for one in row.cells[name]]
        _explain(figure, bars[1 + 2 * place : 3 + 2 * place], panels, style, scales[name])
    figure.suptitle(title, fontsize=11)
    save_figure(figure, path)


def draw_strip(
    path: Path, title: str, image: np.ndarray, panels: Mapping[str, Panel], styles: Mapping[str, Style]
) -> None:
    """Draw an image and what a network says of it, task by task, as a PNG.

    Args:
        image: uint8 [H, W, 3], RGB.

    Raises:
        UserError: the file cannot be written.
    """
    figure, grid, bars = _grid(1, 1 + len(panels), 2 * INCHES, image.shape[1] / image.shape[0])
    _show(grid[0, 0], image, "")
    grid[0, 0].set_title("image", fontsize=9)
    for place, (name, one) in enumerate(panels.items(), start=1):
        scale = Scale.of([one], styles[name].look)
        _draw(grid[0, place], one, styles[name], scale, image.shape)
        grid[0, place].set_title(name, fontsize=9)
        _explain(figure, bars[place : place + 1], [one], styles[name], scale)
    figure.suptitle(title, fontsize=10)
    save_figure(figure, path)


def coloured(panel: Panel, style: Style, scale: Scale) -> np.ndarray:
    """A map as float [H, W, 3] in 0..1; grey where it is not valid. Of several amounts the first is drawn."""
    values = np.nan_to_num(panel.values)
    if style.look == "classes":
        labels = values[0].astype(int)
        picture = class_colours(style.channels)[np.clip(labels, 0, style.channels - 1)]
    elif style.look == "directions":
        picture = ((values - scale.low) / (scale.high - scale.low)).clip(0, 1).transpose(1, 2, 0)
    else:
        picture = matplotlib.colormaps["viridis"]((values[0] - scale.low) / (scale.high - scale.low))[..., :3]
    if panel.valid is not None:
        picture = np.where(panel.valid[..., None], picture, INVALID)
    return picture


def class_colours(number: int) -> np.ndarray:
    """The colour of each class, [number, 3] in 0..1: the same for a class whatever the picture."""
    base = [matplotlib.colors.to_rgb(colour) for colour in PALETTE[:-1]]
    further = [
        colorsys.hsv_to_rgb((index * GOLDEN) % 1, (0.45, 0.9, 0.65)[index % 3], (0.95, 0.6, 0.8, 0.4)[index % 4])
        for index in range(max(0, number - len(base)))
    ]
    return np.array([*base, *further][:number])


def _drawn(panel: Panel) -> np.ndarray:
    values = panel.values if panel.valid is None else panel.values[:, panel.valid]
    return values.reshape(-1).astype(float)


def in_words(panel: Panel, style: Style) -> str:
    """What a map of a single pixel says: the name of a class, names of labels, or numbers."""
    if panel.valid is not None and not panel.valid.any():
        return "not known"
    numbers = panel.values.reshape(-1)
    names = style.class_names or [str(index) for index in range(style.channels)]
    if style.look == "classes":
        return names[int(numbers[0])]
    if style.look == "labels":
        return ", ".join(name for name, sure in zip(names, numbers, strict=True) if sure > 0.5) or "none"
    return ", ".join(f"{number:.4g}" for number in numbers)


def _draw(axes: Axes, panel: Panel, style: Style, scale: Scale, image: Sequence[int]) -> None:
    """A map; what is of the whole image in words, on paper of the image's size."""
    if panel.values.size == len(panel.values):
        _show(axes, np.full(image, PAPER), panel.text)
        words = "\n".join(textwrap.wrap(in_words(panel, style), 16))
        axes.text(0.5, 0.5, words, ha="center", va="center", fontsize=9, transform=axes.transAxes)
    else:
        _show(axes, coloured(panel, style, scale), panel.text)


def _show(axes: Axes, picture: np.ndarray, text: str) -> None:
    axes.imshow(picture, interpolation="nearest")
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)
    axes.set_xlabel(text, fontsize=7.5, labelpad=2)


def _grid(rows: int, columns: int, inches: float, shape: float) -> tuple[Figure, np.ndarray, list[SubplotSpec]]:
    """A figure with axes [rows, columns] for pictures, and places for colour bars below each column.

    Args:
        inches: height of a picture.
        shape: its width divided by its height.
    """
    figure = new_figure(inches * shape * columns + 0.9, (inches + 0.3) * rows + 1.3)
    spec = figure.add_gridspec(rows + 1, columns, height_ratios=[*[1.0] * rows, 0.09 * INCHES / inches])
    axes = [[figure.add_subplot(spec[row, column]) for column in range(columns)] for row in range(rows)]
    return figure, np.array(axes), [spec[rows, column] for column in range(columns)]


def _explain(
    figure: Figure, places: Sequence[SubplotSpec], panels: Sequence[Panel], style: Style, scale: Scale
) -> None:
    """A colour bar below a task's columns, or the classes that are to be seen in them."""
    if all(one.values.size == len(one.values) for one in panels):
        return  # of whole images, which are in words
    if style.look == "amounts":
        first, last = places[0], places[-1]
        below = figure.add_subplot(first.get_gridspec()[first.rowspan.start, first.colspan.start : last.colspan.stop])
        norm = matplotlib.colors.Normalize(scale.low, scale.high)
        mapped = matplotlib.cm.ScalarMappable(norm, "viridis")
        figure.colorbar(mapped, cax=below, orientation="horizontal", ticks=MaxNLocator(4))
        below.tick_params(labelsize=7)
    elif style.look == "classes":
        _list_classes(figure, panels, style)


def _list_classes(figure: Figure, panels: Sequence[Panel], style: Style) -> None:
    labels = np.concatenate([_drawn(one) for one in panels]).astype(int)
    counts = np.bincount(labels[(labels >= 0) & (labels < style.channels)], minlength=style.channels)
    seen = sorted(np.argsort(-counts, kind="stable")[: min(MOST_NAMES, int((counts > 0).sum()))].tolist())
    names = style.class_names or [str(index) for index in range(style.channels)]
    patches = [Patch(color=class_colours(style.channels)[index]) for index in seen]
    across = max(1, int(figure.get_figwidth() / 1.25))
    name_in_legend(figure, patches, [shortened(names[index], LONGEST) for index in seen], loc="outside lower center",
                   ncols=min(across, len(patches)), fontsize=7.5, frameon=False)

