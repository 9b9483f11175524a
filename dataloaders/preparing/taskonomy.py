"""Tiny-Taskonomy: the index of what the Omnidata downloader has fetched. The files stay as they are."""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from configs.errors import UserError
from dataloaders.preparing.base import Frame, Preparation
from reports.wording import counted

BUILDINGS = {
    "train": (
        "allensville", "beechwood", "benevolence", "coffeen", "cosmos", "forkland", "hanson", "hiteman", "klickitat",
        "lakeville", "leonardo", "lindenwood", "marstons", "merom", "mifflinburg", "newfields", "onaga", "pinesdale",
        "pomaria", "ranchester", "shelbyville", "stockman", "tolstoy", "wainscott", "woodbine",
    ),
    "val": ("collierville", "corozal", "darden", "markleeville", "wiconisco"),
    "test": ("ihlen", "mcdade", "muleshoe", "noxapater", "uvalda"),
}  # fmt: skip
"""The partition Tiny as Taskonomy published it: 25, 5 and 5 buildings."""
COMPONENT = "taskonomy"
DOMAINS = {
    "rgb": "rgb", "segmentsemantic": "segment_semantic", "normal": "normal", "depth_zbuffer": "depth_zbuffer",
    "keypoints2d": "keypoints2d", "edge_texture": "edge_texture",
}  # fmt: skip
"""As the index calls them, and as the downloader calls their folders."""
VIEW = re.compile(r"(point_[0-9]+_view_[0-9]+)_domain_\w+\.png")
WEIGHTS = "semseg_prior_factor.npy"


class Taskonomy(Preparation):
    """Views of which all domains are there; a domain that was not fetched at all is named as it would lie.

    Args:
        source: the folder of ``<domain>/taskonomy/<building>/``.
    """

    index_file = "taskonomy.json"
    columns = tuple(DOMAINS)
    in_place: ClassVar = True

    def __init__(self, source: Path) -> None:
        super().__init__(source)
        self._there = [domain for domain, folder in DOMAINS.items() if self._folder(domain).is_dir()]
        if "rgb" not in self._there:
            raise UserError(
                f"--source: {source} has no folder rgb/{COMPONENT}; name the one that omnitools.download wrote to"
            )
        self._absent: list[str] = []
        self._incomplete = 0

    def _folder(self, domain: str) -> Path:
        return self.source / DOMAINS[domain] / COMPONENT

    def frames(self) -> Sequence[Frame]:
        self._absent, self._incomplete = [], 0
        frames = [frame for split, names in BUILDINGS.items() for name in names for frame in self._views(split, name)]
        for split in ("train", "test"):
            if not any(frame.split == split for frame in frames):
                raise UserError(
                    f"--source: {self.source} has no complete view of any building of Tiny-Taskonomy's split "
                    f"'{split}' ({', '.join(BUILDINGS[split][:2])}, ...); fetch --subset tiny --split {split}"
                )
        return frames

    def _views(self, split: str, building: str) -> list[Frame]:
        files = {domain: _views_in(self._folder(domain) / building) for domain in self._there}
        if not files["rgb"]:
            self._absent.append(building)
        complete = sorted(view for view in files["rgb"] if all(view in found for found in files.values()))
        self._incomplete += len(files["rgb"]) - len(complete)
        frames = []
        for view in complete:
            names = [files.get(domain, {}).get(view, f"{view}_domain_{domain}.png") for domain in DOMAINS]
            row = tuple(f"{building}/{domain}/{name}" for domain, name in zip(DOMAINS, names, strict=True))
            frames.append(Frame(split, f"{building}/{view}", row))
        return frames

    @property
    def remarks(self) -> Sequence[str]:
        remarks = []
        absent = [domain for domain in DOMAINS if domain not in self._there]
        if absent:
            remarks.append(f"domains not fetched: {', '.join(absent)}; leave their tasks out with --tasks")
        if self._absent:
            remarks.append(f"not fetched: {counted(len(self._absent), 'building')} of 35 ({', '.join(self._absent)})")
        if self._incomplete:
            remarks.append(f"left out for lack of a file in one of the domains: {counted(self._incomplete, 'view')}")
        if "segmentsemantic" in self._there and not (self.source / WEIGHTS).is_file():
            remarks.append(
                f"for the task seg put {WEIGHTS} of Taskonomy's repository (taskbank/lib/data) beside the index, "
                f"or weigh all classes alike with --set tasks.seg.class_weights=null"
            )
        return remarks


def _views_in(folder: Path) -> dict[str, str]:
    """The files of a building's folder by view; none where there is no such folder."""
    try:
        with os.scandir(folder) as entries:
            return {found[1]: entry.name for entry in entries if (found := VIEW.fullmatch(entry.name))}
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise UserError(f"{folder}: cannot be read: {error.strerror}; fetch it again") from error
