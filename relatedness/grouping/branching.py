"""Where in the backbone tasks that train together should part: after the layer where they agree less and less.

That is the watershed of the IoU analysis (Sun et al., "DiSparse", CVPR 2022), found with whatever says layer by layer
how alike two tasks are: the estimator itself if it does, the IoU of the masks in ``similarity.json``, or ``iou.json``.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path

import numpy as np

from configs import Config
from models import build_network
from relatedness.snip.iou import compared_layers, steepest_fall
from reports.groups.file import Branch
from reports.iou import IoUFile
from reports.relatedness.file import LayerDetail, array
from reports.similarity.report import layer_similarity, read_report

MEASURE = "iou"
"""Of ``similarity.json``."""


@dataclass(frozen=True)
class LayerValues:
    """How alike tasks are, layer by layer.

    Attributes:
        source: what the values are, in words.
        of: a group of tasks -> layer -> value, NaN where it is undefined; None if nothing is known of this group.
    """

    source: str
    of: Callable[[Sequence[str]], dict[str, float] | None]


def layer_sources(detail: LayerDetail | None, name: str, tasks: Sequence[str], folder: Path) -> list[LayerValues]:
    """What there is that knows values by layer, the estimator first.

    Args:
        detail: the estimator's values by layer, if it has any.
        name: of the estimator.
        tasks: of the file that the estimator's values are from.
        folder: where ``similarity.json`` and ``iou.json`` may be.

    Raises:
        UserError: one of these files is there and cannot be read.
    """
    found = []
    if detail is not None:
        found.append(_of_estimator(detail, name, tasks))
    if (folder / "similarity.json").exists():
        found.append(_of_similarity(folder / "similarity.json"))
    if (folder / "iou.json").exists():
        found.append(_of_iou(folder / "iou.json"))
    return found


def branches(groups: Sequence[Sequence[str]], sources: Sequence[LayerValues], config: Config) -> list[Branch]:
    """Where each group of two or more tasks should part; groups of which no source knows anything are left out.

    Args:
        config: the settings of the network, which say what its layers are and which of them are left out.

    Raises:
        UserError: the settings name an unknown backbone.
    """
    net = build_network(config.model, {}, config.source.parent)
    layers = [name.removesuffix(".weight") for name in compared_layers(net)]
    found = []
    for group in (group for group in groups if len(group) > 1):
        for source in sources:
            values = source.of(group) or {}
            known = [(layer, values[layer]) for layer in layers if not np.isnan(values.get(layer, np.nan))]
            if known:
                found.append(Branch(tasks=list(group), after=steepest_fall(known), source=source.source))
                break
    return found


def _of_estimator(detail: LayerDetail, name: str, tasks: Sequence[str]) -> LayerValues:
    values = array(detail.values)  # [replicates, L, T, T]
    layers = [layer.removesuffix(".weight") for layer in detail.layers]

    def of(group: Sequence[str]) -> dict[str, float] | None:
        if not set(group) <= set(tasks):
            return None
        pairs = [values[:, :, tasks.index(a), tasks.index(b)] for a, b in permutations(group, 2)]
        return dict(zip(layers, _means(np.stack(pairs, axis=-1)), strict=True))

    return LayerValues(f"{name} by layer", of)


def _of_similarity(path: Path) -> LayerValues:
    frame = layer_similarity(read_report(path), MEASURE)

    def of(group: Sequence[str]) -> dict[str, float] | None:
        pairs = [f"{a},{b}" for a, b in permutations(group, 2)]
        columns = [column for column in frame.columns if column[0] in pairs]
        known = {column[0] for column in columns}
        if len(known) < len(pairs) // 2:
            return None
        layers = [str(layer).removesuffix(".weight") for layer in frame.index]
        return dict(zip(layers, frame[columns].mean(axis=1).tolist(), strict=True))

    return LayerValues(f"{path.name}: IoU of their masks", of)


def _of_iou(path: Path) -> LayerValues:
    report = IoUFile.read(path)

    def of(group: Sequence[str]) -> dict[str, float] | None:
        if set(group) != set(report.tasks):
            return None
        return {layer.name: np.nan if layer.iou is None else layer.iou for layer in report.layers}

    return LayerValues(f"{path.name}: IoU of their masks", of)


def _means(values: np.ndarray) -> list[float]:
    """[replicates, L, pairs] -> L; NaN where nothing is defined."""
    known = np.isfinite(values)
    counts = known.sum((0, 2))
    return (np.where(known, values, 0.0).sum((0, 2)) / np.where(counts, counts, np.nan)).tolist()
