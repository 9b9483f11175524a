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
from dataloaders.fetching import Reader, Request
from reports.colours import CIVIDIS, blend, class_colours
from reports.page.pictures import SheetFile, SheetRow, jpeg_uri, png_uri
from tasks import Task, build_tasks

SPLIT = "train"
SAMPLES = 4
LONGER_SIDE = 168
"""Of a picture, in pixels."""
NO_TARGET = 217
TAILS = (0.02, 0.98)
"""Targets below and above these quantiles of all that is shown have the first and the last colour."""

Target = tuple[Tensor, Tensor]
"""Values [C, h, w] and which pixels have any [h, w]."""


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
    """Evenly spaced samples of the training split.

    Raises:
        UserError: the data cannot be read.
    """
    tasks = build_tasks(config, open_dataset(config, SPLIT, keys=()).root)
    keys = list(dict.fromkeys(key for task in tasks.values() for key in task.targets))
    dataset = open_dataset(config, SPLIT, keys)
    batches = _samples(dataset, config)
    grids = [_grid(batch["img"]) for batch in batches]
    targets = {name: _pictures(task, batches, grids) for name, task in tasks.items()}
    rows = [
        SheetRow(
            name=batch["name"][0],
            image=_image(batch["img"], dataset, grid),
            targets={name: uris[row] for name, uris in targets.items() if uris is not None},
        )
        for row, (batch, grid) in enumerate(zip(batches, grids, strict=True))
    ]
    return SheetFile(dataset=config.name, split=SPLIT, samples=len(dataset), tasks=list(tasks), rows=rows)


def _samples(dataset: MultitaskDataset, config: Config) -> list[dict[str, Any]]:
    """Batches of one whole sample each."""
    reader, count = Reader(dataset, config, seed=0), min(SAMPLES, len(dataset))
    batches = []
    for place in range(count):
        answer = reader.answer([Request((2 * place + 1) * len(dataset) // (2 * count))])
        if answer.error is not None:
            raise answer.error
        if answer.batch is not None:
            batches.append(answer.batch)
    if not batches:
        raise UserError(f"{dataset.root}: none of {count} samples can be read; see that the files are whole")
    return batches


def _grid(image: Tensor) -> tuple[int, int]:
    """Height and width of the pictures of a sample [1, 3, H, W]; none is larger than the sample."""
    height, width = image.shape[-2:]
    factor = min(1.0, LONGER_SIDE / max(height, width))
    return max(1, round(factor * height)), max(1, round(factor * width))


def _image(image: Tensor, dataset: MultitaskDataset, grid: tuple[int, int]) -> str:
    """The picture of a sample; its channels are in BGR order, as those of all data sets are."""
    whole = image + torch.tensor(dataset.mean)[:, None, None]
    small = F.interpolate(whole, grid, mode="area")[0].flip(0).clamp(0, 255)
    return jpeg_uri(np.ascontiguousarray(small.permute(1, 2, 0).round().byte().numpy()))


def _pictures(task: Task, batches: Sequence[Mapping[str, Any]], grids: Sequence[tuple[int, int]]) -> list[str] | None:
    """A picture of the task's targets for each sample; None for a kind of task that has no such numbers."""
    targets: list[Target] = []
    for batch, grid in zip(batches, grids, strict=True):
        found = task.pooled_targets(batch, *grid)
        if found is None:
            return None
        targets.append((found[0][0], found[1][0, 0] > 0))
    if task.look == "classes":
        return [png_uri(classes_picture(*target)) for target in targets]
    return [jpeg_uri(picture) for picture in amounts_pictures(targets)]


def classes_picture(shares: Tensor, valid: Tensor) -> np.ndarray:
    """Each pixel in the colour of the class that has most of it, uint8 [h, w, 3].

    Args:
        shares: of the classes, [C, h, w].
        valid: which pixels have a class, [h, w].
    """
    colours = class_colours(len(shares))[shares.argmax(0).numpy()]
    return np.where(valid.numpy()[..., None], colours, np.uint8(NO_TARGET))


def amounts_pictures(targets: Sequence[Target]) -> list[np.ndarray]:
    """Numbers as colours, on one scale for all pictures, uint8 [h, w, 3].

    One channel goes from dark blue to yellow; three are red, green and blue; of others it is the length that is shown.
    """
    targets = [
        (values if len(values) in (1, 3) else values.norm(dim=0, keepdim=True), valid) for values, valid in targets
    ]
    every = torch.cat([values[:, valid].double() for values, valid in targets], dim=1)
    if not every.numel():
        every = torch.zeros(len(every), 1, dtype=torch.float64)
    low, high = (np.quantile(every.numpy(), tail, axis=1)[:, None, None] for tail in TAILS)
    span = np.where(high > low, high - low, 1.0)
    pictures = []
    for values, valid in targets:
        shares = np.clip(np.nan_to_num((values.double().numpy() - low) / span), 0, 1)
        colours = (
            blend(shares[0], CIVIDIS)
            if len(shares) == 1
            else (255 * shares).round().astype(np.uint8).transpose(1, 2, 0)
        )
        pictures.append(np.where(valid.numpy()[..., None], colours, np.uint8(NO_TARGET)))
    return pictures
