"""How one key of a sample is treated on its way from a file to a batch."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Field:
    """How one key of a sample is treated when samples are scaled, mirrored and padded.

    Attributes:
        fill: the value of padding: what the losses of this data set ignore.
        mirror: applied to the tensor [C, h, w] after it was flipped left to right, for values that depend on
            direction.
        decode: turns what ``read`` gives into the final values, pixel by pixel; none: they are final already.
            It is applied to the crop only, before ``mirror``, so ``read`` may return a file's own small type.
        encode: what an image file of this layout holds for final values [C, H, W], such as a network's: uint8 or
            uint16 [1 or 3, H, W], RGB; none: the layout has ``.npy`` files.
        dtype: the type in a batch; int64 for class labels.
        scaled: applied to the tensor after it was enlarged by a factor (reduced, if below 1), for values that depend
            on it: distances in pixels grow by the factor, depth in metres shrinks by it.
        image_level: one value, or C of them, for the whole image: a tensor [C, 1, 1], which is neither cut nor scaled
            nor padded. ``mirror`` is applied to it as to others: left becomes right.
    """

    fill: float
    mirror: Callable[[Tensor], Tensor] | None = None
    decode: Callable[[Tensor], Tensor] | None = None
    encode: Callable[[Tensor], Tensor] | None = None
    dtype: torch.dtype = torch.float32
    scaled: Callable[[Tensor, float], Tensor] | None = None
    image_level: bool = False
