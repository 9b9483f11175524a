"""timm's networks as backbones, under ``timm:<name>``, where the package timm is installed (it is optional)."""

import importlib
from collections.abc import Callable
from difflib import get_close_matches
from typing import Any

import torch
from torch import Tensor, nn

from configs.errors import UserError
from configs.schema import ModelConfig

PREFIX, PACKAGE = "timm:", "timm"
WAYS: tuple[dict[str, Any], ...] = (
    {"output_stride": 8},
    {"dynamic_img_size": True, "dynamic_img_pad": True},
    {"strict_img_size": False},
    {},
)
"""How a network that can take images of any size is asked for: dilated where it can be, as torchvision's are."""
PROBE = (64, 96)
"""Pixels of the image that shows what a network gives: of neither a square nor an odd size."""


class TimmBackbone(nn.Module):
    """One of timm's networks without its classifier; image [N, 3, H, W] -> features [N, C, h, w].

    Raises:
        UserError: it takes images of one size only, or gives no map of features.
    """

    def __init__(self, net: nn.Module, name: str) -> None:
        super().__init__()
        self.net = net
        self.head_parts = _remove_unused(net, name)
        with torch.no_grad():
            features = net.eval().forward_features(torch.zeros(1, 3, *PROBE))  # type: ignore[operator]
        self._channels_last = features.ndim == 4 and features.shape[1] * PROBE[1] == features.shape[2] * PROBE[0]
        if features.ndim not in (3, 4):
            raise UserError(f"model.backbone: {PREFIX}{name} gives no map of features; choose another network")
        self.out_channels = int(features.shape[1 if features.ndim == 4 and not self._channels_last else -1])
        net.train()

    @property
    def shortcut_layers(self) -> list[str]:
        """Names of the weights of the down-sampling shortcuts, which the IoU analysis leaves out."""
        layers = ((name, module) for name, module in self.named_modules() if isinstance(module, nn.Conv2d))
        return [f"{name}.weight" for name, _ in layers if ".downsample." in name]

    def from_torchvision(self, name: str) -> str:
        """Our name of a weight that timm, or torchvision where the two agree, calls ``name``."""
        return f"net.{name}"

    def forward(self, x: Tensor) -> Tensor:
        features = self.net.forward_features(x)  # type: ignore[operator]
        if features.ndim == 3:  # tokens of a transformer, some of which stand for no place
            tokens = features[:, self.net.num_prefix_tokens :]
            height, width = self.net.patch_embed.dynamic_feat_size(x.shape[-2:])  # type: ignore[union-attr, operator]
            return tokens.transpose(1, 2).reshape(len(x), -1, height, width)
        return features.permute(0, 3, 1, 2) if self._channels_last else features


def timm_backbone(name: str) -> Callable[[ModelConfig], nn.Module]:
    """A builder for timm's ``name`` with random weights; ``depth`` and ``width`` do not apply to it."""

    def build(config: ModelConfig) -> nn.Module:
        try:
            timm = importlib.import_module(PACKAGE)
        except ImportError as error:
            raise UserError(f"model.backbone: {PREFIX}{name}: timm is not installed; run: pip install timm") from error
        if not timm.is_model(name):
            near = ", ".join(get_close_matches(name, timm.list_models(), 5)) or "those of timm.list_models()"
            raise UserError(f"model.backbone: timm has no network '{name}'; it has {near}")
        return TimmBackbone(_created(timm, name), name)

    return build


def _created(timm: Any, name: str) -> nn.Module:
    for options in WAYS:
        try:
            return timm.create_model(name, pretrained=False, num_classes=0, global_pool="", **options)
        except (TypeError, AssertionError, NotImplementedError):  # it has no such option, or not this value of it
            if not options:
                raise
    raise AssertionError("the last way has no options")


def _remove_unused(net: nn.Module, name: str) -> list[str]:
    """Take out the parts that features do not pass through; their names.

    Scores need gradients of every weight, and these have none.
    """
    used: set[nn.Module] = set()
    handles = [module.register_forward_hook(lambda module, *_: used.add(module)) for module in net.modules()]
    try:
        with torch.no_grad():
            net.eval().forward_features(torch.zeros(1, 3, *PROBE))  # type: ignore[operator]
    except Exception as error:
        problem = f"takes no image of {PROBE[0]} x {PROBE[1]} pixels ({error})"
        raise UserError(f"model.backbone: {PREFIX}{name} {problem}; choose a network for any size") from error
    finally:
        for handle in handles:
            handle.remove()
    unused = [part for part, child in net.named_children() if used.isdisjoint(child.modules())]
    for part in unused:
        setattr(net, part, nn.Identity())
    return unused
