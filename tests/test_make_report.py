"""make_report.py as a user runs it."""

import json
import time
from pathlib import Path

import pytest
from conftest import REPOSITORY, Script, assert_user_error, tiny
from small_pages import HOSTILE, evaluation, gains, iou, log, relatedness, write

ROOMS = ("seg", "sn", "depth", "keypoint", "edge")


def of_sample(contents: dict) -> dict:
    return contents | {"dataset": "sample"}


def test_everything_in_a_folder_becomes_one_page(run_script: Script, rooms: Path, tmp_path: Path) -> None:
    folder = write(tmp_path / "results" / "sample", relatedness=of_sample(relatedness(ROOMS, blind=True)),
                   iou=of_sample(iou(ROOMS)), eval_a=of_sample(evaluation("a", ROOMS)))  # fmt: skip
    (folder / "a.csv").write_text(log(ROOMS))
    result = run_script("make_report.py", *tiny(rooms))
    assert result.returncode == 0, result.stderr
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert page.startswith("<!DOCTYPE html>") and page.count("<h1>") == 1
    assert page.count('src="data:image/') == 4 * (1 + len(ROOMS))
    for words in (
        "sample: relatedness.json, iou.json, eval_a.json, a.csv",
        "cannot tell a twin from noise",
        "report.html",
    ):
        assert words in result.stdout
    assert "No new pictures" not in result.stdout and not result.stderr


def test_a_page_in_another_folder_where_the_data_are_no_longer(run_script: Script, rooms: Path, tmp_path: Path) -> None:
    folder = write(tmp_path / "made", relatedness=of_sample(relatedness(ROOMS)))
    assert run_script("make_report.py", folder, "--data_root", rooms).returncode == 0
    assert (folder / "data_sheet.json").is_file()
    result = run_script("make_report.py", folder, "--data_root", tmp_path / "gone", "--dest", tmp_path / "other")
    assert result.returncode == 0, result.stderr
    assert "is not here; name the folder of the data; those of an earlier page are shown" in result.stdout
    assert 'src="data:image/' in (tmp_path / "other" / "report.html").read_text(encoding="utf-8")


def test_results_of_data_that_are_not_here_and_hostile_names(run_script: Script, tmp_path: Path) -> None:
    write(tmp_path / "made", relatedness=relatedness(HOSTILE), gains=gains(HOSTILE))
    result = run_script("make_report.py", tmp_path / "made")
    assert result.returncode == 0, result.stderr
    assert "No new pictures of the data: --dataset: name the YAML file of 'rooms'" in result.stdout
    page = (tmp_path / "made" / "report.html").read_text(encoding="utf-8")
    assert "<script" not in page and "&lt;script&gt;alert(1)&lt;/script&gt;" in page and 'src="' not in page


@pytest.mark.parametrize("folder", ["missing", "empty"])
def test_nothing_to_show(run_script: Script, tmp_path: Path, folder: str) -> None:
    (tmp_path / "empty").mkdir()
    assert_user_error(run_script("make_report.py", tmp_path / folder), "run task_relatedness.py first")
    assert_user_error(run_script("make_report.py"), "results/sample", "run task_relatedness.py first")
    assert not list((tmp_path / "empty").iterdir())


def test_files_that_are_not_used_are_told(run_script: Script, tmp_path: Path) -> None:
    folder = write(tmp_path / "made", relatedness=relatedness(), iou={"schema": 9})
    result = run_script("make_report.py", folder)
    assert result.returncode == 0 and "Not used: " in result.stdout and "iou.json: schema: version 9" in result.stdout


def test_a_link_in_the_way_is_not_written_through(run_script: Script, tmp_path: Path) -> None:
    folder = write(tmp_path / "made", relatedness=relatedness())
    (tmp_path / "target").write_text("mine")
    (folder / "report.html").symlink_to(tmp_path / "target")
    assert_user_error(run_script("make_report.py", folder), "report.html", "link")
    assert (tmp_path / "target").read_text() == "mine"


def test_open_shows_the_page(run_script: Script, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write(tmp_path / "made", relatedness=relatedness())
    shown: list[str] = []
    monkeypatch.setattr("webbrowser.open", lambda url: shown.append(url) or len(shown) == 1)
    assert run_script("make_report.py", folder, "--open").returncode == 0
    assert shown == [(folder / "report.html").as_uri()]
    assert "no browser was found" in run_script("make_report.py", folder, "--open").stdout


def test_help_comes_at_once(run_script: Script) -> None:
    start = time.process_time(), time.perf_counter()
    result = run_script("make_report.py", "--help", own_process=True)
    assert result.returncode == 0 and "--open" in result.stdout and time.perf_counter() - start[1] < 30


def test_a_sheet_that_is_none_is_left_out(run_script: Script, tmp_path: Path) -> None:
    folder = write(tmp_path / "made", relatedness=relatedness())
    sheet = {"schema": 1, "dataset": "rooms", "split": "train", "samples": 1, "tasks": ["seg"],
             "rows": [{"name": "a", "image": "http://x.invalid/a.png", "targets": {}}]}  # fmt: skip
    (folder / "data_sheet.json").write_text(json.dumps(sheet))
    result = run_script("make_report.py", folder)
    assert result.returncode == 0 and "data_sheet.json: not a sheet of the data" in result.stdout
    assert "x.invalid" not in (folder / "report.html").read_text(encoding="utf-8").partition("<main>")[0]
    assert (REPOSITORY / "make_report.py").read_text().count("\n") <= 120
