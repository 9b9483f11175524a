"""Whether what a script leaves in a folder is whole: what it wrote can be read, and none of before is gone."""

import csv
import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from reports.evaluation import EvaluationFile
from reports.files import JsonFile
from reports.groups.file import GroupsFile
from reports.iou import IoUFile
from reports.relatedness.file import RelatednessFile
from reports.similarity.file import SimilarityFile
from reports.tables_file import TablesFile
from training.checkpoints.checkpoint import read_checkpoint

Contents = Mapping[Path, str]
"""The files of a folder and a hash of what each holds."""

KINDS: dict[str, type[JsonFile]] = {
    "similarity.json": SimilarityFile, "iou.json": IoUFile, "relatedness.json": RelatednessFile,
    "groups.json": GroupsFile, "tables.json": TablesFile,
}  # fmt: skip
"""What is written under a name of its own."""


def contents_of(folder: Path) -> Contents:
    """What is in a folder now, links and pipes left out."""
    files = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    return {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def left_fault(script: str, folder: Path, before: Contents, untouched: tuple[str, ...] = ("data",)) -> str | None:
    """What is wrong with what a script has left in a folder; None: nothing.

    A temporary file; one that is gone; one that was written and is not whole; a change in what scripts only read.

    Args:
        before: what was there when it began.
        untouched: folders in it that scripts only read.
    """
    after = contents_of(folder)
    temporary = [path.name for path in after if path.name.endswith(".tmp")]
    passing = (".tmp", ".lock")  # the lock of a process that was killed goes when the next one has been
    gone = [path.name for path in before if path not in after and not path.name.endswith(passing)]
    if temporary or gone:
        return f"{script}: left {temporary[:3]}, lost {gone[:3]}"
    for path, content in after.items():
        if before.get(path) == content:
            continue
        if path.relative_to(folder).parts[0] in untouched and path in before:
            return f"{script}: changed {path.relative_to(folder)}, which it should only read"
        if (problem := broken(path)) is not None:
            return f"{script}: wrote {path.name}, which is not whole: {problem}"
    return None


def broken(path: Path) -> str | None:
    """Why a file is not a whole one of its kind; None: it is."""
    read = READERS.get(path.suffix)
    if path.name.startswith(".") or read is None:  # a lock; what has no form of its own
        return None
    try:
        read(path)
    except Exception as error:  # each library has its own
        return f"{type(error).__name__}: {error}"
    return None


def _json(path: Path) -> None:
    if path.name.startswith("eval_"):
        EvaluationFile.read(path)
    elif path.name in KINDS:
        KINDS[path.name].read(path)
    else:
        json.loads(path.read_text(encoding="utf-8"))


def _log(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    header, *rows = csv.reader(text.splitlines())
    numbers = [int(row[0]) for row in rows if len(row) == len(header)]
    if not text.endswith("\n") or len(numbers) != len(rows) or numbers != sorted(set(numbers)):
        raise ValueError("a row is cut short, or there twice")


def _picture(path: Path) -> None:
    with Image.open(path) as image:
        image.load()


def _arrays(path: Path) -> None:
    with np.load(path) as arrays:
        for name in arrays.files:
            arrays[name]


def _text(path: Path) -> None:
    if not path.read_text(encoding="utf-8").endswith("\n"):
        raise ValueError("the last line is cut short")


READERS: dict[str, Callable[[Path], object]] = {
    ".json": _json,
    ".pth": lambda path: read_checkpoint(path, []),
    ".csv": _log,
    ".png": _picture,
    ".npz": _arrays,
    ".tsv": _text,
    ".md": _text,
    ".tex": _text,
}
