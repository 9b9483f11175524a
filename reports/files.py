"""What all JSON files of the project have in common: how they are checked, read and written.

Each kind of file is one subclass of ``JsonFile`` in this package; whoever writes or reads such a file uses it.
"""

import json
from math import isfinite
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from configs.errors import UserError
from configs.paths import read_regular, write_text
from configs.schema import describe

MOST_BYTES = 1 << 29
"""Larger files are not read: half a gigabyte of JSON takes several gigabytes of memory."""


def _defined(value: Any) -> Any:
    return None if isinstance(value, float) and not isfinite(value) else value


Value = Annotated[float | None, BeforeValidator(_defined)]
"""A number of the kind that JSON has; None where it is undefined."""


class Part(BaseModel):
    """A part of a file. Keys that are not known are left out, so that newer files can be read."""

    model_config = ConfigDict(extra="ignore", frozen=True, populate_by_name=True)


class JsonFile(Part):
    """A kind of JSON file.

    Attributes:
        what: its name in messages, with its article.
        writer: the script that writes it.
        identity: of the work whose result it is; None in files of earlier versions.
    """

    what: ClassVar[str]
    writer: ClassVar[str]

    version: Literal[1] = Field(1, alias="schema")
    identity: dict[str, Any] | None = None

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read and check a file.

        Raises:
            UserError: it is missing, not a regular file, too large, not JSON, cut short, of another version, or
                something is not there that such a file must hold.
        """
        try:
            contents = json.loads(_read(path, cls.writer))
        except (ValueError, RecursionError) as error:
            raise UserError(f"{path}: not JSON, or cut short ({error}); {cls.writer} writes it anew") from error
        return cls.parse(contents, str(path))

    @classmethod
    def read_if_usable(cls, path: Path) -> Self | None:
        """The file if it is there and can be used, else None, where it is then written anew."""
        try:
            return cls.read(path)
        except UserError:
            return None

    @classmethod
    def parse(cls, contents: Any, source: str) -> Self:
        """Check what such a file holds; ``source`` names it in messages.

        Raises:
            UserError: a key is missing or of the wrong kind, or the version is another one.
        """
        if not isinstance(contents, dict):
            raise UserError(f"{source}: not {cls.what}: expected an object with schema; {cls.writer} writes it anew")
        known, found = cls.model_fields["version"].default, contents.get("schema")
        if isinstance(found, int) and found != known:
            what = f"version {found} of {cls.what}, this program reads {known}"
            raise UserError(f"{source}: schema: {what}; {cls.writer} writes it anew")
        try:
            return cls.model_validate(contents)
        except ValidationError as error:
            raise UserError(f"{source}: not {cls.what}: {describe(error)}; {cls.writer} writes it anew") from error

    def write(self, path: Path, indent: int | None = 1) -> None:
        """Write the file whole or not at all; numbers that JSON does not have become null.

        Raises:
            UserError: it cannot be written.
        """
        without = {"identity"} if self.identity is None else None
        write_text(path, self.model_dump_json(by_alias=True, indent=indent, exclude=without))


def _read(path: Path, writer: str) -> str:
    try:
        content = read_regular(path, MOST_BYTES)
    except UserError as error:
        if isinstance(error.__cause__, FileNotFoundError):
            raise UserError(f"{path}: no such file; {writer} writes it, or name another") from error.__cause__
        raise
    return content.decode("utf-8")
