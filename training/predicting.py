"""What a network says of images: of a tensor, and of a folder of a user's own files."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd
import torch
from torch import Tensor, nn
from tqdm import tqdm

from configs.errors import UserError
from configs.paths import prepare_folder, write_text
from dataloaders import MultitaskDataset, open_dataset
from dataloaders.readers import read_colour
from dataloaders.writing import write_values
from prune_utils.modes import evaluation_mode
from reports.training.samples import draw_strip, in_words
from runtime.setup import Setup
from tasks import Task
from training.panels import as_picture, panel, styles

IMAGES = {".png", ".jpg", ".jpeg"}
FLAG = "--predict"


@torch.no_grad()
def predict(net: nn.Module, tasks: Mapping[str, Task], images: Tensor) -> dict[str, Tensor]:
    """What a network says of images, ready to be looked at or written: classes, unit normals, depths, ...

    The network is evaluated in evaluation mode and left in the mode it was in.

    Args:
        net: image [N, 3, H, W] -> for each task, [N, channels, h, w].
        images: [N, 3, H, W], or one of [3, H, W], as the data set gives ``img``; on the network's device.

    Returns:
        for each task, values [N, ?, H, W], or [?, H, W] of one image (see ``Task.shown_prediction``).
    """
    with evaluation_mode(net):
        predictions = net(images if images.ndim == 4 else images[None])
    height, width = images.shape[-2:]
    shown = {name: task.shown_prediction(predictions[name], height, width) for name, task in tasks.items()}
    return shown if images.ndim == 4 else {name: values[0] for name, values in shown.items()}


def read_image(setup: Setup, file: Path) -> Tensor:
    """A picture [3, H, W] as the data set gives ``img`` to a network, on the device.

    Raises:
        UserError: it cannot be read.
    """
    dataset = _dataset(setup)
    return dataset.normalisation(read_colour(file, dataset.channels.upper())).to(setup.runtime.device)


def predict_folder(setup: Setup, net: nn.Module, folder: Path, out: Path) -> int:
    """Write what a network says of every image in a folder: a file a task as the layout has them, and a picture.

    Args:
        out: the folder for ``<image>_<task>.png`` (or ``.npy``), ``<image>_look.png``, and ``labels.csv`` if there are
            tasks of the whole image.

    Returns:
        the number of images.

    Raises:
        UserError: there is no image, or one cannot be read; two have one name; a file cannot be written.
    """
    files = _images(folder)
    prepare_folder(out, FLAG)
    dataset, looks, words = _dataset(setup), styles(setup.tasks), []
    for file in tqdm(files, unit="img"):
        image = read_colour(file, dataset.channels.upper())
        with setup.runtime.autocast():
            shown = predict(net, setup.tasks, dataset.normalisation(image).to(setup.runtime.device))
        values = {name: value.cpu() for name, value in shown.items()}
        panels = {name: panel(values[name]) for name in looks}
        said = {name: in_words(panels[name], looks[name]) for name in looks if values[name].shape[1:] == (1, 1)}
        words.append({"image": file.name, **said})
        for name, task in setup.tasks.items():
            if name not in said:
                write_values(out / f"{file.stem}_{name}", dataset.fields[task.targets[0]], values[name])
        draw_strip(out / f"{file.stem}_look.png", file.name, as_picture(image, dataset.channels), panels, looks)
    if len(words[0]) > 1:
        write_text(out / "labels.csv", pd.DataFrame(words).to_csv(index=False))
    return len(files)


def _dataset(setup: Setup) -> MultitaskDataset:
    """The data set whose way of giving images to a network is meant."""
    return open_dataset(setup.config, "train", keys=())


def _images(folder: Path) -> list[Path]:
    try:
        found = sorted(path for path in folder.iterdir() if path.suffix.lower() in IMAGES)
    except OSError as error:
        raise UserError(f"{FLAG}: {folder}: {error.strerror}; name a folder of images") from error
    if not found:
        raise UserError(f"{FLAG}: {folder} holds no image ({', '.join(sorted(IMAGES))}); name a folder of images")
    by_stem: dict[str, Path] = {}
    for path in found:
        if (other := by_stem.setdefault(path.stem, path)) is not path:
            raise UserError(f"{FLAG}: {other} and {path.name} would have one name for predictions; rename one")
    return found
