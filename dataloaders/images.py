"""Opening one PNG or JPEG file; whatever is wrong with it is said in one line that names the file.

What a file is, its first bytes say, and not its name. Nothing that it says of itself is believed before it is checked.
No torch here: data sets are prepared without it.
"""

import io
import os
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from PIL import Image, ImageOps

from configs.errors import UserError
from configs.regular import open_regular

MOST_PIXELS = 2**26
"""Of an image, 8,192 x 8,192: as floats, one of more pixels takes gigabytes, and a few bytes can claim as many."""

PNG_SIGNATURE, JPEG_SIGNATURE = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"
NPY_SIGNATURE = b"\x93NUMPY"
BEFORE_PIXELS = {b"IHDR", b"PLTE", b"tRNS", b"iCCP", b"sRGB", b"gAMA", b"cHRM", b"sBIT"}  # by the PNG standard
CHUNK_FRAME = 12  # bytes of a chunk's length, kind and checksum

GREY, COLOUR, PALETTE = "grey", "colour (RGB)", "palette"
COLOUR_ALPHA = "colour with transparency"
COLOUR_TYPES = {0: GREY, 2: COLOUR, 3: PALETTE, 4: "grey with transparency", 6: COLOUR_ALPHA}
JPEG_COLOURS = {"L": GREY, "RGB": COLOUR, "CMYK": "colour (CMYK)"}
KNOWN = {*COLOUR_TYPES.values(), *JPEG_COLOURS.values()}
HEADER = struct.Struct(">8xI4sIIBB3xI")  # of PNG: a chunk's length and name, width, height, bits, type, checksum
SLACK = 2**24  # bytes of an image file beside its pixels: colour profiles, texts
ORIENTATION, LYING = 0x0112, (5, 6, 7, 8)  # EXIF's tag, and its values that exchange height and width


@dataclass(frozen=True)
class Header:
    """What an image file says it is.

    Attributes:
        format: "PNG" or "JPEG".
        bits: of a channel, or of an index into the palette.
        colour: one of ``COLOUR_TYPES`` or ``JPEG_COLOURS``.
        height, width: in pixels, as the image is seen.
    """

    format: str
    bits: int
    colour: str
    height: int
    width: int

    @property
    def kind(self) -> str:
        """In words, such as ``8-bit grey PNG``."""
        return f"{self.bits}-bit {self.colour} {self.format}"


@dataclass(frozen=True)
class Wanted:
    """What a reader takes, in words and as a question to a header."""

    expected: str
    accepts: Callable[[Header], bool]


PICTURE = Wanted(
    "an image of 8 bits a channel, or of 16-bit grey, as PNG or JPEG",
    lambda found: found.colour in KNOWN and (found.bits <= 8 or (found.bits, found.colour) == (16, GREY)),
)
CODED = Wanted(
    "an 8-bit colour (RGB) PNG",
    lambda found: lossless(found) and found.bits == 8 and found.colour in (COLOUR, COLOUR_ALPHA),
)
LABELS = Wanted(
    "labels as 8- or 16-bit grey PNG, or as palette PNG",
    lambda found: lossless(found) and (found.colour == PALETTE or (found.colour == GREY and found.bits in (8, 16))),
)
GREY_8 = Wanted("an 8-bit grey PNG", lambda found: found.kind == "8-bit grey PNG")
GREY_16 = Wanted("a 16-bit grey PNG", lambda found: found.kind == "16-bit grey PNG")


def lossless(found: Header) -> bool:
    """Whether the values in the file are those that were written: JPEG changes labels and codes a little."""
    return found.format == "PNG"


def header_of(path: Path) -> Header | None:
    """What an image file says of itself; its pixels are not read. None: it is an array, of ``.npy``.

    Raises:
        UserError: the file is missing, neither PNG nor JPEG nor an array, or its header is damaged.
    """
    try:
        with open_regular(path) as file:
            if os.pread(file.fileno(), len(NPY_SIGNATURE), 0) == NPY_SIGNATURE:
                return None
            return _header(path, file)
    except OSError as error:
        raise unreadable(path, error) from error


def open_image(path: Path, wanted: Wanted) -> Image.Image:
    """A decoded image, as it is seen: a JPEG that a camera took lying is turned.

    Raises:
        UserError: the file is missing, damaged or not of the kind that is wanted.
    """
    try:
        with open_regular(path) as file:
            found = _header(path, file, wanted.expected)
            if not wanted.accepts(found):
                raise UserError(f"{path}: expected {wanted.expected}, found {found.kind}; convert the file")
            data = file.read()
    except OSError as error:
        raise unreadable(path, error) from error
    if found.format == "PNG":
        _check_chunks(path, data)
    try:
        image = Image.open(io.BytesIO(data), formats=(found.format,))
        image.load()
        return ImageOps.exif_transpose(image) if found.format == "JPEG" else image
    except Exception as error:  # whatever damaged or hostile bytes lead the decoder to
        raise UserError(f"{path}: damaged {found.format} file ({error}); fetch it again") from error


def check_pixels(path: Path, height: int, width: int) -> None:
    """See that an image or array is of a size that memory can hold; raises UserError."""
    if height * width > MOST_PIXELS:
        raise UserError(
            f"{path}: {height} x {width} pixels; more than {MOST_PIXELS:,} would take gigabytes each: "
            f"cut the image into smaller ones"
        )


def unreadable(path: Path, error: OSError) -> UserError:
    """The error for a file that cannot be opened."""
    return UserError(f"{path}: cannot be read: {error.strerror or error}; check the data root and its index")


def _header(path: Path, file: BinaryIO, expected: str = "an image") -> Header:
    """What is said, if it can be, and if the file is not far longer than that."""
    start = os.pread(file.fileno(), HEADER.size, 0)
    if start.startswith(PNG_SIGNATURE):
        found = _png_header(path, start)
    elif start.startswith(JPEG_SIGNATURE):
        found = _jpeg_header(path, file)
    else:
        raise UserError(f"{path}: not a PNG or JPEG file; expected {expected}")
    check_pixels(path, found.height, found.width)
    # What cannot be compressed takes 1 to 4 bytes a pixel, and little more.
    if (size := os.fstat(file.fileno()).st_size) > 4 * found.width * found.height + SLACK:
        pixels = f"{found.height} x {found.width} pixels"
        raise UserError(f"{path}: damaged {found.format} file ({size:,} bytes for {pixels}); fetch it again")
    return found


def _png_header(path: Path, start: bytes) -> Header:
    """From the file and not from Pillow, which would cut 16-bit colours down to 8 bits without a word."""
    if len(start) < HEADER.size:
        raise UserError(f"{path}: truncated PNG file ({len(start)} bytes); fetch it again")
    length, name, width, height, bits, colour, checksum = HEADER.unpack(start)
    if (length, name) != (13, b"IHDR") or checksum != zlib.crc32(start[12:-4]) or width * height == 0:
        raise UserError(f"{path}: damaged PNG file (its header is not whole); fetch it again")
    return Header("PNG", bits, COLOUR_TYPES.get(colour, f"colour of type {colour}"), height, width)


def _jpeg_header(path: Path, file: BinaryIO) -> Header:
    try:
        image = Image.open(file, formats=("JPEG",))  # reads up to the pixels
        width, height = image.size
        if image.getexif().get(ORIENTATION) in LYING:
            width, height = height, width
        found = Header("JPEG", 8, JPEG_COLOURS.get(image.mode, image.mode), height, width)
        file.seek(0)
    except Exception as error:
        raise UserError(f"{path}: damaged JPEG file (its header is not whole); fetch it again") from error
    return found


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
