"""The DeepLab ResNet backbone of AdaShare and DiSparse: output stride 8, shortcuts kept beside the blocks.

He et al., "Deep residual learning for image recognition" (CVPR 2016), dilated as in Chen et al., "DeepLab"
(TPAMI 2018).
Module names and their order are those of the published checkpoints, on which the layer weightings of the
similarity depend: conv1, all blocks, then the three shortcut convolutions.
"""

import re

from torch import Tensor, nn
from torch.nn import functional as F

from configs.errors import UserError
from configs.schema import ModelConfig

BLOCKS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3)}
STRIDES = (1, 2, 1, 1)
DILATIONS = (1, 1, 2, 4)
LAYER = re.compile(r"^layer([1-4])\.")
DOWNSAMPLE = re.compile(r"^blocks\.(\d)\.0\.downsample\.(.+)$")


class BasicBlock(nn.Module):
    """Two 3 x 3 convolutions; the shortcut is added by the backbone."""

    def __init__(self, in_channels: int, channels: int, stride: int, dilation: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, channels, 3, stride, padding=dilation, dilation=dilation, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=dilation, dilation=dilation, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.bn1(self.conv1(x)), inplace=True)
        return self.bn2(self.conv2(x))


class DeepLabResNet(nn.Module):
    """ResNet-18 or -34 with dilation in the last two stages; image [N, 3, H, W] -> [N, 8 * width, ~H/8, ~W/8].

    Raises:
        UserError: a depth other than 18 or 34.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        if config.depth not in BLOCKS:
            raise UserError(f"model.depth: deeplab_resnet comes with depth 18 or 34, not {config.depth}")
        channels = config.width
        self.conv1 = nn.Conv2d(3, channels, kernel_size=7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.maxpool = nn.MaxPool2d(kernel_size=3, stride=2, padding=1, ceil_mode=True)
        stages, shortcuts = [], []
        for stage, (count, stride, dilation) in enumerate(zip(BLOCKS[config.depth], STRIDES, DILATIONS, strict=True)):
            width = config.width * 2**stage
            shortcuts.append(self._shortcut(channels, width, stride))
            first = BasicBlock(channels, width, stride, dilation)
            others = [BasicBlock(width, width, 1, dilation) for _ in range(count - 1)]
            stages.append(nn.ModuleList([first, *others]))
            channels = width
        self.blocks = nn.ModuleList(stages)
        self.ds = nn.ModuleList(shortcuts)
        self.out_channels = channels
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.normal_(module.weight, std=0.01)

    @staticmethod
    def torchvision_name(config: ModelConfig) -> str:
        """What torchvision calls this network, dilation apart; at a width of 64 the weights have the same shapes."""
        return f"resnet{config.depth}"

    def from_torchvision(self, name: str) -> str:
        """Our name of a weight that torchvision and timm call ``name``."""
        name = LAYER.sub(lambda found: f"blocks.{int(found[1]) - 1}.", name)
        return DOWNSAMPLE.sub(r"ds.\1.\2", name)

    @property
    def shortcut_layers(self) -> list[str]:
        """Names of the weights of the down-sampling shortcuts, which the IoU analysis leaves out."""
        return [f"ds.{name}.weight" for name, module in self.ds.named_modules() if isinstance(module, nn.Conv2d)]

    @staticmethod
    def _shortcut(in_channels: int, channels: int, stride: int) -> nn.Module:
        if in_channels == channels and stride == 1:
            return nn.Identity()
        conv = nn.Conv2d(in_channels, channels, kernel_size=1, stride=stride, bias=False)
        return nn.Sequential(conv, nn.BatchNorm2d(channels))

    def forward(self, x: Tensor) -> Tensor:
        x = self.maxpool(F.relu(self.bn1(self.conv1(x)), inplace=True))
        for blocks, shortcut in zip(self.blocks, self.ds, strict=True):
            residual = shortcut(x)
            for block in blocks:  # type: ignore[attr-defined]
                x = F.relu(residual + block(x), inplace=True)
                residual = x
        return x
