"""Reading one image or array file as a tensor; whatever is wrong with it is said in one line that names the file.

Nothing that a file says of itself is believed before it is checked: neither its size nor its type.
"""

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from configs.errors import UserError
from dataloaders.arrays import npy_size, read_npy
from dataloaders.images import CODED, GREY_8, GREY_16, LABELS, PICTURE, header_of, open_image

SHARED_TYPES = {np.dtype(name) for name in ("u1", "i1", "i2", "i4", "i8", "f2", "f4", "f8")}  # with torch
GREY_16_OVER_8 = 257  # 65535 / 255
OVERSHOOT = 0.01  # how far interpolation may have carried an image in [0, 1] beyond it


def read_colour(path: Path, order: str = "BGR") -> Tensor:
    """A picture as [3, H, W] in 0..255, channels in ``order``, "BGR" or "RGB": a PNG or JPEG, as the file itself says.

    uint8; a picture of 16-bit grey as float32, so that nothing of it is lost. Palettes become their colours, grey three
    equal channels; what is said of transparency is left out.

    Raises:
        UserError: the file is missing, damaged or of another kind, such as 16-bit colour, of which half would be lost.
    """
    image = open_image(path, PICTURE)
    if image.mode.startswith("I"):  # 16-bit grey
        return _pixels(image).div(GREY_16_OVER_8).expand(3, -1, -1)
    return _channels(image if image.mode == "RGB" else _as_colour(image), order)


def read_coded(path: Path, order: str = "BGR") -> Tensor:
    """Three values coded as an 8-bit colour PNG, such as normals, as uint8 [3, H, W] in ``order``.

    Raises:
        UserError: as ``read_colour``; also for a JPEG, which changes values a little, grey and palettes.
    """
    image = open_image(path, CODED)
    return _channels(image if image.mode == "RGB" else image.convert("RGB"), order)


def read_labels(path: Path) -> Tensor:
    """A map of labels as [1, H, W]: the values of an 8- or 16-bit grey PNG, or the indices of a palette PNG.

    uint8; int32 for 16 bits.

    Raises:
        UserError: the file is missing, damaged or of another kind, such as JPEG, which changes labels.
    """
    return _pixels(open_image(path, LABELS))


def read_grey8(path: Path) -> Tensor:
    """An 8-bit grey PNG as uint8 [1, H, W]; raises UserError as ``read_labels`` does."""
    return _pixels(open_image(path, GREY_8))


def read_grey16(path: Path) -> Tensor:
    """A 16-bit grey PNG as int32 [1, H, W], 0..65535; raises UserError as ``read_labels`` does."""
    return _pixels(open_image(path, GREY_16))


def read_floats(path: Path, channels: int = 1, *, exactly: type[np.floating] | None = None) -> Tensor:
    """A ``.npy`` file of finite floats, [H, W] or [H, W, channels], as float32 [channels, H, W].

    Args:
        path: the file.
        channels: how many the file must hold.
        exactly: the only type allowed, for instance ``np.float32``; none: any float.

    Raises:
        UserError: the file is missing or damaged, or type, shape or a value is wrong.
    """
    array = read_npy(path, channels)
    if array.dtype != exactly if exactly else array.dtype.kind != "f":
        expected = np.dtype(exactly).name if exactly else "floats"
        raise UserError(f"{path}: expected {expected}, found {array.dtype}; write the file with that type")
    if not np.isfinite(array).all():
        raise UserError(f"{path}: holds NaN or infinite values; replace or leave out the sample")
    return torch.from_numpy(array.astype(np.float32, copy=False)).permute(2, 0, 1)


def read_unit_colour(path: Path) -> Tensor:
    """A picture as a ``.npy`` file [H, W, 3] of floats, RGB in [0, 1], as float32 [3, H, W] in BGR order, 0..255.

    Raises:
        UserError: as ``read_floats``; also for values far from [0, 1].
    """
    image = read_floats(path, channels=3)
    low, high = image.min(), image.max()
    if low < -OVERSHOOT or high > 1 + OVERSHOOT:
        raise UserError(f"{path}: image values from {low:g} to {high:g}; expected RGB in [0, 1]")
    return image.flip(0) * 255  # RGB to BGR


def read_whole_numbers(path: Path) -> Tensor:
    """A ``.npy`` file of whole numbers, [H, W] or [H, W, 1] in any number type, as integers [1, H, W].

    Raises:
        UserError: the file is missing or damaged, or type, shape or a value is wrong.
    """
    array = read_npy(path, channels=1)
    if array.dtype.kind == "f" and np.array_equal(array, np.rint(array)):
        array = array.astype(np.int64)
    if array.dtype.kind not in "iu":
        raise UserError(f"{path}: expected whole numbers, found {array.dtype}; write the labels as integers")
    if array.dtype not in SHARED_TYPES:
        array = array.astype(np.int64)
    return torch.from_numpy(array).permute(2, 0, 1)


def check_labels(labels: Tensor, classes: int, path: Path, ignore: int | None = None) -> Tensor:
    """Return ``labels`` if every one is 0..classes-1 or ``ignore``.

    Raises:
        UserError: naming the file and a wrong label.
    """
    pixels = labels.numpy()
    wrong = (pixels < 0) | (pixels >= classes)
    if ignore is not None:
        wrong &= pixels != ignore
    if wrong.any():
        expected = f"0..{classes - 1}" + (f" or {ignore} (ignored)" if ignore is not None else "")
        raise UserError(f"{path}: holds the label {pixels[wrong][0]}; expected {expected}; correct the file")
    return labels


def size_of(path: Path) -> tuple[int, int]:
    """Height and width of an image or ``.npy`` file, from its header.

    Raises:
        UserError: the file is missing, or its header is damaged.
    """
    found = header_of(path)
    return npy_size(path) if found is None else (found.height, found.width)


def _as_colour(image: Image.Image) -> Image.Image:
    if image.mode == "P" and "transparency" in image.info:
        image = image.convert("RGBA")  # else Pillow warns that it leaves the transparency out
    return image.convert("RGB")


def _channels(image: Image.Image, order: str) -> Tensor:
    # Pillow packs its pixels into bytes anyway: asking for BGR costs nothing over RGB.
    pixels = torch.frombuffer(bytearray(image.tobytes("raw", order)), dtype=torch.uint8)
    return pixels.view(image.height, image.width, 3).permute(2, 0, 1)


def _pixels(image: Image.Image) -> Tensor:
    array = np.array(image)
    return torch.from_numpy(array if array.dtype == np.uint8 else array.astype(np.int32))[None]
