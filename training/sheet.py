"""A few samples of a data set with their targets, as small pictures for a page."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from configs import Config, UserError
from configs.flags import SharedFlags
from configs.reading import available
from dataloaders import MultitaskDataset, open_dataset
from dataloaders.batches.fetching import Reader, Request
from reports.page.pictures import SheetFile, SheetRow, jpeg_uri, png_uri
from reports.training.samples import Panel, Scale, Style, class_colours, coloured, in_words
from tasks import Task, build_tasks
from tasks.pixels import pooled
from training.panels import as_picture, panel, styles

SPLIT = "train"
SAMPLES = 4
LONGER_SIDE = 168
"""Of a picture, in pixels."""
MOST_NAMES = 24
"""Classes whose colours are told; of more, those that are seen first."""


def settings_for(shared: SharedFlags, dataset: str, tasks: Sequence[str], made_with: Mapping[str, Any]) -> Config:
    """The settings by which the data of some results are found.

    Flags come first; what they leave open (the data root, options of the data set) is as it was when the results were
    made. Code of the user's own is loaded only where a flag names it, never because a file of results does.

    Args:
        dataset: of the results.
        tasks: of the results; --tasks takes some of them.
        made_with: the settings in the results; may be empty.

    Raises:
        UserError: the data set is not known, or not there.
    """
    named = shared if shared.dataset != SharedFlags.dataset else replace(shared, dataset=dataset)
    if named.dataset == dataset and dataset not in available():
        raise UserError(f"--dataset: name the YAML file of '{dataset}' to see its pictures")
    config = named.settings(all_tasks=True)
    if config.name != dataset:
        raise UserError(f"--dataset: {config.name}, but the results are of {dataset}; name that one")
    known = [task for task in shared.tasks or tasks if task in config.tasks]
    if not known:
        raise UserError(f"{config.source}: none of the tasks {', '.join(tasks)} is in it; name the file they come from")
    data, before = config.data, made_with.get("data")
    before = before if isinstance(before, dict) else {}
    if data.root is None and isinstance(before.get("root"), str):
        data = data.model_copy(update={"root": Path(before["root"])})
    if named is not shared and isinstance(before.get("options"), dict) and not shared.overrides:
        data = data.model_copy(update={"options": before["options"]})
    if data.root is not None and not data.root.is_dir():  # the sample rooms would be rendered there
        raise UserError(f"--data_root: {data.root} is not here; name the folder of the data")
    return config.model_copy(update={"data": data}).select_tasks(known)


def make_sheet(config: Config) -> SheetFile:
    """Evenly spaced samples of the training split; tasks of a kind that does not say how to draw them are left out.

    Raises:
        UserError: the data cannot be read.
    """
    tasks = build_tasks(config, open_dataset(config, SPLIT, keys=()).root)
    keys = list(dict.fromkeys(key for task in tasks.values() for key in task.targets))
    dataset = open_dataset(config, SPLIT, keys)
    reader, shown = Reader(dataset, config, seed=0), styles(tasks)
    images, panels = [], []
    for place in _places(len(dataset)):
        answer = reader.answer([Request(place)])
        if answer.error is not None:
            raise answer.error
        if answer.batch is not None:
            grid = _grid(answer.batch["img"])
            images.append((answer.batch["name"][0], _image(dataset, place, grid)))
            panels.append({name: _target(tasks[name], answer.batch, grid) for name in shown})
    if not images:
        raise UserError(f"{dataset.root}: none of {SAMPLES} samples can be read; see that the files are whole")
    scales = {name: Scale.of([row[name] for row in panels], style.look) for name, style in shown.items()}
    rows = [_row(name, uri, targets, shown, scales) for (name, uri), targets in zip(images, panels, strict=True)]
    return SheetFile(
        dataset=config.name, split=SPLIT, samples=len(dataset), tasks=list(shown), rows=rows,
        classes={name: _classes([row[name] for row in panels], style) for name, style in shown.items()},
        ranges={name: (one.low, one.high) for name, one in scales.items() if shown[name].look == "amounts"},
    )  # fmt: skip


def _places(count: int) -> list[int]:
    """Evenly spaced numbers below a count."""
    wanted = min(SAMPLES, count)
    return [(2 * place + 1) * count // (2 * wanted) for place in range(wanted)]


def _grid(image: Tensor) -> tuple[int, int]:
    """Height and width of the pictures of a sample [1, 3, H, W]; none is larger than the sample."""
    height, width = image.shape[-2:]
    factor = min(1.0, LONGER_SIDE / max(height, width))
    return max(1, round(factor * height)), max(1, round(factor * width))


def _image(dataset: MultitaskDataset, place: int, grid: tuple[int, int]) -> str:
    """The picture of a sample as it was before it was normalised."""
    small = F.interpolate(dataset.read(place, "img")[None].float(), grid, mode="area")[0]
    return jpeg_uri(np.ascontiguousarray(as_picture(small, dataset.channels)))


def _target(task: Task, batch: Mapping[str, Any], grid: tuple[int, int]) -> Panel:
    """A task's target on the grid: of classes the middle of each cell, of numbers the mean of what is valid there."""
    values, valid = task.shown_target(batch)
    if values.shape[-2:] == (1, 1):
        return panel(values[0], valid[0])
    if task.look == "classes":
        rows, columns = (_middles(size, side) for size, side in zip(values.shape[-2:], grid, strict=True))
        return panel(values[0][:, rows][:, :, columns], valid[0][:, rows][:, :, columns])
    means, shares = pooled(values, valid, *grid)
    return panel(means[0], shares[0] > 0)


def _middles(size: int, cells: int) -> Tensor:
    """The pixel in the middle of each of some cells that share a side."""
    return (2 * torch.arange(cells) + 1) * size // (2 * cells)


def _row(
    name: str, image: str, targets: Mapping[str, Panel], shown: Mapping[str, Style], scales: Mapping[str, Scale]
) -> SheetRow:
    """A sample; what is of the whole image is in words."""
    uris, words = {}, {}
    for task, one in targets.items():
        if one.values.size == len(one.values):
            words[task] = in_words(one, shown[task])
            continue
        picture = (255 * coloured(one, shown[task], scales[task])).round().astype(np.uint8)
        uris[task] = png_uri(picture) if shown[task].look == "classes" else jpeg_uri(picture)
    return SheetRow(name=name, image=image, targets=uris, words=words)


def _classes(panels: Sequence[Panel], style: Style) -> dict[str, str]:
    """The colours of the classes that are to be seen, by name, as ``#rrggbb``; empty where classes have no names."""
    if style.look != "classes" or style.class_names is None:
        return {}
    seen = np.unique(np.concatenate([_valid(one) for one in panels]).astype(int))
    colours = (255 * class_colours(style.channels)).round().astype(np.uint8)
    known = [label for label in seen.tolist() if 0 <= label < style.channels]
    return {style.class_names[label]: f"#{bytes(colours[label]).hex()}" for label in known[:MOST_NAMES]}


def _valid(one: Panel) -> np.ndarray:
    return one.values[0].ravel() if one.valid is None else one.values[0][one.valid]
