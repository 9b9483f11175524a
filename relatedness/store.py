"""What each estimator said in each replicate, on disk: whole or not at all, and never that of other settings."""

import hashlib
import re
import sys
import zipfile
from pathlib import Path

import numpy as np

from configs.paths import REPOSITORY, replacing
from relatedness.base import Estimator, Relatedness
from relatedness.products import Cost
from relatedness.study import Plan, Study
from runtime.passes import scoring_fingerprint
from runtime.setup import Setup

ARRAYS = ("values", "floor", "ceiling", "layer_values", "layer_floor", "layer_ceiling")
"""Those of a ``Relatedness``; one that is not there is left out of the file."""


def replicate_identity(setup: Setup, plan: Plan, replicate: int, estimator: Estimator) -> str:
    """A hash of all that an estimate depends on: settings, data, code, versions, the replicate and the options.

    Neither the number of processes and workers nor the other estimators of a run are in it.
    """
    study = Study(setup, plan, replicate)
    batches = max(study.numbers("first").stop, study.numbers("held_out").stop if estimator.held_out else 0)
    own = Path(str(sys.modules[type(estimator).__module__].__file__))
    code = sorted([*(REPOSITORY / "relatedness").glob("*.py"), own])
    warmup = [plan.warmup, setup.config.train.model_dump()] if estimator.need == "warm" else None
    further = [
        [plan.num_batches, plan.controls, warmup, estimator.need, estimator.model_dump(mode="json")],
        type(estimator).__qualname__,
        [hashlib.sha256(path.read_bytes()).hexdigest() for path in code],
    ]
    return scoring_fingerprint(setup, batches, study.seed, further)


def kept_file(folder: Path, label: str, replicate: int, identity: str) -> Path:
    """Where an estimate is kept."""
    name = re.sub(r"[^\w.@-]", "-", label)
    return folder / f"{name}_replicate{replicate}_{identity}.npz"


def save(path: Path, found: Relatedness) -> None:
    """Write one estimate, whole or not at all."""
    arrays = {name: getattr(found, name) for name in ARRAYS if getattr(found, name) is not None}
    cost = found.cost
    numbers = [cost.seconds, cost.forward_passes, cost.backward_passes, found.peak_memory_mb]
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, layers=np.array(found.layers, dtype=str), cost=np.array(numbers), **arrays)


def load(path: Path) -> Relatedness | None:
    """Read one estimate; None where there is no such file or it is damaged, so that it is made anew."""
    try:
        with np.load(path) as arrays:
            seconds, forward, backward, memory = arrays["cost"].tolist()
            fields = {name: arrays[name] if name in arrays else None for name in ARRAYS[1:]}
            return Relatedness(
                values=arrays["values"],
                layers=tuple(arrays["layers"].tolist()),
                cost=Cost(seconds, int(forward), int(backward)),
                peak_memory_mb=memory,
                **fields,
            )
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
