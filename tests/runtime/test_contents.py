"""What is noticed of data: order, pairing and contents."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from small_data import make_nyuv2, settings

from dataloaders import open_dataset
from dataloaders.datasets.nyuv2 import NYUv2
from runtime import contents
from runtime.contents import Contents, Rows, contents_of, rows_of


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_nyuv2(tmp_path / "data")


def rows(root: Path, indices: list[int]) -> Rows:
    found = rows_of(open_dataset(settings("nyuv2", root), "train", ("seg", "depth")), indices)
    assert found is not None
    return found


def told(root: Path, *indices: int) -> Contents:
    return contents_of(rows(root, list(indices or (0, 1, 2))), root)


def test_a_row_is_the_files_of_the_keys_that_are_read(root: Path) -> None:
    [(index, files)] = rows(root, [1])
    assert index == 1
    assert files == [root / "img" / "0001.png", root / "seg" / "0001.png", root / "depth" / "0001.npy"]


def test_the_same_data_are_the_same_wherever_they_lie(root: Path, tmp_path: Path) -> None:
    assert told(root) == told(root)
    elsewhere = make_nyuv2(tmp_path / "elsewhere")
    assert told(elsewhere) == told(root)


@pytest.mark.parametrize("indices", [(0, 1), (1, 0, 2), (2, 1, 0), (0, 1, 1), (0, 1, 2, 2)])
def test_which_samples_and_their_order_count(root: Path, indices: tuple[int, ...]) -> None:
    assert told(root, *indices).data != told(root).data


def exchange_labels(root: Path) -> None:
    index = root / "nyu_v2_3task.json"
    text = index.read_text()
    text = text.replace("seg/0000", "seg/x").replace("seg/0001", "seg/0000").replace("seg/x", "seg/0001")
    index.write_text(text)


def exchange_rows(root: Path) -> None:
    index = root / "nyu_v2_3task.json"
    index.write_text(index.read_text().replace("0000", "x").replace("0001", "0000").replace("x", "0001"))


def rewrite(root: Path) -> None:
    """Other labels, with the size and the time of the old ones."""
    path = root / "depth" / "0001.npy"
    before = path.stat()
    np.save(path, np.full((6, 8), 7, np.float32))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)


def remove(root: Path) -> None:
    (root / "seg" / "0002.png").unlink()


@pytest.mark.parametrize("change", [exchange_labels, exchange_rows, rewrite, remove])
@pytest.mark.parametrize("limit", [contents.READ_WHOLE, 0])
def test_every_change_is_noticed(
    root: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[Path], None], limit: int
) -> None:
    monkeypatch.setattr(contents, "READ_WHOLE", limit)
    before = told(root)
    change(root)
    assert told(root) != before


def test_times_do_not_count_where_contents_do(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = told(root)
    monkeypatch.setattr(contents, "READ_WHOLE", 0)
    by_size = told(root)
    assert whole.stamps == "" != by_size.stamps
    os.utime(root / "seg" / "0002.png", (0, 0))
    assert told(root).data == by_size.data, "what was asked for is the same"
    assert told(root).stamps != by_size.stamps
    monkeypatch.undo()
    assert told(root) == whole


def test_files_that_are_not_read_do_not_count(root: Path) -> None:
    before = told(root)
    (root / "normal_mask" / "0001.png").unlink()
    assert told(root) == before


class Silent(NYUv2):
    def sources(self, index: int, key: str) -> None:
        return None


def test_data_that_do_not_name_their_files_are_never_the_same(root: Path) -> None:
    assert rows_of(Silent(root, "train", ("seg",)), [0]) is None
    first, second = contents_of(None, root), contents_of(None, root)
    assert first.data is second.data is None
    assert first.stamps != second.stamps


@pytest.mark.parametrize("place", [os.mkfifo, lambda path: path.symlink_to("/dev/zero")])
def test_what_never_ends_is_not_read(root: Path, place: Callable[[Path], None]) -> None:
    path, before = root / "depth" / "0001.npy", told(root)
    path.unlink()
    place(path)
    assert told(root) not in (before, Contents(None, ""))
