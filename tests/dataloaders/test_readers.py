"""Files that are not what they say they are: each is one line, soon, and takes no memory to speak of."""

import os
import struct
import threading
import time
import tracemalloc
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from configs import UserError
from dataloaders.readers import (
    read_coded,
    read_colour,
    read_floats,
    read_grey8,
    read_grey16,
    read_labels,
    read_whole_numbers,
    size_of,
)

READERS = [read_colour, read_coded, read_labels, read_grey8, read_grey16, read_floats, read_whole_numbers, size_of]
ROW = bytes(range(24))


def by_what_is_said(value: bytes | str) -> str:
    """No test is called by a file's bytes."""
    return value if isinstance(value, str) else "file"


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def header(width: int = 8, height: int = 2, bits: int = 8, colour: int = 2) -> bytes:
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0))


def png(*before: bytes, head: bytes | None = None, row: bytes = ROW, after: bytes = b"") -> bytes:
    """Two rows of 8 pixels."""
    pixels = chunk(b"IDAT", zlib.compress(2 * (b"\0" + row)))
    return b"\x89PNG\r\n\x1a\n" + (head or header()) + b"".join(before) + pixels + after + chunk(b"IEND", b"")


PROFILE = chunk(b"iCCP", b"name\0\0" + zlib.compress(b"profile"))


def refused(read: Callable, file: Path, content: bytes | None = None) -> str:
    """What is said of a file, its name left out; in one line, soon, and without much memory."""
    if content is not None:
        file.write_bytes(content)
    tracemalloc.start()
    begun = time.monotonic()
    try:
        with pytest.raises(UserError) as caught:
            read(file)
        assert time.monotonic() - begun < 2 and tracemalloc.get_traced_memory()[1] < 2**24
    finally:
        tracemalloc.stop()
    name, _, said = str(caught.value).partition(": ")
    assert name == str(file) and "\n" not in said and len(said) < 400
    return said


@pytest.mark.parametrize("read", READERS)
def test_only_regular_files_are_opened(tmp_path: Path, read: Callable) -> None:
    fifo, device = tmp_path / "fifo", tmp_path / "device"
    os.mkfifo(fifo)
    device.symlink_to("/dev/null")  # as /dev/zero, only that that one has no end

    def release() -> None:
        with suppress(OSError):
            os.close(os.open(fifo, os.O_WRONLY | os.O_NONBLOCK))

    waited_too_long = threading.Timer(1, release)
    waited_too_long.start()
    assert refused(read, fifo).startswith("cannot be read: it is a FIFO, not a regular file")
    waited_too_long.cancel()
    assert refused(read, device).startswith("cannot be read: it is a device, not a regular file")
    assert refused(read, tmp_path).startswith("cannot be read: it is a folder")
    device.unlink()
    device.symlink_to(device)
    assert refused(read, device).startswith("cannot be read: Too many levels of symbolic links")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (png(head=header(bits=16), row=2 * ROW), "as PNG or JPEG, found 16-bit colour (RGB) PNG"),
        (png(head=header(bits=16, colour=4), row=ROW + ROW[:8]), "found 16-bit grey with transparency"),
        (png(head=header(colour=9)), "found 8-bit colour of type 9"),
        (png(after=PROFILE), "damaged PNG file (a chunk iCCP in the wrong place)"),
        (png(after=header()), "damaged PNG file (a chunk IHDR in the wrong place)"),
        (png(header(20000, 20000)), "damaged PNG file (a chunk IHDR in the wrong place)"),
        (png(chunk(b"iCCP", b"name\0\0" + zlib.compress(bytes(10**8)))), "damaged PNG file"),
        (png(chunk(b"iCCP", b"")), "damaged PNG file"),
        (png(head=header(10_000, 10_000)), "10000 x 10000 pixels; more than 67,108,864 would take gigabytes"),
        (png(head=header(2**31 - 1, 2**31 - 1)), "pixels; more than 67,108,864"),
        (png(head=header(width=0)), "damaged PNG file (its header is not whole)"),
        (png(head=chunk(b"IHDR", b"")), "damaged PNG file (its header is not whole)"),
        (png(row=ROW[:5]), "damaged PNG file"),
        (png()[:20], "truncated PNG file (20 bytes)"),
        (png(chunk(b"teXt", bytes(2**24))), "damaged PNG file (16,777,"),
    ],
    ids=by_what_is_said,
)
def test_pngs_that_are_not_what_they_say(tmp_path: Path, content: bytes, said: str) -> None:
    assert said in refused(read_colour, tmp_path / "image.png", content)


