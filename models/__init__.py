"""Networks: backbones, heads, and the multi-task network made of them."""

from collections.abc import Callable, Mapping
from pathlib import Path

from torch import nn

from configs.errors import UserError
from configs.plugins import resolve, users_code
from configs.schema import ModelConfig
from models.aspp import ASPP
from models.base import MultitaskNet
from models.deeplab_resnet import DeepLabResNet
from models.torchvision_resnet import torchvision_backbone

Backbone = Callable[[ModelConfig], nn.Module]
"""Makes a backbone: image [N, 3, H, W] -> features [N, out_channels, h, w], with the attribute ``out_channels``.

It may name its down-sampling layers in ``shortcut_layers``, which the IoU analysis then leaves out."""

Head = Callable[[int, int, ModelConfig], nn.Module]
"""Makes a head from (in_channels, out_channels, settings): features -> prediction [N, out_channels, h, w]."""

BACKBONES: dict[str, Backbone] = {
    "deeplab_resnet": DeepLabResNet,
    **{name: torchvision_backbone(name) for name in ("resnet18", "resnet34", "resnet50", "resnet101")},
}
HEADS: dict[str, Head] = {"aspp": ASPP}

BACKBONE, HEAD = "backbone (model.backbone)", "head (model.head)"  # what the settings ask for, in messages

__all__ = ["BACKBONES", "HEADS", "MultitaskNet", "build_network", "builders"]


def build_network(config: ModelConfig, channels: Mapping[str, int], folder: Path | None = None) -> MultitaskNet:
    """The multi-task network that the settings describe.

    Args:
        config: the ``model`` section.
        channels: output channels of each task, in the order of the heads.
        folder: where a user's own backbone or head module may lie.

    Raises:
        UserError: an unknown backbone or head.
    """
    make_backbone, make_head = builders(config, folder)
    with users_code(BACKBONE, config.backbone):
        backbone = make_backbone(config)
        width = getattr(backbone, "out_channels", None)
    if not isinstance(width, int):
        raise UserError(f"model.backbone: '{config.backbone}' has no whole number out_channels for the heads; add it")
    with users_code(HEAD, config.head):
        heads = {task: make_head(width, n, config) for task, n in channels.items()}
    for key, name, parts in (("backbone", config.backbone, [backbone]), ("head", config.head, heads.values())):
        for part in parts:
            if not isinstance(part, nn.Module):
                made = type(part).__name__
                raise UserError(f"model.{key}: '{name}' made a {made}, not a torch.nn.Module; return one")
    return MultitaskNet(backbone, heads)


def builders(config: ModelConfig, folder: Path | None = None) -> tuple[Backbone, Head]:
    """What makes the backbone and the heads that the settings name.

    Raises:
        UserError: an unknown backbone or head.
    """
    backbone = resolve(config.backbone, BACKBONES, BACKBONE, folder)
    head = resolve(config.head, HEADS, HEAD, folder)
    for key, name, found in (("backbone", config.backbone, backbone), ("head", config.head, head)):
        if not callable(found):
            raise UserError(f"model.{key}: '{name}' is not a function or class that makes a {key}; name one")
    return backbone, head
