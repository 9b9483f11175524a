"""Checkpoints: plain tensors and plain values, read without running code, written whole or not at all."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from types import NoneType
from typing import Any

import torch
from pydantic import ValidationError
from torch import Tensor, nn
from torch.utils.serialization import config as serialization

from configs.errors import UserError
from configs.paths import replacing
from configs.schema import describe
from models import MultitaskNet
from models.files import Unsound, load_plain
from models.published import from_published, is_published
from prune_utils.apply import apply_masks, dense_state, load_state
from prune_utils.channels.removal import fit
from runtime.identity import Identity
from runtime.setup import Setup
from training.checkpoints.checking import as_mask, check_network
from training.checkpoints.compact import FORMAT as COMPACT
from training.checkpoints.compact import pack, unpack

FORMAT = "meta-sparse"
VERSION = 1
SMALL = "small"
"""Among a checkpoint's details: its layers have fewer channels than the settings say (``export_net.py``)."""
KINDS: dict[str, Any] = {
    "dataset": str,
    "tasks": list,
    "method": str,
    "ratio": int | NoneType,
    "config": dict,
    "weights": dict,
    "masks": dict,
    "training": dict | NoneType,
    "details": dict,
    "identity": dict | NoneType,
}


@dataclass(frozen=True)
class Checkpoint:
    """A network on disk.

    Attributes:
        dataset: name of the settings it was made with; empty for a published file.
        tasks: the heads, in the network's order.
        method: "baseline" or a pruning method; "published" for a published file.
        ratio: sparsity in percent; None for dense networks.
        config: all settings (``Config.model_dump(mode="json")``).
        weights: state dict under plain names; masked entries keep their stored values.
        masks: parameter name -> bool, of pruned layers only.
        training: what is needed to go on training, plain values and tensors; None: not trained.
        details: how it was made, plain values (criterion, batches, seed, ...).
        identity: of the work that made it; None where it was made by others, or by an earlier version.
    """

    dataset: str
    tasks: list[str]
    method: str
    ratio: int | None
    config: dict[str, Any]
    weights: dict[str, Tensor]
    masks: dict[str, Tensor]
    training: dict[str, Any] | None = None
    details: dict[str, Any] = field(default_factory=dict)
    identity: Identity | None = None

    def only(self, tasks: Collection[str]) -> "Checkpoint":
        """The same network with the heads of these tasks alone; the same one if a task is none of its own."""
        if not set(tasks) <= set(self.tasks):
            return self
        others = tuple(f"heads.{task}." for task in self.tasks if task not in tasks)
        weights, masks = (
            {name: tensor for name, tensor in tensors.items() if not name.startswith(others)}
            for tensors in (self.weights, self.masks)
        )
        return replace(self, tasks=[task for task in self.tasks if task in tasks], weights=weights, masks=masks)


def capture(
    setup: Setup,
    net: nn.Module,
    method: str,
    ratio: int | None,
    *,
    training: dict[str, Any] | None = None,
    details: dict[str, Any] | None = None,
    identity: Identity | None = None,
) -> Checkpoint:
    """The network as a checkpoint; its tensors are the network's own, so write it before the next step."""
    weights, masks = dense_state(net)
    config = setup.config.model_dump(mode="json")
    return Checkpoint(
        setup.config.name, list(setup.tasks), method, ratio, config, weights, masks, training, details or {}, identity
    )


def restore(net: MultitaskNet, checkpoint: Checkpoint, path: Path) -> None:
    """Give a network without masks the checkpoint's weights and masks.

    Args:
        path: the checkpoint's file, for messages.

    Raises:
        UserError: the checkpoint is of another network or of other tasks.
    """
    heads = list(net.heads)
    if sorted(heads) != sorted(checkpoint.tasks):
        raise UserError(
            f"{path}: the checkpoint has the tasks {','.join(checkpoint.tasks)}, asked for were "
            f"{','.join(heads)}; use --tasks {','.join(checkpoint.tasks)}"
        )
    try:
        check_network(checkpoint.weights, checkpoint.masks)
    except Unsound as error:
        raise UserError(f"{path}: {error}; name another file") from error
    if checkpoint.details.get(SMALL):
        fit(net, checkpoint.weights)
    load_state(net, checkpoint.weights, str(path))
    try:
        apply_masks(net, checkpoint.masks)
    except UserError as error:
        raise UserError(f"{path}: {error}") from error


