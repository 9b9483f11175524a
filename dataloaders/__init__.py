"""Data sets and loaders: pictures and labels on disk become batches."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataloaders.base import Field, IndexedDataset, MultitaskDataset
    from dataloaders.batches.loading import Loader, evaluation_loader, training_loader
    from dataloaders.registry import DATASETS, open_dataset, validation_split

__all__ = [
    "DATASETS",
    "Field",
    "IndexedDataset",
    "Loader",
    "MultitaskDataset",
    "evaluation_loader",
    "open_dataset",
    "training_loader",
    "validation_split",
]

_HOMES = {"base": ("Field", "IndexedDataset", "MultitaskDataset"),
          "batches.loading": ("Loader", "evaluation_loader", "training_loader"),
          "registry": ("DATASETS", "open_dataset", "validation_split")}


def __getattr__(name: str) -> Any:
    """Load a module of this package when something of it is asked for: processes that render need no torch."""
    for module, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"dataloaders.{module}"), name)
    raise AttributeError(f"module 'dataloaders' has no attribute '{name}'")
