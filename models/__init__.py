"""Networks: backbones, heads, and the multi-task network made of them."""

from collections.abc import Callable, Mapping
from pathlib import Path

from torch import nn

from configs.plugins import resolve
from configs.schema import ModelConfig
from models.aspp import ASPP
from models.base import MultitaskNet
from models.deeplab_resnet import DeepLabResNet
from models.torchvision_resnet import torchvision_backbone

# A backbone takes the settings and has ``out_channels``; a head takes (in_channels, out_channels, settings).
BACKBONES: dict[str, Callable[[ModelConfig], nn.Module]] = {
    "deeplab_resnet": DeepLabResNet,
    **{name: torchvision_backbone(name) for name in ("resnet18", "resnet34", "resnet50", "resnet101")},
}
HEADS: dict[str, Callable[[int, int, ModelConfig], nn.Module]] = {"aspp": ASPP}

__all__ = ["BACKBONES", "HEADS", "MultitaskNet", "build_network"]


def build_network(config: ModelConfig, channels: Mapping[str, int], folder: Path | None = None) -> MultitaskNet:
    """The multi-task network that the settings describe.

    Args:
        config: the ``model`` section.
        channels: output channels of each task, in the order of the heads.
        folder: where a user's own backbone or head module may lie.

    Raises:
        UserError: an unknown backbone or head.
    """
    backbone = resolve(config.backbone, BACKBONES, "backbone (model.backbone)", folder)(config)
    head = resolve(config.head, HEADS, "head (model.head)", folder)
    return MultitaskNet(backbone, {task: head(backbone.out_channels, n, config) for task, n in channels.items()})