def write_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint; the file that was there before stays until the new one is complete.

    Raises:
        UserError: the file cannot be written (full disk, no permission).
    """
    with replacing(path) as temporary:
        save(temporary, checkpoint)


def save(file: Path, checkpoint: Checkpoint, compact: bool = False) -> None:
    """Write into a file that ``configs.paths.replacing`` gave.

    Args:
        compact: in the form of ``compact.pack``.

    Raises:
        OSError: it cannot be written.
    """
    values = {item.name: getattr(checkpoint, item.name) for item in fields(checkpoint)}
    if checkpoint.identity is not None:
        values["identity"] = checkpoint.identity.model_dump(mode="json")
    content = {"format": FORMAT, "version": VERSION, **values}
    try:
        torch.save(pack(content) if compact else content, file)
    except RuntimeError as error:  # torch's own words for a failed write name a line of its source
        raise OSError("the disk is full, or the file would be larger than allowed") from error


def read_checkpoint(path: Path, tasks: Sequence[str]) -> Checkpoint:
    """Read one of our checkpoints, or a published one, onto the CPU.

    Args:
        tasks: our names of a published network's task1, task2, ...; our own files name theirs.

    Raises:
        UserError: no such file; not a checkpoint; a file that would run code when unpickled.
    """
    content = load_plain(path, "checkpoint")
    if isinstance(content, Mapping) and content.get("format") == COMPACT:
        try:
            content = {**unpack(content), "format": FORMAT}
        except Unsound as error:
            raise UserError(f"{path}: not a checkpoint: {error}; name another file") from error
    if isinstance(content, Mapping) and content.get("format") == FORMAT:
        return _ours(content, path)
    if _is_state(content) and is_published(content):
        try:
            weights, stored = from_published(content, tasks)
            masks = {name: as_mask(mask, name) for name, mask in stored.items()}
        except (UserError, Unsound) as error:
            raise UserError(f"{path}: {error}") from error
        return Checkpoint("", list(tasks), "published", None, {}, weights, masks)
    raise UserError(f"{path}: this is not a checkpoint of ours, nor a published one; name another file")


def read_identity(path: Path, tasks: Sequence[str]) -> Identity | None:
    """The identity in a checkpoint, whose tensors stay on the disk; arguments and errors as ``read_checkpoint``."""
    with serialization.patch("load.mmap", True):  # type: ignore[attr-defined]
        return read_checkpoint(path, tasks).identity


def _ours(content: Mapping[str, Any], path: Path) -> Checkpoint:
    version = content.get("version")
    if not isinstance(version, int) or version != VERSION:
        raise UserError(f"{path}: version {version} of our format, this program reads {VERSION}; update it")
    content = {"identity": None, **content}  # earlier versions had none
    wrong = [name for name, kind in KINDS.items() if name not in content or not isinstance(content[name], kind)]
    if not wrong:
        sound = {
            "tasks": all(isinstance(task, str) for task in content["tasks"]),
            "ratio": content["ratio"] is None or 0 < content["ratio"] < 100,
            "weights": _is_state(content["weights"]),
            "training": _has_iteration(content["training"]),
            "masks": _is_state(content["masks"]) and all(m.dtype == torch.bool for m in content["masks"].values()),
        }
        wrong = [name for name, whole in sound.items() if not whole]
    if wrong:
        problem = ", ".join(wrong)
        raise UserError(f"{path}: the checkpoint is incomplete ({problem}); name another file")
    values: dict[str, Any] = {item.name: content.get(item.name) for item in fields(Checkpoint)}
    try:
        if values["identity"] is not None:
            values["identity"] = Identity.model_validate(values["identity"])
    except ValidationError as error:
        raise UserError(f"{path}: the checkpoint is damaged ({describe(error, 'identity')}); name another") from error
    return Checkpoint(**values)


def _has_iteration(training: Mapping[str, Any] | None) -> bool:
    iteration = 0 if training is None else training.get("iteration")
    return isinstance(iteration, int) and not isinstance(iteration, bool) and iteration >= 0


def _is_state(content: object) -> bool:
    return isinstance(content, Mapping) and all(
        isinstance(name, str) and isinstance(value, Tensor) for name, value in content.items()
    )
