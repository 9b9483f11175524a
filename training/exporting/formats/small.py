"""The physically smaller network: a checkpoint without masks, of layers without the channels that nothing reads."""

from dataclasses import replace
from pathlib import Path

from torch import nn

from training.checkpoints.checkpoint import SMALL, read_checkpoint, save
from training.exporting.formats.base import Format, Predict
from training.exporting.source import Source, opened


class Small(Format):
    """For running fast: read wherever a checkpoint is read, as a dense network of fewer channels."""

    name, ending, tolerance = "small", "_small.pth", 1e-5
    needs = {"torch_pruning": "torch-pruning"}

    def write(self, source: Source, file: Path) -> None:
        net, removed = source.smaller
        details = {**source.checkpoint.details, SMALL: True, "removed_channels": removed}
        # Its predictions differ in the last digits, so it is not the work of the checkpoint's identity any more.
        small = replace(
            source.checkpoint, weights=net.state_dict(), masks={}, training=None, identity=None, details=details
        )
        save(file, small)

    def open(self, source: Source, file: Path) -> Predict:
        return opened(source.setup, read_checkpoint(file, list(source.setup.tasks)), file)

    def counted(self, source: Source) -> nn.Module:
        return source.smaller[0]
