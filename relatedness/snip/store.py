"""Statistics and masks on disk."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

from configs.paths import replacing
from prune_utils.layers import Masks
from relatedness.snip.statistics import Statistics
from runtime.identity import Identity
from runtime.kept import read_arrays

KINDS = {
    "tasks": "U", "layers": "U", "keep_ratios": "f", "numel": "i", "both": "i", "cosine": "f", "masked_cosine": "f",
}  # fmt: skip
"""Each array of the statistics: texts, floats, whole numbers."""


def save_statistics(path: Path, statistics: Statistics, identity: Identity) -> None:
    """Write one seed's statistics as a compressed .npz, whole or not at all."""
    arrays = {field.name: np.asarray(getattr(statistics, field.name)) for field in fields(Statistics)}
    arrays["identity"] = np.asarray(identity.model_dump_json())
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]


def load_statistics(path: Path, identity: Identity) -> Statistics | None:
    """Read one seed's statistics; None where there is no such file, or it is damaged or of another identity."""
    arrays = read_arrays(path)
    if arrays is None or not {"identity", *KINDS} <= arrays.keys():
        return None
    try:
        kept = Identity.model_validate_json(str(arrays["identity"]))
    except ValidationError:
        return None
    if kept.key != identity.key or any(arrays[name].dtype.kind != kind for name, kind in KINDS.items()):
        return None
    values: dict[str, Any] = {name: arrays[name] for name in KINDS}
    values |= {name: tuple(arrays[name].ravel().tolist()) for name in ("tasks", "layers", "keep_ratios")}
    statistics = Statistics(**values)
    return statistics if _is_sound(statistics, identity.settings["tasks"]) else None


def _is_sound(statistics: Statistics, tasks: Sequence[str]) -> bool:
    """Whether it is of these tasks, in this order, its arrays fit one another, and its values are possible ones."""
    ratios, layers, size = len(statistics.keep_ratios), len(statistics.layers), len(tasks)
    shapes = {
        "numel": (layers,),
        "both": (ratios, layers, size, size),
        "cosine": (layers, size, size),
        "masked_cosine": (ratios, layers, size, size),
    }
    if list(statistics.tasks) != list(tasks) or not layers or not ratios:
        return False
    if any(getattr(statistics, name).shape != shape for name, shape in shapes.items()):
        return False
    kept = np.diagonal(statistics.both, axis1=2, axis2=3)
    within = (statistics.both >= 0) & (statistics.both <= np.minimum(kept[..., None], kept[..., None, :]))
    return bool(
        within.all()
        and (kept <= statistics.numel[:, None]).all()
        and all(0 < ratio <= 1 for ratio in statistics.keep_ratios)
        and all(((values >= 0) & (values <= 1)).all() for values in (statistics.cosine, statistics.masked_cosine))
    )


def save_masks(path: Path, masks: Mapping[str, Masks]) -> None:
    """Write masks bit-packed, an eighth of a byte a weight.

    Each array "<label>/<parameter>" holds ``np.packbits`` of the flat mask; "<label>/<parameter>/shape" its shape.
    """
    arrays = {}
    for label, layers in masks.items():
        for name, mask in layers.items():
            arrays[f"{label}/{name}"] = np.packbits(mask.cpu().numpy().reshape(-1))
            arrays[f"{label}/{name}/shape"] = np.array(mask.shape)
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]
