"""Reading one image or array file; whatever is wrong with it is said in one line that names the file."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from configs.errors import UserError

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
CHUNK_FRAME = 12  # bytes of a chunk's length, kind and checksum
SHARED_TYPES = {np.dtype(name) for name in ("u1", "i1", "i2", "i4", "i8", "f2", "f4", "f8")}  # with torch

COLOUR, GREY_8, GREY_16 = "8-bit colour (RGB)", "8-bit grey", "16-bit grey"
KIND_OF_MODE = {"RGB": COLOUR, "L": GREY_8, "I;16": GREY_16, "I": GREY_16}  # Pillow's modes of PNG files


def read_colour(path: Path, order: str = "BGR") -> Tensor:
    """An 8-bit colour PNG as uint8 [3, H, W], channels in ``order``, "BGR" or "RGB".

    Raises:
        UserError: the file is missing, damaged or another kind of PNG.
    """
    image = _open_png(path, COLOUR)
    # Pillow packs its pixels into bytes anyway: asking for BGR costs nothing over RGB.
    pixels = torch.frombuffer(bytearray(image.tobytes("raw", order)), dtype=torch.uint8)
    return pixels.view(image.height, image.width, 3).permute(2, 0, 1)


def read_grey8(path: Path) -> Tensor:
    """An 8-bit grey PNG as uint8 [1, H, W]; raises UserError as ``read_colour`` does."""
    return torch.from_numpy(np.array(_open_png(path, GREY_8)))[None]


def read_grey16(path: Path) -> Tensor:
    """A 16-bit grey PNG as int32 [1, H, W], 0..65535; raises UserError as ``read_colour`` does."""
    return torch.from_numpy(np.array(_open_png(path, GREY_16)).astype(np.int32))[None]


def read_floats(path: Path, channels: int = 1, *, exactly: type[np.floating] | None = None) -> Tensor:
    """A ``.npy`` file of finite floats, [H, W] or [H, W, channels], as float32 [channels, H, W].

    Args:
        path: the file.
        channels: how many the file must hold.
        exactly: the only type allowed, for instance ``np.float32``; none: any float.

    Raises:
        UserError: the file is missing or damaged, or type, shape or a value is wrong.
    """
    array = _read_npy(path, channels)
    if array.dtype != exactly if exactly else array.dtype.kind != "f":
        expected = np.dtype(exactly).name if exactly else "floats"
        raise UserError(f"{path}: expected {expected}, found {array.dtype}; write the file with that type")
    if not np.isfinite(array).all():
        raise UserError(f"{path}: holds NaN or infinite values; replace or leave out the sample")
    return torch.from_numpy(array.astype(np.float32, copy=False)).permute(2, 0, 1)


def read_whole_numbers(path: Path) -> Tensor:
    """A ``.npy`` file of whole numbers, [H, W] or [H, W, 1] in any number type, as integers [1, H, W].

    Raises:
        UserError: the file is missing or damaged, or type, shape or a value is wrong.
    """
    array = _read_npy(path, channels=1)
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


def _open_png(path: Path, kind: str) -> Image.Image:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from error
    if not data.startswith(PNG_SIGNATURE):
        raise UserError(f"{path}: not a PNG file; expected a {kind} PNG")
    _check_chunks(path, data)
    try:
        image = Image.open(io.BytesIO(data), formats=("PNG",))
        found = KIND_OF_MODE.get(image.mode, f"mode {image.mode}")
        if found != kind:
            raise UserError(f"{path}: expected a {kind} PNG, found {found}; convert the file")
        image.load()
    except (OSError, SyntaxError, ValueError, struct.error, Image.DecompressionBombError) as error:
        raise UserError(f"{path}: damaged PNG file ({error}); fetch it again") from error
    return image


def _check_chunks(path: Path, data: bytes) -> None:
    """See that every chunk is whole: Pillow does not look at the checksums of the pixel data."""
    place = len(PNG_SIGNATURE)
    while place + CHUNK_FRAME <= len(data):
        length, name = struct.unpack_from(">I4s", data, place)
        end = place + CHUNK_FRAME + length
        if end > len(data):
            break
        checksum = zlib.crc32(memoryview(data)[place + 4 : end - 4])
        if checksum != int.from_bytes(data[end - 4 : end], "big"):
            raise UserError(f"{path}: damaged PNG file (wrong checksum at byte {place}); fetch it again")
        if name == b"IEND":
            return
        place = end
    raise UserError(f"{path}: truncated PNG file ({len(data)} bytes); fetch it again")


def _read_npy(path: Path, channels: int) -> np.ndarray:
    """The array as [H, W, channels]."""
    try:
        with path.open("rb") as file:
            array = np.lib.format.read_array(file, allow_pickle=False)
    except OSError as error:
        raise _unreadable(path, error) from error
    except (ValueError, EOFError, SyntaxError, TypeError, KeyError, OverflowError, MemoryError) as error:
        raise UserError(f"{path}: not a whole .npy array ({error}); fetch it again") from error
    array = array.astype(array.dtype.newbyteorder("="), copy=False)
    if array.ndim == 2:
        array = array[:, :, None]
    if array.ndim != 3 or array.shape[2] != channels or array.size == 0:
        expected = "[H, W]" if channels == 1 else f"[H, W, {channels}]"
        raise UserError(f"{path}: expected an array {expected}, found {list(array.shape)}; correct the file")
    return array


def _unreadable(path: Path, error: OSError) -> UserError:
    return UserError(f"{path}: cannot be read: {error.strerror or error}; check the data root and its index")
