"""Official downloads on disk, of their structure but small enough to check by hand."""

from pathlib import Path

import h5py
import numpy as np
from scipy.io import savemat
from small_data import write_png

SIZE = (24, 32)


def make_nyu_mat(folder: Path, count: int = 3, train: tuple[int, ...] = (1, 3), test: tuple[int, ...] = (2,)) -> Path:
    """The three files as MATLAB writes them. Frame i, from 0, is a wall i + 1 metres away, of red 10 i and the label i.

    The upper left pixel is green, has the label 0 and is 9 metres away.
    """
    images = np.zeros((count, *SIZE, 3), np.uint8)
    images[..., 0] = 10 * np.arange(count)[:, None, None]
    depths = np.broadcast_to(np.arange(1, count + 1, dtype=np.float32)[:, None, None], (count, *SIZE)).copy()
    labels = np.broadcast_to(np.arange(count, dtype=np.uint16)[:, None, None], (count, *SIZE)).copy()
    images[:, 0, 0], depths[:, 0, 0], labels[:, 0, 0] = (0, 255, 0), 9, 0
    savemat(folder / "splits.mat", {"trainNdxs": np.array(train)[:, None], "testNdxs": np.array(test)[:, None]})
    savemat(folder / "classMapping40.mat", {"mapClass": np.arange(894)[None] % 40 + 1, "className": np.array(["wall"])})
    return write_nyu_mat(folder / "nyu_depth_v2_labeled.mat", images, depths, labels)


def write_nyu_mat(path: Path, images: np.ndarray, depths: np.ndarray, labels: np.ndarray) -> Path:
    """Frames [N, H, W, 3], [N, H, W] and [N, H, W] as MATLAB v7.3: HDF5 behind 512 bytes, dimensions in reverse."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w", userblock_size=512) as file:
        file["images"] = images.transpose(0, 3, 2, 1)
        file["depths"] = depths.transpose(0, 2, 1)
        file["labels"] = labels.transpose(0, 2, 1)
        file.create_group("#refs#")["a"] = np.array([[119]], np.uint16)
        file.create_dataset("names", (1, 894), dtype=h5py.ref_dtype)
    with path.open("r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(512))
    return path


def make_cityscapes_download(folder: Path, size: tuple[int, int] = (8, 16), disparity: bool = True) -> Path:
    """Two frames for training and one for validation, all of one colour; a car, but for a quarter that is void."""
    for split, city, sequences in (("train", "aachen", (0, 1)), ("val", "ulm", (2,))):
        for number, sequence in enumerate(sequences):
            stem = f"{split}/{city}/{city}_{sequence:06}_000019"
            ids = np.full(size, 26, np.uint8)
            ids[:4, :4] = 3
            write_png(folder / f"leftImg8bit/{stem}_leftImg8bit.png", np.full((*size, 3), (51, 102, 255), np.uint8))
            write_png(folder / f"gtFine/{stem}_gtFine_labelIds.png", ids)
            write_png(folder / f"gtFine/{stem}_gtFine_color.png", np.zeros((*size, 4), np.uint8))
            stored = np.full(size, 6554 + 1 + number, np.uint16)
            stored[:4, :4] = 0
            if disparity:
                write_png(folder / f"disparity/{stem}_disparity.png", stored)
    return folder


def make_omnidata_download(folder: Path, domains: tuple[str, ...] = (), views: int = 2) -> Path:
    """Two buildings of training, one of testing and one that is of no split, as the downloader lays them."""
    small, deep = np.ones((4, 4), np.uint8), np.ones((4, 4), np.uint16)
    pixels = {"rgb": np.ones((4, 4, 3), np.uint8), "segment_semantic": small, "normal": np.ones((4, 4, 3), np.uint8)}
    pixels |= dict.fromkeys(("depth_zbuffer", "keypoints2d", "edge_texture"), deep)
    for domain in domains or pixels:
        for building in ("hanson", "merom", "ihlen", "cauthron"):
            for view in range(views):
                name = f"point_7_view_{view}_domain_{domain.replace('_semantic', 'semantic')}.png"
                write_png(folder / domain / "taskonomy" / building / name, pixels[domain])
    return folder
