"""The compact checkpoint: masks as bits, and only the weights that are kept; bit for bit the same network."""

from dataclasses import replace
from pathlib import Path

from torch import nn

from training.checkpoints.checkpoint import read_checkpoint, save
from training.checkpoints.identities import saved_at
from training.exporting.formats.base import Format, Predict
from training.exporting.source import Source, opened


class Compact(Format):
    """For storing and sending: read wherever a checkpoint is read, and then as large and as fast as before.

    A run cannot be resumed from it: the optimiser's state and the stored values of masked weights are left out.
    """

    name, ending, tolerance = "compact", "_compact.pth", 0.0

    def write(self, source: Source, file: Path) -> None:
        checkpoint = source.checkpoint
        details = {**checkpoint.details, "iteration": saved_at(checkpoint)}
        save(file, replace(checkpoint, training=None, details=details), compact=True)

    def open(self, source: Source, file: Path) -> Predict:
        return opened(source.setup, read_checkpoint(file, list(source.setup.tasks)), file)

    def counted(self, source: Source) -> nn.Module:
        return source.net
