"""Reading one image or array file; whatever is wrong with it is said in one line that names the file.

Nothing that a file says of itself is believed before it is checked: neither its size nor its type.
"""

import io
import math
import os
import struct
import zlib
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from configs.errors import UserError
from configs.regular import open_regular

MOST_PIXELS = 2**26
"""Of an image, 8,192 x 8,192: as floats, one of more pixels takes gigabytes, and a few bytes can claim as many."""

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
BEFORE_PIXELS = {b"IHDR", b"PLTE", b"tRNS", b"iCCP", b"sRGB", b"gAMA", b"cHRM", b"sBIT"}  # by the PNG standard
CHUNK_FRAME = 12  # bytes of a chunk's length, kind and checksum
SHARED_TYPES = {np.dtype(name) for name in ("u1", "i1", "i2", "i4", "i8", "f2", "f4", "f8")}  # with torch

NPY_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
LONGEST_REASON = 200

COLOUR, GREY_8, GREY_16 = "8-bit colour (RGB)", "8-bit grey", "16-bit grey"
COLOUR_TYPES = {0: "grey", 2: "colour (RGB)", 3: "palette", 4: "grey with transparency", 6: "colour with transparency"}
HEADER = struct.Struct(">8xI4sIIBB3xI")  # of PNG: a chunk's length and name, width, height, bits, type, checksum
SLACK = 2**24  # bytes of an image file beside its pixels: colour profiles, texts


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
        with open_regular(path) as file:
            _check_header(path, file, kind)
            data = file.read()
    except OSError as error:
        raise _unreadable(path, error) from error
    _check_chunks(path, data)
    try:
        image = Image.open(io.BytesIO(data), formats=("PNG",))
        image.load()
    except Exception as error:  # whatever damaged or hostile bytes lead the decoder to
        raise UserError(f"{path}: damaged PNG file ({error}); fetch it again") from error
    return image


def _check_header(path: Path, file: BinaryIO, kind: str) -> None:
    """See that a PNG file says it is of this kind and of a size that can be, and is not far longer than that.

    Pillow would cut 16-bit colours down to 8 bits, and scale grey values of less than 8 bits, without a word.
    """
    start = os.pread(file.fileno(), HEADER.size, 0)
    if not start.startswith(PNG_SIGNATURE):
        raise UserError(f"{path}: not a PNG file; expected a {kind} PNG")
    if len(start) < HEADER.size:
        raise UserError(f"{path}: truncated PNG file ({len(start)} bytes); fetch it again")
    length, name, width, height, bits, colour, checksum = HEADER.unpack(start)
    if (length, name) != (13, b"IHDR") or checksum != zlib.crc32(start[12:-4]) or width * height == 0:
        raise UserError(f"{path}: damaged PNG file (its header is not whole); fetch it again")
    found = f"{bits}-bit {COLOUR_TYPES.get(colour, f'colour of type {colour}')}"
    if found != kind:
        raise UserError(f"{path}: expected a {kind} PNG, found {found}; convert the file")
    _check_pixels(path, height, width)
    # What cannot be compressed takes 1 to 3 bytes a pixel, and little more.
    if (size := os.fstat(file.fileno()).st_size) > 4 * width * height + SLACK:
        raise UserError(f"{path}: damaged PNG file ({size:,} bytes for {height} x {width} pixels); fetch it again")


def _check_pixels(path: Path, height: int, width: int) -> None:
    if height * width > MOST_PIXELS:
        raise UserError(
            f"{path}: {height} x {width} pixels; more than {MOST_PIXELS:,} would take gigabytes each: "
            f"cut the image into smaller ones"
        )


def _check_chunks(path: Path, data: bytes) -> None:
    """See that every chunk is whole and in its place: Pillow does not look at the checksums of the pixel data."""
    place, misplaced = len(PNG_SIGNATURE), set[bytes]()
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
        if name in misplaced:
            raise UserError(f"{path}: damaged PNG file (a chunk {name.decode()} in the wrong place); write it anew")
        misplaced |= BEFORE_PIXELS if name == b"IDAT" else {b"IHDR"}
        place = end
    raise UserError(f"{path}: truncated PNG file ({len(data)} bytes); fetch it again")


def _read_npy(path: Path, channels: int) -> np.ndarray:
    """The array as [H, W, channels]."""
    try:
        with open_regular(path) as file:
            shape, in_columns, dtype = _npy_header(path, file)
            _check_shape(path, shape, channels)
            count = math.prod(shape)
            if file.tell() + count * dtype.itemsize > os.fstat(file.fileno()).st_size:
                raise UserError(f"{path}: not a whole .npy array (too short for {list(shape)}); fetch it again")
            array = np.fromfile(file, dtype, count)
    except OSError as error:
        raise _unreadable(path, error) from error
    array = array.reshape(shape[::-1]).transpose() if in_columns else array.reshape(shape)
    array = array.astype(dtype.newbyteorder("="), copy=False)
    return array[:, :, None] if array.ndim == 2 else array


def _npy_header(path: Path, file: BinaryIO) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Shape, whether it is in column order, and type of an array of numbers."""
    try:
        version = np.lib.format.read_magic(file)
        if version not in NPY_HEADERS:
            raise ValueError(f"version {version[0]}.{version[1]}")
        shape, in_columns, dtype = NPY_HEADERS[version](file)
    except OSError:
        raise
    except Exception as error:  # the header is parsed as Python's words, of which anything may come
        reason = " ".join(f"{error}".split())[:LONGEST_REASON]
        raise UserError(f"{path}: not a whole .npy array ({reason}); fetch it again") from error
    if dtype.kind not in "biufc":
        raise UserError(f"{path}: not a whole .npy array of numbers, but of {dtype}; write the file as numbers")
    return tuple(map(int, shape)), in_columns, dtype


def _check_shape(path: Path, shape: tuple[int, ...], channels: int) -> None:
    if len(shape) not in (2, 3) or (*shape, 1)[2] != channels or not all(0 < length < 2**31 for length in shape):
        expected = "[H, W]" if channels == 1 else f"[H, W, {channels}]"
        found = f"{list(shape)}"[:LONGEST_REASON]
        raise UserError(f"{path}: expected an array {expected}, found {found}; correct the file")
    _check_pixels(path, *shape[:2])


def _unreadable(path: Path, error: OSError) -> UserError:
    return UserError(f"{path}: cannot be read: {error.strerror or error}; check the data root and its index")
