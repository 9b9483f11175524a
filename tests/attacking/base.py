"""What is attacked and by what."""

import json
import random
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from configs.paths import REPOSITORY

Case = Callable[[], object]
Door = Callable[[random.Random, "Material"], Case]
"""Where wrong input comes in: makes a case out of the material.

A case is a function that hands wrong input to what the scripts call. It may return or raise a UserError; it raises
``Broken`` where wrong input was taken for right.
"""

SMALL = ["model.depth=18", "model.width=4", "model.head_channels=4", "data.crop=40", "data.batch_size=2"]
SMALL_IMAGES = "data.options={size: 48}"


class Broken(Exception):
    """Wrong input was taken for right, or something of before was lost; the message says which."""


@dataclass
class Material:
    """What is there to be damaged.

    Attributes:
        folder: to write in, empty for each case.
        rooms: rendered rooms of 48 x 48 pixels; not written to.
        nyuv2: small data in the layout of NYUv2; not written to.
        reports: whole JSON files by name: similarity.json, iou.json, relatedness.json.
        scripts: where the scripts lie that are attacked; another checkout's run in processes of their own.
    """

    folder: Path
    rooms: Path
    nyuv2: Path
    reports: dict[str, Any]
    scripts: Path = REPOSITORY

    def copy_of(self, root: Path) -> Path:
        """A copy of a data set that may be damaged."""
        return Path(shutil.copytree(root, self.folder / "data"))


def write_json(path: Path, contents: Any) -> None:
    """Write JSON, also such as holds halves of surrogate pairs or numbers that are none."""
    path.write_text(json.dumps(contents), encoding="utf-8", errors="surrogatepass")
