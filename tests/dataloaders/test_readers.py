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

from configs import UserError
from dataloaders.readers import read_colour, read_floats, read_grey8, read_grey16, read_whole_numbers

READERS = [read_colour, read_grey8, read_grey16, read_floats, read_whole_numbers]
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
        (png(head=header(bits=16), row=2 * ROW), "expected a 8-bit colour (RGB) PNG, found 16-bit colour (RGB)"),
        (png(head=header(colour=6), row=ROW + ROW[:8]), "found 8-bit colour with transparency"),
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
    assert "expected a 8-bit grey PNG, found 4-bit grey" in said


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
