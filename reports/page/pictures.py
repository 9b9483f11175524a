"""Pictures that a page carries with it, as ``data:`` URIs."""

import io
from base64 import b64encode
from pathlib import Path
from typing import Annotated, ClassVar

import numpy as np
from PIL import Image
from pydantic import Field

from configs.errors import UserError
from configs.paths import read_regular
from reports.files import JsonFile, Part

MOST_BYTES = 64 << 20
"""Larger picture files are not read."""
MOST_EMBEDDED = 1 << 20
"""Larger ones are embedded as JPEG, ``WIDEST`` pixels wide at most."""
WIDEST = 1600
MOST_PIXELS = 100_000_000
FORMATS = {"PNG": "png", "JPEG": "jpeg"}

Colour = Annotated[str, Field(pattern=r"^#[0-9a-f]{6}$")]
DataUri = Annotated[str, Field(pattern=r"^data:image/(png|jpeg);base64,[A-Za-z0-9+/]+=*$", max_length=MOST_BYTES)]


class SheetRow(Part):
    """One sample: its picture, and for each task a picture of its target, or what it is in words."""

    name: str
    image: DataUri
    targets: dict[str, DataUri]
    words: dict[str, str] = Field(default_factory=dict)


class SheetFile(JsonFile):
    """Some samples of a data set with their targets, small, for places where the data are not.

    Attributes:
        samples: of the split.
        classes: task -> name of a class -> its colour.
        ranges: task -> what its darkest and its brightest colour stand for.
    """

    what: ClassVar[str] = "a sheet of the data"
    writer: ClassVar[str] = "make_report.py"

    dataset: str
    split: str
    samples: int = Field(gt=0)
    tasks: list[str]
    rows: list[SheetRow] = Field(min_length=1)
    classes: dict[str, dict[str, Colour]] = Field(default_factory=dict)
    ranges: dict[str, tuple[float, float]] = Field(default_factory=dict)


def png_uri(picture: np.ndarray) -> str:
    """A picture of few colours, uint8 [H, W, 3]."""
    return _uri(Image.fromarray(picture), "PNG", optimize=True)


def jpeg_uri(picture: np.ndarray) -> str:
    """A picture of many colours, uint8 [H, W, 3]."""
    return _uri(Image.fromarray(picture), "JPEG", quality=85)


def embedded(path: Path) -> str:
    """A PNG or JPEG file; smaller where it is very large.

    Raises:
        UserError: it cannot be read, or is no such picture.
    """
    content = read_regular(path, MOST_BYTES)
    try:
        with Image.open(io.BytesIO(content), formats=list(FORMATS)) as image:
            if image.width * image.height > MOST_PIXELS:
                raise UserError(
                    f"{path}: {image.width} x {image.height} pixels are too many for a page; make it smaller"
                )
            image.load()
            if len(content) <= MOST_EMBEDDED:
                return _data(content, FORMATS[str(image.format)])
            image.thumbnail((WIDEST, WIDEST * 4))
            return _uri(image.convert("RGB"), "JPEG", quality=88)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise UserError(f"{path}: not a PNG or JPEG picture, or cut short ({error}); write it anew") from error


def _uri(image: Image.Image, kind: str, **options: int) -> str:
    file = io.BytesIO()
    image.save(file, format=kind, **options)
    return _data(file.getvalue(), FORMATS[kind])


def _data(content: bytes, kind: str) -> str:
    return f"data:image/{kind};base64,{b64encode(content).decode()}"
