"""Statistics and masks on disk."""

import zipfile
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path

import numpy as np

from configs.paths import replacing
from prune_utils.layers import Masks
from relatedness.snip.statistics import Statistics
from runtime.identity import Identity


def save_statistics(path: Path, statistics: Statistics, identity: Identity) -> None:
    """Write one seed's statistics as a compressed .npz, whole or not at all."""
    arrays = {field.name: np.asarray(getattr(statistics, field.name)) for field in fields(Statistics)}
    arrays["identity"] = np.asarray(identity.model_dump_json())
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]


def load_statistics(path: Path, identity: Identity) -> Statistics | None:
    """Read one seed's statistics; None where there is no such file, it is damaged, or of another identity."""
    try:
        with np.load(path) as arrays:
            if Identity.model_validate_json(str(arrays["identity"])).key != identity.key:
                return None
            values = {field.name: arrays[field.name] for field in fields(Statistics)}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    texts = {name: tuple(values[name].tolist()) for name in ("tasks", "layers", "keep_ratios")}
    return Statistics(**{**values, **texts})


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
