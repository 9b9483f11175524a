"""What a folder of results holds, whatever else lies in it."""

import io
from pathlib import Path

import pytest
from PIL import Image
from small_pages import evaluation, gains, iou, log, relatedness, write

from configs.errors import UserError
from reports.page.found import read_folder
from reports.page.pictures import MOST_EMBEDDED, embedded


def png(width: int = 3, height: int = 2, noise: bool = False) -> bytes:
    image = Image.effect_noise((width, height), 90).convert("RGB") if noise else Image.new("RGB", (width, height))
    file = io.BytesIO()
    image.save(file, format="PNG")
    return file.getvalue()


def test_no_folder_and_an_empty_one_say_what_to_do(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "missing"):
        with pytest.raises(UserError, match=r"run task_relatedness\.py first, or name the folder"):
            read_folder(folder)


def test_every_kind_of_file_is_found(tmp_path: Path) -> None:
    write(tmp_path, relatedness=relatedness(), gains=gains(), iou=iou(), eval_rooms_baseline=evaluation())
    (tmp_path / "rooms_baseline.csv").write_text(log())
    (tmp_path / "eval_rooms_baseline.png").write_bytes(png())
    found = read_folder(tmp_path)
    assert list(found.files) == ["relatedness.json", "gains.json", "iou.json", "eval_rooms_baseline.json"]
    assert (found.dataset, found.tasks, found.unusable) == ("rooms", ["seg", "sn", "depth"], [])
    assert list(found.logs) == ["rooms_baseline"] and list(found.logs["rooms_baseline"]["loss"]) == [9, 8, 7, 6]
    assert found.predictions["eval_rooms_baseline.png"].startswith("data:image/png;base64,iVBOR")
    assert found.config["name"] == "rooms" and set(found.hashes) == {"relatedness.json", "gains.json"}


def test_files_that_cannot_be_used_are_named_and_left_out(tmp_path: Path) -> None:
    write(tmp_path, relatedness=relatedness(), gains={"schema": 7})
    (tmp_path / "iou.json").write_text("{")
    (tmp_path / "eval_x.png").write_text("no picture")
    (tmp_path / "similarity.json").mkdir()
    found = read_folder(tmp_path)
    assert list(found.files) == ["relatedness.json"] and not found.predictions
    assert len(found.unusable) == 4
    for name in ("gains.json", "iou.json", "eval_x.png", "similarity.json"):
        assert any(name in problem for problem in found.unusable)


def test_a_folder_of_nothing_but_broken_files_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "gains.json").write_text("{")
    with pytest.raises(UserError, match=r"gains\.json: not JSON"):
        read_folder(tmp_path)


def test_other_tables_are_no_logs(tmp_path: Path) -> None:
    (tmp_path / "rooms_baseline.csv").write_text(log())
    (tmp_path / "prices.csv").write_text("a,b\n1,2\n")
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "bytes.csv").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "begun.csv").write_text(log().splitlines()[0] + "\n")
    assert list(read_folder(tmp_path).logs) == ["rooms_baseline"]


def test_a_log_that_was_cut_short_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    (tmp_path / "run.csv").write_text(log()[:-9])
    assert list(read_folder(tmp_path).logs["run"]["iteration"]) == [1, 2, 3, 4]
    (tmp_path / "run.csv").write_text("iteration,loss\n1,2\nx,3\n3,nan\n")
    assert list(read_folder(tmp_path).logs["run"]["iteration"]) == [1, 3]


def test_the_data_set_is_that_of_most_files(tmp_path: Path) -> None:
    write(tmp_path, relatedness=relatedness(), gains=gains() | {"dataset": "other"}, iou=iou())
    assert read_folder(tmp_path).dataset == "rooms"


def test_large_pictures_are_made_smaller(tmp_path: Path) -> None:
    (tmp_path / "large.png").write_bytes(png(2000, 400, noise=True))
    assert (tmp_path / "large.png").stat().st_size > MOST_EMBEDDED
    uri = embedded(tmp_path / "large.png")
    assert uri.startswith("data:image/jpeg;base64,") and len(uri) < 4 * (tmp_path / "large.png").stat().st_size / 3


@pytest.mark.parametrize("content", [b"", b"GIF89a\x01\x00\x01\x00", png()[:40], b"<svg onload='alert(1)'/>"])
def test_what_is_no_picture_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.png").write_bytes(content)
    with pytest.raises(UserError, match="not a PNG or JPEG picture"):
        embedded(tmp_path / "x.png")
