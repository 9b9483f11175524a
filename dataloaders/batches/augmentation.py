"""One augmentation for all data sets: random scale, mirror and crop, as each key's field says.

The published order is to scale the whole picture, mirror it, pad it to the crop and crop. Here the part of
the source that ends up in the crop is cut out first and only that is scaled, so that the work depends on the
crop and not on the picture. The two agree up to the alignment of the crop to whole source pixels, less than
one of them, and the rounding of the scale that goes with it.
"""

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms.v2 import InterpolationMode
from torchvision.transforms.v2 import functional as transforms

from dataloaders.base import Field


class _Target(tv_tensors.Mask):
    """A map of labels or values: resized to the nearest pixel, everything else as masks."""


@transforms.register_kernel(transforms.resize, _Target)
def _resize_target(target: _Target, size: list[int], **_: Any) -> _Target:
    # Masks are resized by NEAREST, which rounds down and so shifts labels against the image by up to a pixel.
    plain = target.as_subclass(Tensor)
    resized = transforms.resize_image(plain, size, interpolation=InterpolationMode.NEAREST_EXACT)
    return tv_tensors.wrap(resized, like=target)


@dataclass(frozen=True)
class Window:
    """A part of a source picture, and what becomes of it.

    Attributes:
        top, left, height, width: the part, in pixels of the source.
        scaled: height and width that it is resized to.
        padded: height and width after padding at the bottom and on the right.
        mirrored: whether left and right are exchanged.
    """

    top: int
    left: int
    height: int
    width: int
    scaled: tuple[int, int]
    padded: tuple[int, int]
    mirrored: bool = False

    @property
    def factor(self) -> float:
        """By how much it is enlarged; rounding to whole pixels makes the two sides differ a little: their mean."""
        return math.sqrt(math.prod(self.scaled) / (self.height * self.width))

    @classmethod
    def whole(cls, height: int, width: int) -> "Window":
        """The whole picture as it is."""
        return cls(0, 0, height, width, (height, width), (height, width))


def draw_window(
    size: tuple[int, int],
    crop: tuple[int, int],
    scale: tuple[float, float],
    mirror: float,
    generator: torch.Generator,
) -> Window:
    """A random window of a picture.

    Args:
        size: height and width of the picture.
        crop: height and width of the result.
        scale: least and largest factor of scaling.
        mirror: probability of mirroring.
        generator: the only source of randomness; four numbers are drawn from it, whatever they decide.
    """
    factor, flip, *shares = torch.rand(4, generator=generator, dtype=torch.float64).tolist()
    factor = scale[0] + (scale[1] - scale[0]) * factor
    (height, rows, top), (width, columns, left) = (
        _span(length, wanted, factor, share) for length, wanted, share in zip(size, crop, shares, strict=True)
    )
    return Window(top, left, rows, columns, (height, width), crop, flip < mirror)


def cut(value: Tensor, window: Window, field: Field, *, is_image: bool) -> Tensor:
    """The window of one key of a sample with its final values, [C, *window.scaled], not yet padded; [C, 1, 1] of one
    that is of the whole image.

    Args:
        value: what ``MultitaskDataset.read`` gave, [C, H, W].
        window: the same for all keys of a sample.
        field: the key's.
        is_image: an image is resized bilinearly, all else to the nearest pixel.
    """
    result = value if field.image_level else _cut_pixels(value, window, is_image)
    # Up to here a file's bytes stay bytes, which are quicker to move than floats. `mirror` needs what they stand for:
    # the x of a normal changes its sign.
    if field.decode is not None:
        result = field.decode(result)
    if window.mirrored and field.mirror is not None:
        result = field.mirror(result)
    if field.scaled is not None:
        result = field.scaled(result, window.factor)
    return result


def _cut_pixels(value: Tensor, window: Window, is_image: bool) -> Tensor:
    part = tv_tensors.Image(value) if is_image else _Target(value)
    part = transforms.crop(part, window.top, window.left, window.height, window.width)
    part = transforms.resize(part, list(window.scaled), antialias=False)
    # Mirrored before it is padded: padding stays at the bottom and on the right, as published.
    if window.mirrored:
        part = transforms.horizontal_flip(part)
    return part.as_subclass(Tensor)


def write_padded(part: Tensor, slot: Tensor, fill: float) -> None:
    """Write ``part`` [C, h, w] into the upper left of ``slot`` [C, H, W], in its type, and ``fill`` around it."""
    height, width = part.shape[1:]
    # The slot is a part of a batch that nobody has cleared: each of its values is written once, and converted on the
    # way, where padding and stacking would make copies of the whole.
    slot[:, :height, :width] = part
    slot[:, :height, width:] = fill
    slot[:, height:] = fill


def _span(length: int, wanted: int, factor: float, share: float) -> tuple[int, int, int]:
    """Along one axis: pixels of the result before padding, and number and start of the source's pixels.

    ``share``, from 0 to below 1, says how far along the axis the part starts.
    """
    result = min(wanted, max(1, round(length * factor)))
    # Whole pixels of the source, so that all keys are cut at the same edges and stay aligned. A scaled picture that
    # does not fill the crop is all in it.
    pixels = length if result < wanted else min(length, max(1, round(wanted / factor)))
    return result, pixels, int(share * (length - pixels + 1))  # + 1: the last start is as likely as the others
