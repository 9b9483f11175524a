"""Data sets and loaders: pictures and labels on disk become batches."""

from dataloaders.base import Field, IndexedDataset, MultitaskDataset
from dataloaders.loading import Loader, evaluation_loader, training_loader
from dataloaders.registry import DATASETS, open_dataset

__all__ = [
    "DATASETS",
    "Field",
    "IndexedDataset",
    "Loader",
    "MultitaskDataset",
    "evaluation_loader",
    "open_dataset",
    "training_loader",
]
