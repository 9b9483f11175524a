"""Frames in the Taskonomy layout with noise beside their normals: smooth directions that no picture shows."""

import torch
from torch import Tensor
from torch.nn import functional as F

from dataloaders.base import Field
from dataloaders.datasets.taskonomy import IGNORED, Taskonomy

NOISE = "normal_noise"
CELLS = 6  # of noise, along each axis


class PlantedKitchen(Taskonomy):
    """``Taskonomy`` with ``normal_noise`` for every picture, the same whenever it comes again."""

    fields = {**Taskonomy.fields, NOISE: Field(fill=IGNORED)}

    def column(self, key: str) -> str:
        return "normal" if key == NOISE else super().column(key)

    def read(self, index: int, key: str) -> Tensor:
        if key != NOISE:
            return super().read(index, key)
        drawn = torch.randn(1, 3, CELLS, CELLS, generator=torch.Generator().manual_seed(index))
        return F.normalize(F.interpolate(drawn, (self.size, self.size), mode="bilinear")[0], dim=0)
