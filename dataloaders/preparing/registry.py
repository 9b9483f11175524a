"""The layouts that can be prepared, by name."""

from dataloaders.preparing.base import Preparation
from dataloaders.preparing.cityscapes import Cityscapes
from dataloaders.preparing.nyuv2 import NYUv2
from dataloaders.preparing.taskonomy import Taskonomy

PREPARATIONS: dict[str, type[Preparation]] = {
    "nyuv2": NYUv2,
    "cityscapes": Cityscapes,
    "taskonomy": Taskonomy,
}