def test_grey_of_few_bits_is_not_scaled_in_secret(tmp_path: Path) -> None:
    said = refused(read_grey8, tmp_path / "labels.png", png(head=header(bits=4, colour=0), row=bytes(4)))
    assert "expected an 8-bit grey PNG, found 4-bit grey" in said


def test_a_profile_in_its_place_changes_nothing(tmp_path: Path) -> None:
    pixels = []
    for name, content in {"plain": png(), "profile": png(PROFILE), "text": png(after=chunk(b"tEXt", b"a\0b"))}.items():
        (tmp_path / name).write_bytes(content)
        pixels.append(read_colour(tmp_path / name, "RGB").permute(1, 2, 0).flatten().tolist())
    assert pixels[0] == pixels[1] == pixels[2] == 2 * list(ROW)


def npy(
    shape: str = "(2, 3)", descr: str = "'<f4'", data: bytes = bytes(24), version: int = 1, more: str = ""
) -> bytes:
    text = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}{more}}}\n".encode()
    return b"\x93NUMPY" + bytes([version, 0]) + struct.pack("<H" if version == 1 else "<I", len(text)) + text + data


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (npy(more=", {"), "not a whole .npy array (("),  # numpy: tokenize.TokenError
        (npy("(" * 300 + ")" * 300), "not a whole .npy array"),
        (npy("(10**9, 10**9)"), "not a whole .npy array"),
        (npy(version=3), "not a whole .npy array (version 3.0)"),
        (npy("(100000, 1000000)"), "100000 x 1000000 pixels; more than 67,108,864"),
        (npy("(8000, 8000)"), "not a whole .npy array (too short for [8000, 8000])"),
        (npy("(2, 3)", data=bytes(23)), "not a whole .npy array (too short for [2, 3])"),
        (npy("(-1, 3)"), "expected an array [H, W], found [-1, 3]"),
        (npy("(-2, -3)"), "expected an array [H, W], found [-2, -3]"),
        (npy(f"({'9' * 4000}, 3)"), "expected an array [H, W], found [999"),
        (npy("(1,) * 40"), "not a whole .npy array"),
        (npy(str((1,) * 40)), "expected an array [H, W], found [1, 1, 1"),
        (npy(descr="'|O'"), "not a whole .npy array of numbers, but of object"),
        (npy(descr="'<U400000000'"), "not a whole .npy array of numbers, but of <U400000000"),
        (npy(descr="'|V2000000000'"), "not a whole .npy array of numbers, but of |V2000000000"),
        (npy(descr="[('a', '<f4')]"), "not a whole .npy array of numbers, but of [('a', '<f4')]"),
        (npy(descr="('<f4', (500000000,))"), "not a whole .npy array of numbers, but of"),
        (npy(descr="'<M8[s]'"), "not a whole .npy array of numbers, but of datetime64"),
    ],
    ids=by_what_is_said,
)
def test_arrays_that_are_not_what_they_say(tmp_path: Path, content: bytes, said: str) -> None:
    for read in (read_floats, read_whole_numbers):
        assert said in refused(read, tmp_path / "array.npy", content)


def test_arrays_as_numpy_writes_them(tmp_path: Path) -> None:
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    for content in (npy(data=array.tobytes()), npy(data=array.tobytes(), version=2)):
        (tmp_path / "array.npy").write_bytes(content)
        assert read_floats(tmp_path / "array.npy")[0].tolist() == array.tolist()
    np.save(tmp_path / "array.npy", array.T)
    assert read_floats(tmp_path / "array.npy")[0].tolist() == array.T.tolist()


def saved(path: Path, pixels: np.ndarray, **options: object) -> Path:
    """A file without a name that says what it is."""
    Image.fromarray(pixels).save(path, **options)  # type: ignore[arg-type]
    return path


GREYS = np.arange(16, dtype=np.uint8).reshape(2, 8) * 17


