"""The index and its paths: regular files below the data root, wherever links lead."""

import json
import os
import threading
from contextlib import suppress
from pathlib import Path

import pytest
from small_data import make_nyuv2, make_taskonomy, settings, whole_samples

from configs import UserError
from dataloaders import open_dataset

INDEX = "nyu_v2_3task.json"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_nyuv2(tmp_path / "data", count=2)


def names(root: Path, *overrides: str) -> list[str]:
    return [sample["name"][0] for sample in whole_samples(settings("nyuv2", root, *overrides), "seg")]


@pytest.mark.parametrize("what", ["img/0001.png", "img", INDEX])
def test_a_link_out_of_the_root_needs_leave(root: Path, tmp_path: Path, what: str) -> None:
    (root / what).rename(tmp_path / "elsewhere")
    (root / what).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UserError) as caught:
        names(root)
    said = rf"a link leads out of the data root, to {tmp_path / 'elsewhere'}"
    assert said in str(caught.value) and str(caught.value).endswith("--set data.options.follow_links=true")
    assert names(root, "data.options.follow_links=true") == ["0000.png", "0001.png"]


def test_a_sample_behind_such_a_link_can_be_skipped(root: Path, tmp_path: Path) -> None:
    (root / "seg/0000.png").rename(tmp_path / "elsewhere.png")
    (root / "seg/0000.png").symlink_to(tmp_path / "elsewhere.png")
    assert names(root, "data.on_error=skip") == ["0001.png"]


def test_links_that_stay_below_the_root_are_followed(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / "img").rename(root / "pictures")
    (root / "img").symlink_to("pictures")
    (root / "seg/0000.png").rename(root / "labels.png")
    (root / "seg/0000.png").symlink_to("../labels.png")
    (tmp_path / "link").symlink_to(root)
    for place in (root, tmp_path / "link", tmp_path / "link" / ".." / "data"):
        assert names(place) == ["0000.png", "0001.png"]
    monkeypatch.chdir(tmp_path)
    assert names(Path("data")) == names(Path("link")) == ["0000.png", "0001.png"]


def test_a_neighbour_whose_name_begins_alike_is_outside(root: Path, tmp_path: Path) -> None:
    (root / "seg").rename(tmp_path / "data2")
    (root / "seg").symlink_to(tmp_path / "data2")
    with pytest.raises(UserError, match="leads out of the data root, to .*/data2/0000.png"):
        names(root)


def test_links_in_the_downloaders_layout(tmp_path: Path) -> None:
    root = make_taskonomy(tmp_path / "data", omnidata=True)
    (root / "rgb").rename(tmp_path / "disk")
    (root / "rgb").symlink_to(tmp_path / "disk")
    with pytest.raises(UserError, match="leads out of the data root"):
        whole_samples(settings("taskonomy", root), "seg")
    assert whole_samples(settings("taskonomy", root, "data.options.follow_links=true"), "seg")


def test_leave_is_given_by_true(root: Path) -> None:
    with pytest.raises(UserError, match="data.options.follow_links: 'maybe' is neither true nor false"):
        names(root, "data.options.follow_links=maybe")


def test_an_index_that_is_a_fifo(root: Path) -> None:
    (root / INDEX).unlink()
    os.mkfifo(root / INDEX)

    def release() -> None:
        with suppress(OSError):
            os.close(os.open(root / INDEX, os.O_WRONLY | os.O_NONBLOCK))

    waited_too_long = threading.Timer(1, release)
    waited_too_long.start()
    with pytest.raises(UserError, match=rf"{INDEX}: it is a FIFO, not a regular file; --data_root must name"):
        open_dataset(settings("nyuv2", root), "train", ("seg",))
    waited_too_long.cancel()


@pytest.mark.parametrize("path", ["img/\ud800.png", "img/\0.png", ""])
def test_a_path_that_no_file_can_have(root: Path, path: str) -> None:
    (root / INDEX).write_text(json.dumps({"train": [[path, "b", "c", "d"]], "test": []}))
    with pytest.raises(UserError, match=r"train\[0\]: every path must be a text that names a file"):
        open_dataset(settings("nyuv2", root), "train", ("seg",))


def test_a_name_that_is_too_long(root: Path) -> None:
    (root / INDEX).write_text((root / INDEX).read_text().replace("img/0000", f"img/{'0' * 300}"))
    with pytest.raises(UserError, match="cannot be read: File name too long"):
        names(root)
