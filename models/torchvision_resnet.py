"""torchvision's ResNets as backbones, dilated to output stride 8."""

from collections.abc import Callable

import torchvision
from torch import Tensor, nn
from torchvision.models.resnet import ResNet

from configs.schema import ModelConfig


class TorchvisionBackbone(nn.Module):
    """A torchvision ResNet without its classifier; image [N, 3, H, W] -> features [N, C, ~H/8, ~W/8].

    ``resnet18`` and ``resnet34`` cannot be dilated in torchvision and keep output stride 32.
    """

    def __init__(self, resnet: ResNet) -> None:
        super().__init__()
        self.out_channels = resnet.fc.in_features
        for name, module in resnet.named_children():
            if name not in {"avgpool", "fc"}:
                self.add_module(name, module)

    @property
    def shortcut_layers(self) -> list[str]:
        """Names of the weights of the down-sampling shortcuts, which the IoU analysis leaves out."""
        return [
            f"{name}.downsample.{inner}.weight"
            for name, block in self.named_modules()
            for inner, module in (getattr(block, "downsample", None) or nn.Module()).named_modules()
            if isinstance(module, nn.Conv2d)
        ]

    def forward(self, x: Tensor) -> Tensor:
        for module in self.children():
            x = module(x)
        return x


def torchvision_backbone(name: str) -> Callable[[ModelConfig], nn.Module]:
    """A builder for torchvision's ``name`` with random weights; ``depth`` and ``width`` do not apply to it."""

    def build(config: ModelConfig) -> nn.Module:
        dilated = {} if name in {"resnet18", "resnet34"} else {"replace_stride_with_dilation": [False, True, True]}
        return TorchvisionBackbone(getattr(torchvision.models, name)(weights=None, **dilated))

    build.torchvision_name = lambda config: name  # type: ignore[attr-defined]
    return build
