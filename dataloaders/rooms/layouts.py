"""Writing rendered rooms in the layouts of the public data sets, as their loaders read them.

A layout writes the files of one frame, returns their paths for the index, and may add files of its own about the
whole data set. Axes and codings of depth and normals are those found in the published files.
"""

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dataloaders.rooms.room import CLASSES, Frame

Entry = list[str]

NYU_CLASSES = {
    "wall": 0, "floor": 1, "cabinet": 2, "bed": 3, "chair": 4, "sofa": 5, "table": 6, "door": 7, "window": 8,
    "bookshelf": 9, "picture": 10, "rug": 19, "ceiling": 21, "books": 22, "television": 24, "lamp": 34, "plant": 39,
}  # fmt: skip
"""Classes of the 40-class set that NYUv2 is labelled with; rugs are its floor mats, plants its other props."""

STREET_CLASSES = {
    "floor": 0, "rug": 1, "wall": 2, "window": 3, "cabinet": 4, "lamp": 5, "television": 6, "picture": 7, "plant": 8,
    "bed": 9, "ceiling": 10, "chair": 11, "sofa": 12, "table": 13, "bookshelf": 14, "books": 15, "door": 16,
}  # fmt: skip
"""Room classes as ids of Cityscapes' 19 classes; where a street has nothing like it, any id that is free."""

STREET_GROUPS = (0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 4, 5, 5, 6, 6, 6, 6, 6, 6)
"""Cityscapes' 7 categories (flat, construction, object, nature, sky, human, vehicle) of its 19 classes."""

STREET_THINGS = (0, 0, 1, 0, 0, 1, 1)
"""The two-class set: surroundings 0 and things 1, by category."""

STEREO_BASE = 0.22  # metres between the two cameras of Cityscapes' car
FARTHEST = 64499  # the largest depth value that the Taskonomy loader takes as valid
NO_READING = 65535


class Layout(ABC):
    """One way to lay a data set out on disk."""

    index_file: ClassVar[str]

    @abstractmethod
    def write(self, root: Path, split: str, index: int, frame: Frame) -> Entry:
        """Write one frame's files; their paths below ``root`` in the order of the index."""

    def finish(self, root: Path, entries: Mapping[str, list[Entry]], pixels: NDArray[np.int64]) -> None:
        """Write the index; ``pixels`` [17] counts the training pixels of each class."""
        (root / self.index_file).write_text(json.dumps(entries, indent=1), encoding="utf-8")


class NYUv2Layout(Layout):
    index_file = "nyu_v2_3task.json"

    def write(self, root: Path, split: str, index: int, frame: Frame) -> Entry:
        # NYUv2's normals are stored as right, forward, up; ours are right, up, back.
        right, up, back = np.moveaxis(frame.normal, -1, 0)
        normal = np.minimum(_byte_code(np.stack([right, -back, up], -1)), 254)  # 255 means invalid
        normal[~frame.measurable] = 255
        depth = np.where(frame.measurable, frame.depth, np.float32(0))
        label = _renumber(frame.label, NYU_CLASSES, unlabelled=255).astype(np.uint8)
        name = f"{split}_{index:04d}"
        return [
            _save(root, f"img/{name}.png", frame.image),
            _save(root, f"seg/{name}.png", label),
            _save(root, f"normal_mask/{name}.png", normal),
            _save(root, f"depth/{name}.npy", depth),
        ]


class CityscapesLayout(Layout):
    index_file = "cityscape.json"

    def write(self, root: Path, split: str, index: int, frame: Frame) -> Entry:
        # Disparity as a share of the image's width: focal length (in widths) times base over depth.
        disparity = STEREO_BASE * frame.focal / frame.depth.shape[1] / frame.depth
        disparity = np.where(frame.measurable, disparity, 0)[..., None].astype(np.float32)
        label19 = _renumber(frame.label, STREET_CLASSES, unlabelled=-1)
        label7 = np.append(STREET_GROUPS, -1)[label19]  # -1 picks the last
        label2 = np.append(STREET_THINGS, -1)[label7]
        image = (frame.image / 255).astype(np.float32)
        arrays: dict[str, np.ndarray] = {
            "image": image,
            "depth": disparity,
            "label_2": label2,
            "label_7": label7,
            "label_19": label19,
        }
        return [_save(root, f"{split}/{name}/{index}.npy", array) for name, array in arrays.items()]


class TaskonomyLayout(Layout):
    index_file = "taskonomy.json"

    def write(self, root: Path, split: str, index: int, frame: Frame) -> Entry:
        depth = np.clip(np.round(frame.depth * 512), 1, FARTHEST)
        arrays: dict[str, np.ndarray] = {
            "rgb": frame.image,
            "segmentsemantic": (frame.label + 1).astype(np.uint8),
            "normal": _byte_code(frame.normal),
            "depth_zbuffer": np.where(frame.measurable, depth, NO_READING).astype(np.uint16),
            "keypoints2d": _fraction_code(frame.keypoint),
            "edge_texture": _fraction_code(frame.edge),
        }
        return [
            _save(root, f"rooms_{split}/{domain}/point_{index}_view_0_domain_{domain}.png", array)
            for domain, array in arrays.items()
        ]

    def finish(self, root: Path, entries: Mapping[str, list[Entry]], pixels: NDArray[np.int64]) -> None:
        np.save(root / "semseg_prior_factor.npy", class_weights(pixels))
        super().finish(root, entries, pixels)


LAYOUTS: dict[str, Layout] = {
    "nyuv2": NYUv2Layout(),
    "cityscapes": CityscapesLayout(),
    "taskonomy": TaskonomyLayout(),
}


def class_weights(pixels: NDArray[np.int64]) -> NDArray[np.float64]:
    """Weights of classes for the segmentation loss: the square root of median over own frequency, in [0.25, 4].

    The root and the bounds keep a class of a few pixels from ruling the loss (median frequency balancing is
    Eigen and Fergus's, ICCV 2015). A class that does not occur gets 4.
    """
    present = pixels[pixels > 0]
    if not present.size:
        return np.ones(len(pixels))
    return np.asarray(np.clip(np.sqrt(np.median(present) / np.maximum(pixels, 1)), 0.25, 4))


def count_classes(frame: Frame) -> NDArray[np.int64]:
    """[17] pixels of each class as the Taskonomy loader sees them: the unlabelled ones belong to class 0."""
    return np.bincount(np.maximum(frame.label, 0).ravel(), minlength=len(CLASSES))


def _renumber(label: NDArray[np.int8], numbers: Mapping[str, int], unlabelled: int) -> NDArray[np.int64]:
    table = np.array([*(numbers[name] for name in CLASSES), unlabelled])
    return np.asarray(table[label])  # -1 picks the last


def _byte_code(unit: NDArray[np.float32]) -> NDArray[np.uint8]:
    """[-1, 1] as 0..255."""
    return np.round((unit + 1) * 127.5).astype(np.uint8)


def _fraction_code(response: NDArray[np.float32]) -> NDArray[np.uint16]:
    """A response in [0, 1) as 65536ths."""
    return np.clip(np.round(response * 65536), 0, 65535).astype(np.uint16)


def _save(root: Path, name: str, array: np.ndarray) -> str:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".npy":
        np.save(path, array)
    else:
        Image.fromarray(array).save(path)
    return name
