"""What each estimator said in each replicate, on disk: whole or not at all, and never that of other settings."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from configs.paths import replacing
from dataloaders import open_dataset
from relatedness.base import Estimator, Relatedness
from relatedness.materials.products import Cost
from relatedness.registry import UNTRAINED
from relatedness.study import Plan, Study
from runtime.contents import rows_of
from runtime.identity import Identity, identity_of
from runtime.kept import read_arrays
from runtime.passes import scored_samples
from runtime.setup import Setup

ARRAYS = ("values", "floor", "ceiling", "layer_values", "layer_floor", "layer_ceiling")
"""Those of a ``Relatedness``; one that is not there is left out of the file."""


def replicate_identity(setup: Setup, plan: Plan, replicate: int, estimator: Estimator) -> Identity:
    """Of one estimate in one replicate.

    Neither the number of processes and workers nor the other estimators of a run are in it.
    """
    study = Study(setup, plan, replicate)
    further: dict[str, Any] = {
        "seed": study.seed,
        "num_batches": plan.num_batches,
        "controls": plan.controls,
        "estimator": f"{type(estimator).__module__}:{type(estimator).__qualname__}",
        "need": estimator.need,
        "options": estimator.model_dump(mode="json"),
    }
    if estimator.need in UNTRAINED:
        batches = max(study.numbers("first").stop, study.numbers("held_out").stop if estimator.held_out else 0)
        samples = scored_samples(setup, batches, study.seed)
    else:  # a short training reads the whole split, in an order of its own
        further |= {"warmup": plan.warmup, "train": setup.config.train.model_dump(mode="json")}
        dataset = open_dataset(setup.config, "train", setup.keys)
        samples = rows_of(dataset, range(len(dataset)))
    entry = [type(estimator).__module__, "relatedness.study"]
    return identity_of("scores", setup, sources=samples, entry=entry, further=further)


def kept_file(folder: Path, label: str, replicate: int, identity: Identity) -> Path:
    """Where an estimate is kept."""
    return folder / f"{_file_name(label)}_replicate{replicate}_{identity.key}.npz"


def kept_besides(folder: Path, labels: Iterable[str]) -> list[str]:
    """Other estimators than these of which there are estimates, of whatever settings; called as their files are."""
    kept = {path.name.rpartition("_replicate")[0] for path in folder.glob("*_replicate*.npz")}
    return sorted(kept - {_file_name(label) for label in labels})


def _file_name(label: str) -> str:
    return re.sub(r"[^\w.@+=-]", "-", label)


def save(path: Path, found: Relatedness) -> None:
    """Write one estimate, whole or not at all."""
    arrays = {name: getattr(found, name) for name in ARRAYS if getattr(found, name) is not None}
    cost = found.cost
    numbers = [cost.seconds, cost.forward_passes, cost.backward_passes, found.peak_memory_mb]
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, layers=np.array(found.layers, dtype=str), cost=np.array(numbers), **arrays)


def load(path: Path) -> Relatedness | None:
    """Read one estimate; None where there is no such file or it is damaged, so that it is made anew."""
    arrays = read_arrays(path)
    if arrays is None or not {"cost", "layers", "values"} <= arrays.keys():
        return None
    try:
        seconds, forward, backward, memory = arrays["cost"].tolist()
        return Relatedness(
            values=arrays["values"],
            layers=tuple(arrays["layers"].tolist()),
            cost=Cost(seconds, int(forward), int(backward)),
            peak_memory_mb=memory,
            **{name: arrays.get(name) for name in ARRAYS[1:]},
        )
    except (TypeError, ValueError):
        return None
