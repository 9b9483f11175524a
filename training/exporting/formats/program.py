"""The smaller network as a program of ``torch.export``: it runs without this project."""

from pathlib import Path

import torch
from torch import nn

from training.exporting.formats.base import Format, Predict
from training.exporting.source import Source


class Program(Format):
    """Images [N, 3, H, W] of the exported height and width -> dict task -> prediction, for any N of 1 or more."""

    name, ending, tolerance = "program", ".pt2", 1e-5
    needs = {"torch_pruning": "torch-pruning"}

    def write(self, source: Source, file: Path) -> None:
        with file.open("wb") as stream:
            torch.export.save(exported(source), stream)

    def open(self, source: Source, file: Path) -> Predict:
        with file.open("rb") as stream:
            return torch.export.load(stream).module()

    def counted(self, source: Source) -> nn.Module:
        return source.smaller[0]


def exported(source: Source) -> torch.export.ExportedProgram:
    """The smaller network as a program, its parameters on the setup's device."""
    # Two images: of one, the program would know that it is always one.
    example = source.frames[0].repeat(2, 1, 1, 1)
    sizes = {"x": {0: torch.export.Dim("images")}}
    with torch.no_grad():
        return torch.export.export(source.smaller[0], (example,), dynamic_shapes=sizes)
