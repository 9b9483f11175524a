"""What is exported: a network from a checkpoint, with some of its heads, and what to compare it on."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from pathlib import Path

import torch
from torch import Tensor

from configs import UserError
from dataloaders import evaluation_loader
from models import MultitaskNet
from prune_utils.channels.removal import without_idle_channels
from runtime.setup import Setup
from training.checkpoints.checkpoint import Checkpoint, read_checkpoint, restore


@dataclass(frozen=True)
class Source:
    """A network that is exported.

    Attributes:
        setup: with the tasks of the chosen heads.
        path: of the checkpoint that it was in.
        checkpoint: with the chosen heads only.
        frames: batches of one image of the test split, all of one size, on the device.
    """

    setup: Setup
    path: Path
    checkpoint: Checkpoint
    frames: Sequence[Tensor]

    @cached_property
    def net(self) -> MultitaskNet:
        """The network as it is, with its masks, in evaluation mode."""
        return opened(self.setup, self.checkpoint, self.path)

    @cached_property
    def dense(self) -> MultitaskNet:
        """The same network without masks: what it would be, had it not been pruned."""
        return opened(self.setup, replace(self.checkpoint, masks={}), self.path)

    @cached_property
    def smaller(self) -> tuple[MultitaskNet, int]:
        """The network without masks and without the channels that nothing reads, and how many these were."""
        small, removed = without_idle_channels(self.net, self.frames[0])
        return small.eval(), removed

    @cached_property
    def outputs(self) -> list[dict[str, Tensor]]:
        """The network's predictions for each frame, in fp32."""
        with exactly():
            return [self.net(frame) for frame in self.frames]


@contextmanager
def exactly() -> Iterator[None]:
    """Inside, networks predict with all 24 bits of fp32, on GPUs that would take fewer as well."""
    with torch.no_grad(), torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        yield


def open_source(setup: Setup, path: Path, heads: Sequence[str] | None, images: int) -> Source:
    """A network to export.

    Args:
        setup: with all tasks of the data set.
        heads: tasks whose heads are wanted; None: all that the checkpoint has.
        images: of the test split to compare on; there may be fewer.

    Raises:
        UserError: the file cannot be used or has no such head; unreadable data.
    """
    checkpoint = read_checkpoint(path, list(setup.tasks))
    chosen = checkpoint.tasks if heads is None else list(heads)
    if missing := [task for task in chosen if task not in checkpoint.tasks]:
        known = ",".join(checkpoint.tasks)
        raise UserError(f"--tasks: {path} has no head for {', '.join(missing)}; choose from {known}")
    if unknown := [task for task in chosen if task not in setup.tasks]:
        raise UserError(f"{path}: the data set {setup.config.name} has no task {', '.join(unknown)}; see --dataset")
    config = setup.config.select_tasks(chosen)
    part = replace(setup, config=config, tasks={task: setup.tasks[task] for task in chosen})
    loader = evaluation_loader(part.config, [], batch_size=1, num_workers=0, split="test")
    frames = [part.runtime.place(batch)["img"] for batch in islice(loader, images)]
    if not frames:
        raise UserError(f"{part.config.source}: the test split has no image to compare predictions on; see data.root")
    # Programs are of one height and width.
    alike = [frame for frame in frames if frame.shape == frames[0].shape]
    return Source(part, path, only_heads(checkpoint, chosen), alike)


def opened(setup: Setup, checkpoint: Checkpoint, path: Path) -> MultitaskNet:
    """The network of a checkpoint, on the device, in evaluation mode."""
    net = setup.network(with_weights=False)
    restore(net, checkpoint, path)
    return net.eval()


def only_heads(checkpoint: Checkpoint, tasks: Sequence[str]) -> Checkpoint:
    """The network of a checkpoint with these heads alone; less than all of it is nobody's training run."""
    if set(tasks) == set(checkpoint.tasks):
        return checkpoint
    return replace(checkpoint.only(tasks), training=None, identity=None)


@torch.no_grad()
def difference(expected: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> float:
    """How far predictions are from those expected: the largest difference over max(1, largest value), any task.

    Args:
        expected, found: task -> prediction, any shape.
    """
    worst = 0.0
    for task, prediction in expected.items():
        if found[task].shape != prediction.shape:
            return float("inf")
        error = (found[task].to(prediction) - prediction).abs().max() / prediction.abs().max().clamp(min=1)
        worst = max(worst, float(error.nan_to_num(nan=float("inf"))))
    return worst
