"""Making a data set: what is missing of it, whether there is room, file by file, and the index at the end."""

import json
import os
import shutil
import sys
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tqdm import tqdm

from configs.errors import UserError
from configs.paths import prepare_folder, read_regular, set_aside, write_text
from dataloaders.pool import map_in_processes
from dataloaders.preparing.base import Frame, Preparation

RECORD = "prepared.json"
"""Beside the index: what the data set is made from, so that no other download is mixed into it."""
LONGEST_RECORD = 1 << 16

Missing = tuple[Frame, tuple[str, ...]]
"""A frame, and the columns whose files are not there."""


@dataclass(frozen=True)
class Prepared:
    """What was done.

    Attributes:
        samples: how many there are of each split.
        written: frames of which a file was missing.
        aside: the new name of another index that was in its place.
    """

    samples: Mapping[str, int]
    written: int
    aside: Path | None


def prepare(preparation: Preparation, root: Path, workers: int) -> Prepared:
    """Make what is missing of a data set, with a progress bar on stderr.

    Every file appears whole or not at all, and the index last; so after an interruption the same call goes on.

    Args:
        root: the data root to make.
        workers: processes that write; 0 or 1 works in this one.

    Raises:
        UserError: the download is damaged or incomplete, the folder holds something else or cannot be written to, or
            there is too little room.
    """
    frames = preparation.frames()
    prepare_folder(root)
    if preparation.made:
        _check_record(preparation, root)
    missing = _missing(preparation, frames, root)
    _check_room(preparation, missing, root)
    for place in {(root / path).parent for frame, _ in missing for path in frame.row}:
        _make_folder(place)
    work = partial(_write, preparation, root)
    with (
        closing(map_in_processes(work, missing, min(workers, len(missing)), "prepares frames")) as done,
        tqdm(desc="preparing", total=len(frames), initial=len(frames) - len(missing), unit="frame", mininterval=0.5,
             file=sys.stderr, disable=not missing) as bar,
    ):  # fmt: skip
        for _ in done:
            bar.update()
    os.sync()  # the index promises that all is there, and files were not waited for one by one
    splits = list(dict.fromkeys(frame.split for frame in frames))
    index = {split: [frame.row for frame in frames if frame.split == split] for split in splits}
    aside = _write_index(root / preparation.index_file, json.dumps(index, indent=1))
    return Prepared(Counter(frame.split for frame in frames), len(missing), aside)


def _write(preparation: Preparation, root: Path, missing: Missing) -> None:
    frame, columns = missing
    preparation.write(frame, columns, root)


def _write_index(path: Path, text: str) -> Path | None:
    """Write the index; another one that is there is set aside, and its new name returned."""
    aside = None
    if path.is_file():
        if path.stat().st_size == len(text.encode()) and path.read_text(encoding="utf-8") == text:
            return None
        aside = set_aside(path)
    write_text(path, text)
    return aside


def _missing(preparation: Preparation, frames: Sequence[Frame], root: Path) -> list[Missing]:
    made = preparation.made
    there = _files_in({(root / path).parent for frame in frames for path in frame.row}) if made else set()
    found = []
    for frame in frames:
        row = zip(preparation.columns, frame.row, strict=True)
        absent = tuple(column for column, path in row if column in made and str(root / path) not in there)
        if absent:
            found.append((frame, absent))
    return found


def _files_in(folders: Collection[Path]) -> set[str]:
    """What lies in these folders and is not empty, as files are that a machine had no time to write before it stopped.

    A look at each folder is quicker than one for each file.
    """
    there = set()
    for folder in folders:
        try:
            with os.scandir(folder) as entries:
                there |= {entry.path for entry in entries if entry.stat().st_size}
        except FileNotFoundError:
            continue
        except OSError as error:
            raise UserError(f"--dest: cannot read {folder}: {error.strerror}; name another folder") from error
    return there


def _check_record(preparation: Preparation, root: Path) -> None:
    """See that a folder that is not empty was begun from the same download; note it in one that is.

    Raises:
        UserError: it was not, or holds something else.
    """
    path, now = root / RECORD, dict(preparation.identity)
    if not path.exists():
        if any(root.iterdir()):
            raise UserError(f"--dest: {root} holds other files than this script's; name a new folder")
        write_text(path, json.dumps(now, indent=1))
        return
    then = _read_record(path)
    for part, told in now.items():
        if None not in (told, then.get(part)) and then[part] != told:
            raise UserError(f"--dest: {root} was made from another {part}; name a new folder")
    write_text(path, json.dumps({part: told or then.get(part) for part, told in now.items()}, indent=1))


def _read_record(path: Path) -> dict[str, str | None]:
    try:
        record = json.loads(read_regular(path, LONGEST_RECORD))
        if isinstance(record, dict):
            return record
    except ValueError:
        pass
    raise UserError(f"{path}: damaged; name a new folder for --dest")


def _check_room(preparation: Preparation, missing: Sequence[Missing], root: Path) -> None:
    made = preparation.made
    needed = sum(made[column] for _, columns in missing for column in columns)
    free = shutil.disk_usage(root).free
    if needed > free:
        raise UserError(
            f"--dest: {root} may take {needed / 1e9:.1f} GB more, and {free / 1e9:.1f} GB are free there; "
            f"free some space or name a folder on another disk"
        )


def _make_folder(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"--dest: cannot make {path}: {error.strerror}; name another folder") from error
