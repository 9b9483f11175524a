"""Labels of whole images, from a CSV file with a row for each."""

import csv
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor

from configs.errors import UserError
from configs.regular import open_regular


class Labels:
    """A CSV file whose first row names the columns; one column names the image.

    Args:
        path: of the file.
        key: the column that names the image.

    Raises:
        UserError: the file cannot be read, has no such column, or names an image twice.
    """

    def __init__(self, path: Path, key: str = "image") -> None:
        self.path = path
        self._columns, self._rows = _read(path, key)

    def __contains__(self, image: str) -> bool:
        return image in self._rows

    @property
    def images(self) -> list[str]:
        """The images in the order of the file."""
        return list(self._rows)

    def text(self, image: str, column: str) -> str:
        """What stands in a column of an image's row.

        Raises:
            UserError: no such image or column.
        """
        if column not in self._columns:
            raise UserError(f"{self.path}: no column '{column}'; it has {', '.join(self._columns)}")
        if image not in self._rows:
            raise UserError(f"{self.path}: no row for '{image}'; add it")
        return self._rows[image][self._columns.index(column)]

    def label(self, image: str, column: str, classes: Sequence[str], unknown: int = -1) -> Tensor:
        """The number of the class that a column names, int64 [1, 1, 1]; ``unknown`` where it is empty.

        Args:
            classes: their names, in the order of the channels.
        """
        text = self.text(image, column)
        if text and text not in classes:
            raise UserError(f"{self.path}: {column} of '{image}' is '{text}'; it is one of {', '.join(classes)}")
        return torch.tensor(list(classes).index(text) if text else unknown)[None, None, None]

    def numbers(self, image: str, columns: Sequence[str]) -> Tensor:
        """Numbers of one or more columns, float32 [columns, 1, 1]; NaN where one is empty."""
        return torch.tensor([self._number(image, column) for column in columns])[:, None, None]

    def _number(self, image: str, column: str) -> float:
        text = self.text(image, column)
        try:
            return float(text or "nan")
        except ValueError as error:
            raise UserError(f"{self.path}: {column} of '{image}' is '{text}', not a number; correct it") from error


def read_labels(path: Path, key: str = "image") -> Labels:
    """The labels of a file, which is read again only when it has changed: every split of a data set asks for it."""
    try:
        stat = path.stat()
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}; put the file with the labels there") from error
    return _kept(path, key, (stat.st_mtime_ns, stat.st_size))


@lru_cache(maxsize=8)
def _kept(path: Path, key: str, stamp: tuple[int, int]) -> Labels:
    return Labels(path, key)


def _read(path: Path, key: str) -> tuple[list[str], dict[str, list[str]]]:
    try:
        with open_regular(path) as file:
            table = list(csv.reader(file.read().decode("utf-8-sig").splitlines()))
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}; put the file with the labels there") from error
    except (ValueError, csv.Error) as error:
        raise UserError(f"{path}: not a CSV file in UTF-8 ({error}); write it anew") from error
    if not table or key not in table[0]:
        raise UserError(f"{path}: no column '{key}' in its first row; name the images in one")
    columns, place = table[0], table[0].index(key)
    rows: dict[str, list[str]] = {}
    for number, row in enumerate(table[1:], start=2):
        if not row:
            continue
        if len(row) != len(columns):
            raise UserError(f"{path}: line {number}: it has {len(row)} of {len(columns)} values; correct it")
        if row[place] in rows:
            raise UserError(f"{path}: line {number}: '{row[place]}' stands there twice; remove one")
        rows[row[place]] = [text.strip() for text in row]
    return columns, rows