def test_pictures_of_every_kind_become_three_channels(tmp_path: Path) -> None:
    colours = np.stack([GREYS, GREYS.T.reshape(2, 8), 255 - GREYS], -1)
    picture = saved(tmp_path / "a.jpg", colours, format="PNG")
    assert read_colour(picture, "RGB").permute(1, 2, 0).tolist() == colours.tolist()
    transparent = np.concatenate([colours, np.full((2, 8, 1), 7, np.uint8)], -1)
    assert torch.equal(read_colour(saved(tmp_path / "b.png", transparent)), read_colour(picture))
    grey = read_colour(saved(tmp_path / "c.png", GREYS))
    assert grey.dtype == torch.uint8 and grey.tolist() == [GREYS.tolist()] * 3
    Image.fromarray(colours).convert("P", palette=Image.Palette.ADAPTIVE).save(tmp_path / "d.png", transparency=0)
    assert torch.equal(read_colour(tmp_path / "d.png"), read_colour(picture))


def test_a_picture_of_16_bit_grey_loses_nothing(tmp_path: Path) -> None:
    deep = np.array([[0, 257, 258, 65535]], np.uint16)
    image = read_colour(saved(tmp_path / "a.png", deep))
    assert image.shape == (3, 1, 4) and image[1, 0].tolist() == pytest.approx([0, 1, 258 / 257, 255])
    assert read_grey16(tmp_path / "a.png")[0, 0].tolist() == [0, 257, 258, 65535]


def test_a_jpeg_is_read_whatever_its_name(tmp_path: Path) -> None:
    flat = np.full((8, 16, 3), (200, 100, 50), np.uint8)
    photo = saved(tmp_path / "photo.png", flat, format="JPEG", quality=95)
    expected = np.asarray(Image.open(photo))
    assert read_colour(photo, "RGB").permute(1, 2, 0).tolist() == expected.tolist()
    assert abs(expected.astype(int) - flat).max() < 4 and size_of(photo) == (8, 16)
    grey = saved(tmp_path / "grey", flat[..., 0], format="JPEG")
    assert read_colour(grey).shape == (3, 8, 16)
    for read in (read_labels, read_coded, read_grey8):
        assert "found 8-bit" in refused(read, photo) and "JPEG; convert the file" in refused(read, photo)


def test_a_photo_that_was_taken_lying_is_turned(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turn it clockwise to see it
    dark_left = np.repeat(np.array([[0, 255]], np.uint8), 8, 1).repeat(8, 0)
    photo = saved(tmp_path / "photo", dark_left, format="JPEG", exif=exif)
    assert size_of(photo) == (16, 8) == tuple(read_colour(photo).shape[1:])
    assert read_colour(photo)[0, [0, -1], 4].tolist() == [0, 255]


@pytest.mark.parametrize("keep", [3, 10, 300, -40])
def test_a_damaged_jpeg_is_one_line(tmp_path: Path, keep: int) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    photo = saved(tmp_path / "photo.jpg", noise, format="JPEG")
    assert refused(read_colour, photo, photo.read_bytes()[:keep]).startswith("damaged JPEG file")


def test_labels_are_values_or_indices_never_colours(tmp_path: Path) -> None:
    indices = np.array([[0, 1, 2], [21, 255, 3]], np.uint8)
    palette = Image.fromarray(indices)
    palette.putpalette(list(np.random.default_rng(0).integers(0, 256, 768)))
    palette.save(tmp_path / "labels.png", transparency=3)
    assert read_labels(tmp_path / "labels.png").tolist() == [indices.tolist()]
    assert read_labels(saved(tmp_path / "grey.png", indices)).tolist() == [indices.tolist()]
    many = read_labels(saved(tmp_path / "many.png", indices.astype(np.uint16) * 200))
    assert many.dtype == torch.int32 and many.max() == 51000


def test_the_size_of_a_file_is_in_its_first_bytes(tmp_path: Path) -> None:
    np.save(tmp_path / "array.npy", np.zeros((5, 7, 3)))
    (tmp_path / "array.npy").rename(tmp_path / "array.png")
    assert size_of(tmp_path / "array.png") == (5, 7)
    assert size_of(saved(tmp_path / "image", GREYS, format="PNG")) == (2, 8)
    assert refused(size_of, tmp_path / "empty", b"").startswith("not a PNG or JPEG file")
