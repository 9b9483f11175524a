"""Weights that a backbone begins with: a file's, or torchvision's own.

A backbone that is built as one of torchvision's or timm's, under other names, says so by a method ``from_torchvision``
that gives its own name for one of theirs.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from configs.errors import UserError
from configs.regular import open_regular
from models.files import first_not_finite, load_plain

TORCHVISION = "torchvision:"
WRAPPERS = ("state_dict", "model", "weights")
"""Under which a state dict may lie; the last is that of our own checkpoints."""
CLASSIFIERS = ("fc", "classifier", "head", "heads", "aux_classifier", "last_linear")
"""Parts of published networks that come after the backbone."""
SETTING = "model.weights"
SHOWN = 3


class Pretrained:
    """A state dict for a backbone.

    Attributes:
        source: what ``model.weights`` says, for messages.
        digest: of the content; a name that torchvision gives one content only, where the weights are its own.
    """

    def __init__(self, source: str, state: Mapping[str, Tensor], digest: str, dropped: list[str] | None = None) -> None:
        self.source, self.digest = source, digest
        self._state, self._dropped, self._told = dict(state), list(dropped or []), False

    def give(self, backbone: nn.Module) -> str:
        """Copy the weights into a backbone.

        Returns:
            what was left out, in words, the first time; "" afterwards.

        Raises:
            UserError: a name or a shape that is not the backbone's; one that the backbone needs and that is missing.
        """
        own_name = getattr(backbone, "from_torchvision", lambda name: name)
        current = backbone.state_dict()
        heads = {*CLASSIFIERS, *getattr(backbone, "head_parts", ())}
        given: dict[str, Tensor] = {}
        dropped, unknown = list(self._dropped), list[str]()
        for name, tensor in self._state.items():
            own = name if name in current else own_name(name)
            if own in current:
                given[own] = tensor
            else:
                (dropped if name.partition(".")[0] in heads else unknown).append(name)
        missing = [name for name in current if name not in given and not name.endswith("num_batches_tracked")]
        for names, problem in ((unknown, "has, which the backbone has not,"), (missing, "lacks, of the backbone,")):
            if names:
                raise self._misfit(f"{problem} {_listed(names)}")
        for name, tensor in given.items():
            if tensor.shape != current[name].shape:
                shapes = f"of shape {tuple(tensor.shape)}, the backbone of shape {tuple(current[name].shape)}"
                raise self._misfit(f"has '{name}' {shapes}")
        with torch.no_grad():
            for name, tensor in given.items():
                current[name].copy_(tensor)
        told, self._told = self._told, True
        left_out = f"; left out, since heads are new: {_listed(dropped)}" if dropped else ""
        return "" if told else f"the backbone has the weights of {self.source}{left_out}"

    def _misfit(self, problem: str) -> UserError:
        return UserError(f"{SETTING}: {self.source} {problem}; check model.backbone, model.depth and model.width")


def open_pretrained(name: str, folder: Path, torchvision_name: str | None) -> Pretrained:
    """The weights that ``model.weights`` names.

    Args:
        name: a file, or ``torchvision:<name of its weights>``.
        folder: of the YAML file, where a file may lie that is not in the current folder.
        torchvision_name: what torchvision calls the network that the backbone is of; None: it is of none.

    Raises:
        UserError: no such file or weights, not a state dict, or torchvision's weights cannot be fetched.
    """
    if name.startswith(TORCHVISION):
        return _of_torchvision(name, torchvision_name)
    path = Path(name)
    if not path.is_absolute() and not path.exists():
        path = folder / path
    try:
        with open_regular(path) as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()[:16]
    except OSError as error:
        known = f"a file of weights, or {TORCHVISION}<name>"
        raise UserError(f"{SETTING}: {path}: cannot be read: {error.strerror or error}; name {known}") from error
    try:
        content = load_plain(path, "file of weights")
    except UserError as error:
        raise UserError(f"{SETTING}: {error}") from error
    state, dropped = _backbone_state(content, str(path))
    return Pretrained(str(path), state, digest, dropped)


def _of_torchvision(name: str, network: str | None) -> Pretrained:
    from torchvision.models import get_model_weights

    if network is None:
        raise UserError(f"{SETTING}: {name}: this backbone is none of torchvision's; name a file of its weights")
    wanted = name.removeprefix(TORCHVISION)
    try:
        every = get_model_weights(network)
    except ValueError as error:
        raise UserError(f"{SETTING}: {name}: torchvision has no weights for {network}; name a file") from error
    if wanted not in every.__members__:
        raise UserError(f"{SETTING}: {name}: torchvision's weights for {network} are {', '.join(every.__members__)}")
    weights = every[wanted]
    try:
        state = weights.get_state_dict(progress=True, check_hash=True)
    except (OSError, RuntimeError, ValueError) as error:  # no network, a full disk, a file cut short
        raise UserError(
            f"{SETTING}: {name}: cannot be fetched ({error}); download {weights.url} elsewhere and name the file"
        ) from error
    return Pretrained(name, state, Path(weights.url).name)


def _backbone_state(content: Any, source: str) -> tuple[dict[str, Tensor], list[str]]:
    """The backbone's part of a file, and the names of what else is in it."""
    for key in WRAPPERS:
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            content = content[key]
    if not isinstance(content, Mapping) or not content or not all(isinstance(v, Tensor) for v in content.values()):
        raise UserError(f"{SETTING}: {source} holds no state dict (names and tensors); name another file")
    state = {str(name).removeprefix("module."): tensor for name, tensor in content.items()}
    dropped: list[str] = []
    if any(name.startswith("backbone.") for name in state):
        dropped = [name for name in state if not name.startswith("backbone.")]
        state = {name.removeprefix("backbone."): state[name] for name in state if name not in dropped}
    if (bad := first_not_finite(state)) is not None:
        raise UserError(f"{SETTING}: {source}: the weight '{bad}' is not finite everywhere; name another file")
    return state, dropped


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"{', '.join(names[:SHOWN])}{more}"
