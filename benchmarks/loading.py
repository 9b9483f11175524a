"""Reading training samples in the NYUv2 layout, against the rate at which the files alone can be decoded."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from benchmarks.timing import Row, interleaved
from configs import Config, load_config
from dataloaders import MultitaskDataset, open_dataset, training_loader
from dataloaders.rendering import Rendering
from dataloaders.rooms.folder import render_folder

KEYS = ("seg", "normal", "depth")
FRAMES = 8


def measure() -> list[Row]:
    """Samples a second of one process and one thread, augmented to crop 321, over decoding alone."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with rendered_frames() as config:
            dataset = open_dataset(config, "train", KEYS)
            ours, decoding = interleaved(lambda: load(config), lambda: decode(dataset))
    finally:
        torch.set_num_threads(threads)
    return [
        Row("loading", "NYUv2 samples a second over decoding alone", f"{decoding / ours:.2f}", ">= 0.70"),
        Row("loading", "samples a second and core, crop 321", f"{FRAMES / ours:.0f}"),
    ]


@contextmanager
def rendered_frames() -> Iterator[Config]:
    """Settings of NYUv2 with some rendered frames of its size, 480 x 640."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "rooms"
        render_folder(root, Rendering("nyuv2", FRAMES, 1, (480, 640)), workers=2)
        yield load_config("nyuv2", [f"data.root={root}"])


def load(config: Config) -> None:
    """Every frame once, as training gets it."""
    for _ in training_loader(config, KEYS, range(1), batch_size=FRAMES, seed=0, num_workers=0):
        pass


def decode(dataset: MultitaskDataset) -> None:
    """Every frame once, decoded with the libraries alone."""
    for index in range(len(dataset)):
        for key in ("img", *KEYS):
            path = dataset.source(index, key)
            np.load(path) if path.endswith(".npy") else np.asarray(Image.open(path))
