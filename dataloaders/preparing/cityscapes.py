"""Cityscapes: ``leftImg8bit``, ``gtFine`` and ``disparity`` become AdaShare's arrays, a quarter of their size."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from configs.errors import UserError
from dataloaders.images import CODED, GREY_8, GREY_16, Wanted, open_image
from dataloaders.preparing.base import Frame, Preparation
from dataloaders.preparing.files import save_npy

SPLITS = {"train": "train", "val": "test"}
FILES = {"leftImg8bit": "leftImg8bit", "gtFine": "gtFine_labelIds", "disparity": "disparity"}
"""The folders of the download, and how the names of the files in them end."""
REDUCTION = 4  # 1024 x 2048 become 256 x 512
UNLABELLED = -1

TRAIN_IDS = {
    7: 0, 8: 1, 11: 2, 12: 3, 13: 4, 17: 5, 19: 6, 20: 7, 21: 8, 22: 9, 23: 10, 24: 11, 25: 12, 26: 13, 27: 14, 28: 15,
    31: 16, 32: 17, 33: 18,
}  # fmt: skip
"""The 19 classes that are evaluated, of the ids in gtFine (cityscapesScripts, labels.py); all others are ignored."""
GROUPS = (0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 4, 5, 5, 6, 6, 6, 6, 6, 6)
"""The 7 categories of the 19 classes: flat, construction, object, nature, sky, human, vehicle."""
FOREGROUND = (0, 0, 0, 0, 0, 1, 1)
"""The 2 classes of the 7 (MTAN, table 1): humans and vehicles before a background."""

DISPARITY_UNIT = 256 * 256
"""A stored disparity v stands for (v - 1) / 256 pixels. The published arrays are in units of 256 pixels: they end at
0.492 where the files end at 32257. The published weights of the losses are for that unit."""


class Cityscapes(Preparation):
    """The splits ``train`` and ``val``, which becomes ``test``; without the folder ``disparity`` only labels.

    Args:
        source: the folder of the three.
    """

    index_file = "cityscape.json"
    columns = ("image", "depth", "label_2", "label_7", "label_19")

    def __init__(self, source: Path) -> None:
        super().__init__(source)
        missing = [folder for folder in ("leftImg8bit", "gtFine") if not (source / folder).is_dir()]
        if missing:
            raise UserError(
                f"--source: {source} has no folder {missing[0]}; name the folder that leftImg8bit, gtFine and "
                f"disparity were unpacked to"
            )
        self.has_disparity = (source / "disparity").is_dir()
        self._frames = [frame for split in SPLITS for frame in self._of_split(split)]
        self.size = _size(self._path(self._frames[0].origin, "leftImg8bit"))

    def frames(self) -> Sequence[Frame]:
        return self._frames

    def _of_split(self, split: str) -> list[Frame]:
        folder, ending = self.source / "leftImg8bit" / split, f"_{FILES['leftImg8bit']}.png"
        images = sorted(folder.glob(f"*/*{ending}"))
        if not images:
            raise UserError(f"{folder}: no files <city>/*{ending}; unpack the download again")
        frames = []
        for image in images:
            name = image.name.removesuffix(ending)
            row = tuple(f"{SPLITS[split]}/{column}/{name}.npy" for column in self.columns)
            frames.append(Frame(SPLITS[split], f"{split}/{image.parent.name}/{name}", row))
            for folder_name in ["gtFine"] + ["disparity"] * self.has_disparity:
                other = self._path(frames[-1].origin, folder_name)
                if not other.is_file():
                    raise UserError(f"{other}: missing, but {image} is there; unpack {folder_name} again")
        return frames

    def _path(self, origin: str, folder: str) -> Path:
        return self.source / folder / f"{origin}_{FILES[folder]}.png"

    @property
    def made(self) -> Mapping[str, int]:
        pixels = self.size[0] * self.size[1]
        depth = {"depth": 4 * pixels} if self.has_disparity else {}
        return {"image": 12 * pixels, **depth, **{f"label_{count}": pixels for count in (2, 7, 19)}}

    @property
    def identity(self) -> Mapping[str, str | None]:
        names = "\n".join(frame.origin for frame in self._frames)
        return {"source": f"{len(self._frames)} frames, {hashlib.sha256(names.encode()).hexdigest()[:16]}"}

    @property
    def remarks(self) -> Sequence[str]:
        if self.has_disparity:
            return ()
        return ("there is no depth, for want of the folder disparity: use --tasks seg, or unpack it and call again",)

    def write(self, frame: Frame, columns: Collection[str], root: Path) -> None:
        place = dict(zip(self.columns, frame.row, strict=True))
        for column, array in self._arrays(frame.origin, columns).items():
            save_npy(root / place[column], array)

    def _arrays(self, origin: str, columns: Collection[str]) -> dict[str, NDArray]:
        arrays: dict[str, NDArray] = {}
        if "image" in columns:
            image = self._read(origin, "leftImg8bit", CODED)[..., :3]
            height, width = self.size
            blocks = image.reshape(height, REDUCTION, width, REDUCTION, 3)
            arrays["image"] = (blocks.mean((1, 3), dtype=np.float32) / 255).astype(np.float32)
        if "depth" in columns:
            stored = _sampled(self._read(origin, "disparity", GREY_16)).astype(np.float32)
            arrays["depth"] = (np.maximum(stored - 1, 0) / DISPARITY_UNIT)[..., None]
        if any(column.startswith("label") for column in columns):
            fine = _table(TRAIN_IDS, 256)[_sampled(self._read(origin, "gtFine", GREY_8))]
            coarse = np.append(GROUPS, UNLABELLED)[fine]  # -1 picks the last
            every = {"label_19": fine, "label_7": coarse, "label_2": np.append(FOREGROUND, UNLABELLED)[coarse]}
            arrays |= {name: label.astype(np.int8) for name, label in every.items() if name in columns}
        return arrays

    def _read(self, origin: str, folder: str, wanted: Wanted) -> NDArray:
        path = self._path(origin, folder)
        pixels = np.asarray(open_image(path, wanted))
        expected = (self.size[0] * REDUCTION, self.size[1] * REDUCTION)
        if pixels.shape[:2] != expected:
            found, first = (" x ".join(map(str, size)) for size in (pixels.shape[:2], expected))
            raise UserError(f"{path}: {found} pixels, but the first frame has {first}; fetch it again")
        return pixels


def _size(path: Path) -> tuple[int, int]:
    """Height and width of the arrays, from an image of the download."""
    image = open_image(path, CODED)
    if image.height % REDUCTION or image.width % REDUCTION:
        raise UserError(f"{path}: {image.height} x {image.width} pixels do not divide by {REDUCTION}; fetch it again")
    return image.height // REDUCTION, image.width // REDUCTION


def _sampled(values: NDArray) -> NDArray:
    """One value of every block of pixels: labels and disparities have no mean."""
    return values[REDUCTION // 2 :: REDUCTION, REDUCTION // 2 :: REDUCTION]


def _table(numbers: Mapping[int, int], length: int) -> NDArray[np.int64]:
    table = np.full(length, UNLABELLED)
    table[list(numbers)] = list(numbers.values())
    return table
