"""A key for cached work: a hash of everything that affects it, so that stale values are never met."""

import hashlib
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torchvision

from configs.paths import REPOSITORY

CODE = (
    "dataloaders/**/*.py",
    "models/**/*.py",
    "tasks/**/*.py",
    "prune_utils/layers.py",
    "prune_utils/masks.py",
    "prune_utils/scores.py",
    "relatedness/snip/statistics.py",
    "runtime/passes.py",
)
"""Code of ours that scores and their statistics depend on."""


def fingerprint(settings: Any, files: Iterable[str | Path], plugins: Iterable[object]) -> str:
    """Hash of settings, data files, code and library versions, as 16 hexadecimal digits.

    Args:
        settings: anything that JSON can hold, other things by their text.
        files: data files; their path, size and time of change count, which is quick and notices an edit.
        plugins: classes and functions in use that may be the user's own; the content of their source files counts.
    """
    versions = [torch.__version__, torchvision.__version__, np.__version__]
    parts = {
        "settings": settings,
        "versions": versions,
        "data": sorted({_stamp(Path(file)) for file in files}),
        "code": [_content(path) for path in sorted(_sources(plugins))],
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:16]


def _sources(plugins: Iterable[object]) -> set[Path]:
    ours = {path for pattern in CODE for path in REPOSITORY.glob(pattern)}
    parts = [part for plugin in plugins for part in getattr(plugin, "__mro__", (plugin,))]
    modules = [sys.modules.get(getattr(part, "__module__", None) or "") for part in parts]
    files = {getattr(module, "__file__", None) for module in modules}
    return ours | {Path(file) for file in files if file}


def _stamp(path: Path) -> str:
    try:
        stat = path.stat()
    except OSError:
        return f"{path}"
    return f"{path} {stat.st_size} {stat.st_mtime_ns}"


def _content(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
