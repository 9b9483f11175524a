"""NYU Depth V2: ``nyu_depth_v2_labeled.mat`` becomes AdaShare's layout, normals computed from depth."""

import functools
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from configs.errors import UserError
from dataloaders.preparing.base import Frame, Preparation
from dataloaders.preparing.files import save_npy, save_png, told_by_its_ends
from dataloaders.preparing.geometry import Camera, plane_normals
from dataloaders.preparing.matlab import Hdf5, read_numbers

FILE, SPLITS, CLASSES = "nyu_depth_v2_labeled.mat", "splits.mat", "classMapping40.mat"
SPLIT_NAMES = {"train": "trainNdxs", "test": "testNdxs"}
NUM_CLASSES, UNLABELLED = 40, 255
HEIGHT, WIDTH = 480, 640
CAMERA = Camera(518.86, 519.47, 325.58, 253.74)  # of the colour images, in whose view depth and labels are
WINDOW = 21
"""Pixels a side, at 480 x 640. On AdaShare's four sample frames the median angle to the published normals is then 1.7
to 3.7 degrees; with 25 pixels it is 3.8 to 7.7."""
INVALID = 255  # of normals, whose valid values end at 254
MOST_DIGITS = 4  # of a frame's number, as AdaShare's files are called


class NYUv2(Preparation):
    """Frame i of the file (from 0) becomes ``img/<i>.png`` and so on, as AdaShare numbers them, but not mirrored.

    Args:
        source: the .mat file, or the folder it lies in.
        splits: ``splits.mat``; by default the one beside the source.
        classes: ``classMapping40.mat``; by default the one beside the source. Without it no labels are written.
    """

    index_file = "nyu_v2_3task.json"
    columns = ("img", "seg", "normal_mask", "depth")
    takes: ClassVar = ("splits", "classes")

    def __init__(self, source: Path, splits: Path | None = None, classes: Path | None = None) -> None:
        super().__init__(source / FILE if source.is_dir() else source)
        self.splits = splits or self.source.with_name(SPLITS)
        beside = self.source.with_name(CLASSES)
        self.classes = classes or (beside if beside.is_file() else None)
        with Hdf5(self.source) as file:
            self.count, self.size = _checked_shapes(file)
        self._table = _class_table(self.classes) if self.classes is not None else None

    def frames(self) -> Sequence[Frame]:
        if not self.splits.exists():
            raise UserError(
                f"{self.splits}: no such file; it says which frames are for training: fetch {SPLITS} from where the "
                f"data came from, or name it with --splits"
            )
        numbers = {split: read_numbers(self.splits, name) - 1 for split, name in SPLIT_NAMES.items()}
        every = np.concatenate(list(numbers.values()))
        if len(np.unique(every)) != len(every):
            raise UserError(f"{self.splits}: names a frame twice; fetch it again")
        if len(every) and (every.min() < 0 or every.max() >= self.count):
            wrong = every[(every < 0) | (every >= self.count)][0] + 1
            raise UserError(
                f"{self.splits}: names frame {wrong}, but {self.source} has the frames 1 to {self.count}; "
                f"the two do not belong together"
            )
        return [
            Frame(split, f"{number}", self._row(f"{number:0{MOST_DIGITS}}"))
            for split, found in numbers.items()
            for number in found.tolist()
        ]

    def _row(self, name: str) -> tuple[str, ...]:
        return tuple(f"{column}/{name}.{'npy' if column == 'depth' else 'png'}" for column in self.columns)

    @property
    def made(self) -> Mapping[str, int]:
        pixels = self.size[0] * self.size[1]
        sizes = {"img": 3 * pixels, "seg": pixels, "normal_mask": 3 * pixels, "depth": 4 * pixels}
        return sizes if self._table is not None else {key: size for key, size in sizes.items() if key != "seg"}

    @property
    def identity(self) -> Mapping[str, str | None]:
        return {
            "source": told_by_its_ends(self.source),
            "splits": told_by_its_ends(self.splits),
            "classes": None if self.classes is None else told_by_its_ends(self.classes),
        }

    @property
    def remarks(self) -> Sequence[str]:
        if self._table is not None:
            return ()
        return (
            f"there are no labels, for want of {CLASSES}: use --tasks sn,depth, or give --classes to the same command",
        )

    def write(self, frame: Frame, columns: Collection[str], root: Path) -> None:
        row, place = int(frame.origin), dict(zip(self.columns, frame.row, strict=True))
        file = _opened(self.source)
        if "img" in columns:
            save_png(root / place["img"], file.read("images", row).transpose(2, 1, 0))
        if "seg" in columns and self._table is not None:
            save_png(root / place["seg"], self._classes(file.read("labels", row).T, self._table))
        if {"normal_mask", "depth"} & set(columns):
            depth = file.read("depths", row).T.astype(np.float32)
            depth = np.where(np.isfinite(depth) & (depth > 0), depth, np.float32(0))
            if "normal_mask" in columns:
                save_png(root / place["normal_mask"], coded_normals(depth))
            if "depth" in columns:
                save_npy(root / place["depth"], depth)

    def _classes(self, labels: NDArray, table: NDArray[np.uint8]) -> NDArray[np.uint8]:
        if labels.max() >= len(table):
            raise UserError(
                f"{self.source}: holds the label {labels.max()}, but {self.classes} knows {len(table) - 1}; "
                f"the two do not belong together"
            )
        return table[labels]


def coded_normals(depth: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Normals [H, W, 3] as AdaShare stores them: right, forward, up as 0..254; 255 where there are none."""
    height, width = depth.shape
    reach = max(1, round((WINDOW - 1) / 2 * height / HEIGHT))
    camera = CAMERA.scaled(width / WIDTH, height / HEIGHT)
    normals, found = plane_normals(depth, camera, 2 * reach + 1)
    right, down, forward = np.moveaxis(normals, -1, 0)
    coded = np.rint((np.stack([right, forward, -down], -1) + 1) * 127).astype(np.uint8)
    coded[~found] = INVALID
    return coded


def _checked_shapes(file: Hdf5) -> tuple[int, tuple[int, int]]:
    """The number of frames, and their height and width."""
    count, channels, width, height = file.shape_of("images", "u", 4)
    others = [file.shape_of("depths", "f", 3), file.shape_of("labels", "u", 3)]
    if channels != 3 or any(shape != (count, width, height) for shape in others):
        found = ", ".join(map(str, [[count, channels, width, height], *map(list, others)]))
        raise UserError(
            f"{file.path}: images, depths and labels are {found}; expected [N, 3, W, H] and twice [N, W, H]; "
            f"fetch it again"
        )
    return count, (height, width)


def _class_table(path: Path) -> NDArray[np.uint8]:
    """From a label of the file, 0 and up, to one of the 40 classes, 0 and up; the file's 0 is unlabelled."""
    classes = read_numbers(path, "mapClass")
    if not len(classes) or classes.min() < 1 or classes.max() > NUM_CLASSES:
        raise UserError(f"{path}: 'mapClass' is not a list of classes from 1 to {NUM_CLASSES}; name {CLASSES}")
    return np.append(UNLABELLED, classes - 1).astype(np.uint8)


@functools.lru_cache(maxsize=1)
def _opened(path: Path) -> Hdf5:
    """The file, once in every process."""
    return Hdf5(path)
