"""Networks: backbones, heads, and the multi-task network made of them."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from torch import nn

from configs.errors import UserError
from configs.plugins import resolve, users_code
from configs.schema import ModelConfig
from models.aspp import ASPP
from models.base import MultitaskNet
from models.deeplab_resnet import DeepLabResNet
from models.pooled import PooledHead
from models.timm_backbone import PACKAGE, PREFIX, timm_backbone
from models.torchvision_resnet import torchvision_backbone
from models.weights import Pretrained, open_pretrained

Backbone = Callable[[ModelConfig], nn.Module]
"""Makes a backbone: image [N, 3, H, W] -> features [N, out_channels, h, w], with the attribute ``out_channels``.

It may name its down-sampling layers in ``shortcut_layers``, which the IoU analysis then leaves out. A maker may have a
function ``torchvision_name`` of the settings that says of which of torchvision's networks the backbone is, and the
module a method ``from_torchvision`` that gives its own name of one of that network's weights (``models.weights``)."""

Head = Callable[[int, int, ModelConfig], nn.Module]
"""Makes a head from (in_channels, out_channels, settings): features -> prediction [N, out_channels, h, w]."""

BACKBONES: dict[str, Backbone] = {
    "deeplab_resnet": DeepLabResNet,
    **{name: torchvision_backbone(name) for name in ("resnet18", "resnet34", "resnet50", "resnet101")},
}
HEADS: dict[str, Head] = {"aspp": ASPP, "pooled": PooledHead}
LIBRARIES: dict[str, tuple[str, Callable[[str], Backbone]]] = {PREFIX: (PACKAGE, timm_backbone)}
"""Backbones of optional packages, as <prefix><name>: the package, and what gives the maker of the name."""

BACKBONE, HEAD = "backbone (model.backbone)", "head (model.head)"  # what the settings ask for, in messages

__all__ = [
    "BACKBONES", "HEADS", "MultitaskNet", "Pretrained", "build_backbone", "build_head", "build_network", "library",
    "pretrained",
]  # fmt: skip


def build_network(
    config: ModelConfig,
    channels: Mapping[str, int],
    folder: Path | None = None,
    own_heads: Mapping[str, str] | None = None,
) -> MultitaskNet:
    """The multi-task network that the settings describe.

    Args:
        config: the ``model`` section.
        channels: output channels of each task, in the order of the heads.
        folder: where a user's own backbone or head module may lie.
        own_heads: names of the heads of those tasks that do not have ``model.head``.

    Raises:
        UserError: an unknown backbone or head.
    """
    backbone = build_backbone(config, folder)
    width = int(backbone.out_channels)  # type: ignore[arg-type]
    names = {task: (own_heads or {}).get(task, config.head) for task in channels}
    heads = {task: build_head(names[task], width, n, config, folder) for task, n in channels.items()}
    return MultitaskNet(backbone, heads)


def build_backbone(config: ModelConfig, folder: Path | None = None) -> nn.Module:
    """A new backbone.

    Raises:
        UserError: an unknown backbone, or no module that it makes.
    """
    make_backbone = _backbone_maker(config, folder)
    with users_code(BACKBONE, config.backbone):
        backbone = make_backbone(config)
        width = getattr(backbone, "out_channels", None)
    if not isinstance(width, int):
        raise UserError(f"model.backbone: '{config.backbone}' has no whole number out_channels for the heads; add it")
    return _check_module("backbone", config.backbone, backbone)


def build_head(name: str, width: int, channels: int, config: ModelConfig, folder: Path | None = None) -> nn.Module:
    """A new head.

    Args:
        name: from ``HEADS``, or ``module:attribute``.
        width: of the backbone's features.
        channels: of the prediction.

    Raises:
        UserError: an unknown head, or no module that it makes.
    """
    make_head = _maker("head", name, HEADS, HEAD, folder)
    with users_code(HEAD, name):
        head = make_head(width, channels, config)
    return _check_module("head", name, head)


def library(config: ModelConfig) -> str | None:
    """The optional package that the backbone comes from; None: it is ours, torchvision's or the user's own."""
    found = LIBRARIES.get(_prefix(config.backbone))
    return None if found is None else found[0]


def pretrained(config: ModelConfig, folder: Path) -> Pretrained | None:
    """The weights that the settings give the backbone; None: it begins as it is built.

    Args:
        folder: where a file of weights, or the user's own backbone, may lie.

    Raises:
        UserError: as ``open_pretrained``; an unknown backbone.
    """
    if config.weights is None:
        return None
    name_of = getattr(_backbone_maker(config, folder), "torchvision_name", lambda config: None)
    return open_pretrained(config.weights, folder, name_of(config))


def _backbone_maker(config: ModelConfig, folder: Path | None) -> Backbone:
    prefix = _prefix(config.backbone)
    if prefix in LIBRARIES:
        return LIBRARIES[prefix][1](config.backbone.removeprefix(prefix))
    return _maker("backbone", config.backbone, BACKBONES, BACKBONE, folder)


def _prefix(name: str) -> str:
    return f"{name.partition(':')[0]}:"


def _maker(key: str, name: str, known: Mapping[str, Any], asked_for: str, folder: Path | None) -> Any:
    found = resolve(name, known, asked_for, folder)
    if not callable(found):
        raise UserError(f"model.{key}: '{name}' is not a function or class that makes a {key}; name one")
    return found


def _check_module(key: str, name: str, made: object) -> nn.Module:
    if not isinstance(made, nn.Module):
        raise UserError(f"model.{key}: '{name}' made a {type(made).__name__}, not a torch.nn.Module; return one")
    return made
