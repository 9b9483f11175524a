"""Which samples of a split a picture shows: the best, the worst, and some between them."""

from collections.abc import Mapping
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from configs import UserError
from dataloaders import MultitaskDataset, open_dataset
from dataloaders.batches.fetching import Reader, Request
from reports.training.samples import Row, draw_samples
from runtime.setup import Setup
from training.panels import as_picture, panel, styles
from training.predicting import predict

PLACES = (("best", 0.0), ("2nd best", 0.0), ("25 %", 0.25), ("median", 0.5), ("75 %", 0.75), ("2nd worst", 1.0),
          ("worst", 1.0))  # fmt: skip
"""What is shown, and where it lies in the order of the samples from the best to the worst."""


class SampleLosses:
    """The loss of every task on every sample, while a network is evaluated: ``add`` is what ``evaluate`` calls.

    A loss of exactly 0 is that of a sample without a valid pixel, which has none.
    """

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._names: list[str] = []
        self._losses: list[list[float]] = []

    def add(self, predictions: Mapping[str, Tensor], batch: Mapping[str, Any]) -> None:
        """Note the losses of a batch."""
        for index, name in enumerate(batch["name"]):
            one = {key: value[index : index + 1] for key, value in batch.items() if isinstance(value, Tensor)}
            losses = []
            for task_name, task in self._setup.tasks.items():
                losses.append(float(task.loss(predictions[task_name][index : index + 1].float(), one)) or float("nan"))
            self._names.append(name)
            self._losses.append(losses)

    def gathered(self, dataset: MultitaskDataset) -> tuple[list[int], np.ndarray]:
        """The places in the split of all samples that any process saw, and their losses [samples, tasks]."""
        parts = self._setup.runtime.gather((self._names, self._losses))
        names, losses = ([one for ones in zip_longest(*lists) for one in ones if one is not None]
                         for lists in zip(*parts, strict=True))  # process r had samples r, r + world, ...
        places = list(range(len(dataset)))
        if len(names) < len(dataset):  # some could not be read
            by_name = {dataset.name(place): place for place in reversed(places)}
            places = [by_name[name] for name in names]
        return places, np.array(losses, dtype=float).reshape(len(places), -1)


def choose(losses: np.ndarray) -> dict[int, str]:
    """Rows of [samples, tasks] losses to show, from the best to the worst, each with what it is.

    Each task puts the samples in order, so that no task counts more because its losses are large; a sample's place is
    the mean of those. Few samples are all shown.
    """
    ranks = np.full(losses.shape, np.nan)
    for task, column in enumerate(losses.T):
        known = np.flatnonzero(np.isfinite(column))
        ranks[known[np.argsort(column[known], kind="stable")], task] = np.arange(len(known)) / max(1, len(known) - 1)
    counts = np.isfinite(ranks).sum(1)
    means = np.nansum(ranks, axis=1) / np.maximum(counts, 1) + 2 * (counts == 0)
    order = np.argsort(means, kind="stable")
    last = len(order) - 1
    if last < len(PLACES):
        return {int(row): f"{place + 1} of {len(order)}" for place, row in enumerate(order)}
    at = [0, 1, *(round(share * last) for _, share in PLACES[2:-2]), last - 1, last]
    return {int(order[place]): label for place, (label, _) in zip(at, PLACES, strict=True)}


def draw_evaluated(setup: Setup, net: nn.Module, losses: SampleLosses, path: Path) -> list[str]:
    """Draw image, target and prediction of the samples chosen, on the main process; all processes call this.

    Where nothing can be drawn, a picture of an earlier evaluation is removed: it would stand beside numbers that it
    does not belong to.

    Returns:
        the tasks that are left out, since their kind does not say how to draw them.

    Raises:
        UserError: the file cannot be written, or not removed.
    """
    dataset = open_dataset(setup.config, "test", setup.keys)
    places, values = losses.gathered(dataset)
    shown = {name: task for name, task in setup.tasks.items() if task.look is not None}
    rows = []
    if setup.runtime.is_main and shown and places:
        reader = Reader(dataset, setup.config, seed=0)
        for row, label in choose(values).items():
            told = dict(zip(setup.tasks, values[row], strict=True))
            if (drawn := _row(setup, net, reader, places[row], label, told)) is not None:
                rows.append(drawn)
    if rows:
        order = "samples of the test split, ordered by the mean of their tasks' ranks; grey: no target"
        draw_samples(path, f"{path.stem.removeprefix('eval_')}: {order}", rows, styles(setup.tasks))
    elif setup.runtime.is_main:
        _remove_earlier(path)
    return [name for name in setup.tasks if name not in shown]


def _remove_earlier(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise UserError(
            f"{path}: of an earlier evaluation, and cannot be removed: {error.strerror}; remove it yourself"
        ) from error


@torch.no_grad()
def _row(
    setup: Setup, net: nn.Module, reader: Reader, place: int, label: str, losses: Mapping[str, float]
) -> Row | None:
    """A sample with what is true and what the network says; None where it can no longer be read."""
    read = reader.answer([Request(place)]).batch
    if read is None:
        return None
    batch = setup.runtime.place(read)
    with setup.runtime.autocast():
        said = predict(net, setup.tasks, batch["img"])
    cells = {}
    for name, task in setup.tasks.items():
        if task.look is not None:
            target, valid = task.shown_target(batch)
            text = "no target" if np.isnan(losses[name]) else f"loss {losses[name]:.3g}"
            cells[name] = (panel(target[0], valid[0]), panel(said[name][0], text=text))
    return Row(label, read["name"][0], as_picture(reader.dataset.read(place, "img"), reader.dataset.channels), cells)
