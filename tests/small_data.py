"""Data sets on disk that are small enough to check by hand, and their settings."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from configs import Config, load_config
from configs.paths import REPOSITORY
from dataloaders import evaluation_loader

TASKONOMY_DOMAINS = ("rgb", "segmentsemantic", "normal", "depth_zbuffer", "keypoints2d", "edge_texture")


def settings(dataset: str, root: Path, *overrides: str) -> Config:
    """A data set's settings with this root."""
    return load_config(dataset, [f"data.root={root}", *overrides])


def whole_samples(config: Config, *keys: str) -> list[dict[str, Any]]:
    """Every test sample, one to a batch, as evaluation gets it."""
    return list(evaluation_loader(config, keys, batch_size=1, num_workers=0))


def make_nyuv2(root: Path, count: int = 3, size: tuple[int, int] = (6, 8)) -> Path:
    """Sample i has an image of the value i, normals of 10 + i, labels i and depth i + 1."""
    rows = []
    for i in range(count):
        paths = [f"img/{i:04}.png", f"seg/{i:04}.png", f"normal_mask/{i:04}.png", f"depth/{i:04}.npy"]
        write_png(root / paths[0], np.full((*size, 3), i, np.uint8))
        write_png(root / paths[1], np.full(size, i, np.uint8))
        write_png(root / paths[2], np.full((*size, 3), 10 + i, np.uint8))
        write_npy(root / paths[3], np.full(size, i + 1, np.float32))
        rows.append(paths)
    return write_index(root, "nyu_v2_3task.json", rows)


def make_cityscapes(root: Path, **arrays: np.ndarray) -> Path:
    """One sample of 4 x 6 pixels; ``arrays`` replace files by column: img, depth, label2, label7, label19."""
    usual = {"img": np.full((4, 6, 3), 0.5, np.float32), "depth": np.full((4, 6, 1), 0.1, np.float32)}
    usual |= {f"label{n}": np.full((4, 6), n - 1, np.int64) for n in (2, 7, 19)}
    for column, array in (usual | arrays).items():
        write_npy(root / column / "0.npy", array)
    return write_index(root, "cityscape.json", [[f"{column}/0.npy" for column in usual]])


def make_taskonomy(root: Path, size: int = 4, *, omnidata: bool = False, **pixels: np.ndarray) -> Path:
    """One sample of size x size pixels; ``pixels`` replace files by domain, None leaves a file out."""
    grey, colour, deep = np.ones((size, size), np.uint8), np.ones((size, size, 3), np.uint8), np.uint16
    usual = {"rgb": colour, "segmentsemantic": grey, "normal": colour}
    usual |= {domain: grey.astype(deep) for domain in TASKONOMY_DOMAINS[3:]}
    row = []
    for domain, image in (usual | pixels).items():
        file = f"point_0_view_0_domain_{domain}.png"
        row.append(f"house/{domain}/{file}")
        folder = domain.replace("segments", "segment_s")
        path = root / folder / "taskonomy" / "house" / file if omnidata else root / row[-1]
        if image is not None:
            write_png(path, image)
    return write_index(root, "taskonomy.json", [row])


def make_mtan(root: Path, count: int = 3, size: tuple[int, int] = (4, 6)) -> Path:
    """Sample i is grey, has labels i, depth i + 1 and normals (0.6, 0, 0.8); its first pixel has none of them."""
    for split in ("train", "val"):
        for i in range(count):
            arrays = {
                "image": np.full((*size, 3), 0.5),
                "label": np.full(size, float(i)),
                "depth": np.full((*size, 1), i + 1.0),
                "normal": np.full((*size, 3), (0.6, 0.0, 0.8)),
            }
            for column, array in arrays.items():
                array[0, 0] = {"image": 0.5, "label": -1}.get(column, 0)
                write_npy(root / split / column / f"{i}.npy", array)
    return root


def make_aerial(folder: Path) -> Path:
    """The folder that docs/own_data.md describes, with its two files word for word; returns it."""
    text = (REPOSITORY / "docs" / "own_data.md").read_text()
    rng = np.random.default_rng(0)
    for split in ("train", "test"):
        for i in range(3):
            stem = f"{split}/{i:04}"
            write_png(folder / f"{stem}.png", rng.integers(0, 256, (72, 80, 3), dtype=np.uint8))
            write_png(folder / f"{stem}_class.png", rng.integers(0, 5, (72, 80), dtype=np.uint8))
            write_npy(folder / f"{stem}_height.npy", rng.uniform(0, 30, (72, 80)).astype(np.float32))
    write_blocks(folder, text, ("aerial.yaml", "aerial_data.py"))
    return folder


def make_street(folder: Path, count: int = 8) -> Path:
    """The folder that docs/own_data.md describes for labels of whole images: rain is red, many cars are bright."""
    text = (REPOSITORY / "docs" / "own_data.md").read_text()
    rng = np.random.default_rng(0)
    rows = ["image,weather,cars"]
    for split in ("train", "test"):
        (folder / split).mkdir(parents=True)
        for i in range(count):
            rain, cars = i % 2, int(rng.integers(0, 6))
            colour = np.array([60 + 120 * rain, 60, 60]) + 10 * cars
            pixels = np.clip(colour + rng.normal(0, 5, (72, 80, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / split / f"{i:04}.jpg", quality=95)
            write_png(folder / split / f"{i:04}_class.png", rng.integers(0, 3, (72, 80), dtype=np.uint8))
            rows.append(f"{split}/{i:04}.jpg,{'' if i == 2 else ('sun', 'rain')[rain]},{cars}")
    (folder / "labels.csv").write_text("\n".join(rows))
    write_blocks(folder, text, ("street.yaml", "street_data.py"))
    return folder


def write_blocks(folder: Path, text: str, names: tuple[str, str]) -> None:
    """The blocks of code that follow their names in a page, as files."""
    for name in names:
        block = re.search(rf"^`{name}`[^`]*(?:`[^`\n]+`[^`]*)*```\w+\n(.+?)```", text, re.DOTALL | re.MULTILINE)
        assert block is not None, name
        (folder / name).write_text(block[1])


def write_index(root: Path, name: str, rows: list[list[str]]) -> Path:
    """The same samples in both splits; returns the root."""
    (root / name).write_text(json.dumps({"train": rows, "test": rows}))
    return root


def write_png(path: Path, pixels: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


def write_npy(path: Path, array: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, array)
    return path
