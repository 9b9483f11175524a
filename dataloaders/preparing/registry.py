"""The layouts that can be prepared, by name."""

from importlib import import_module

from dataloaders.preparing.base import Preparation

PREPARATIONS = {
    "nyuv2": "dataloaders.preparing.nyuv2:NYUv2",
    "cityscapes": "dataloaders.preparing.cityscapes:Cityscapes",
    "taskonomy": "dataloaders.preparing.taskonomy:Taskonomy",
}
"""Where each is; named, so that only the one that is asked for is loaded."""


def find_preparation(layout: str) -> type[Preparation]:
    """The class of a layout that is registered."""
    module, _, name = PREPARATIONS[layout].partition(":")
    found: type[Preparation] = getattr(import_module(module), name)
    return found
