"""From the pixels of a picture to what a network sees: order of channels, mean and standard deviation."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

Channels = Literal["bgr", "rgb"]
Triple = tuple[float, float, float]

BGR_MEAN: Triple = (104.00698793, 116.66876762, 122.67891434)


@dataclass(frozen=True)
class Normalisation:
    """What is done to pictures in 0..255.

    Attributes:
        channels: their order afterwards.
        mean: then subtracted, in that order.
        std: then divided by; None: nothing is.
        reversing: whether the pictures come in the other order.
    """

    channels: Channels = "bgr"
    mean: Triple = BGR_MEAN
    std: Triple | None = None
    reversing: bool = False

    def __call__(self, picture: Tensor) -> Tensor:
        """A picture [3, H, W] of any type as float32."""
        if self.reversing:
            picture = picture.flip(0)
        picture = picture - torch.tensor(self.mean)[:, None, None]
        return picture if self.std is None else picture / torch.tensor(self.std)[:, None, None]

    def changed(self, channels: Channels | None, mean: Triple | None, std: Triple | None) -> "Normalisation":
        """The same but for what is given; what is not keeps belonging to its colour when the order changes."""
        channels = channels or self.channels
        turned = channels != self.channels
        return Normalisation(
            channels,
            mean or (self.mean[::-1] if turned else self.mean),
            std or (self.std[::-1] if turned and self.std is not None else self.std),
            self.reversing != turned,
        )
