"""The JSON file that lists the paths of every sample of every split, relative to the data root."""

import json
import os
import posixpath
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from configs.errors import UserError
from configs.regular import open_regular

UNUSABLE = re.compile("[\0\ud800-\udfff]")  # what JSON can hold and no file's name


def splits_of(path: Path) -> list[str]:
    """What an index lists samples under.

    Raises:
        UserError: the file cannot be read.
    """
    index = _contents(path)
    return list(index) if isinstance(index, dict) else []


def _contents(path: Path) -> Any:
    try:
        with open_regular(path) as file:
            return json.loads(file.read())
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}; --data_root must name the folder of it") from error
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: not a JSON file ({error}); fetch it again") from error


def read_index(path: Path, split: str, columns: tuple[str, ...]) -> list[list[str]]:
    """The rows of one split: a list of as many paths as there are columns for every sample.

    Raises:
        UserError: the file cannot be read, lacks the split, or a row of it is not so many paths.
    """
    index = _contents(path)
    if not isinstance(index, dict) or not isinstance(index.get(split), list):
        found = ", ".join(index) or "nothing" if isinstance(index, dict) else f"a {type(index).__name__}"
        raise UserError(f"{path}: expected a list of samples under '{split}', found {found}; add it")
    if not index[split]:
        raise UserError(f"{path}: the split '{split}' is empty; list at least one sample")
    for message in _malformed(index[split], columns):
        raise UserError(f"{path}: {split}{message}; correct the index")
    return index[split]


def _malformed(rows: list[Any], columns: tuple[str, ...]) -> Iterator[str]:
    for number, row in enumerate(rows):
        if not isinstance(row, list) or len(row) != len(columns):
            found = len(row) if isinstance(row, list) else f"a {type(row).__name__}"
            yield f"[{number}]: expected {len(columns)} paths ({', '.join(columns)}), found {found}"
        elif not all(isinstance(path, str) and path and not UNUSABLE.search(path) for path in row):
            yield f"[{number}]: every path must be a text that names a file"


def leaves_root(path: str) -> bool:
    """Whether a path of an index leads out of the data root, links apart."""
    if path.startswith("/"):
        return True
    return ".." in path and posixpath.normpath(path).split("/")[0] == ".."


class Bounds:
    """Whether the files of a data set lie below its root, wherever links lead.

    Args:
        root: the data root, which may be a link itself.
    """

    def __init__(self, root: Path) -> None:
        self._root = f"{os.path.realpath(root).rstrip('/')}/"
        self._folders: dict[Path, str] = {}  # looking up all links of a path takes longer than opening a file

    def left_by(self, path: Path) -> str | None:
        """Where the path leads if that is not below the root."""
        folder = self._folders.get(path.parent)
        if folder is None:
            folder = self._folders[path.parent] = os.path.realpath(path.parent)
        try:
            target = os.path.realpath(path) if path.is_symlink() else f"{folder}/{path.name}"
        except OSError:  # opening it says why
            return None
        return None if target.startswith(self._root) else target
