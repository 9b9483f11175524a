"""Sheets of data: colours by hand, and which data are looked for."""

import base64
import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import tiny
from PIL import Image

from configs import UserError, flags
from configs.flags import SharedFlags
from training.sheet import make_sheet, settings_for

TASKS = ("seg", "sn", "depth", "keypoint", "edge")


def given(*words: str) -> SharedFlags:
    return SharedFlags.of(flags.script_parser("").parse_args(words))


def opened(uri: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2])))


def test_a_sheet_of_rooms_shows_every_task(rooms: Path) -> None:
    sheet = make_sheet(settings_for(given(*tiny(rooms)), "sample", TASKS, {}))
    assert (sheet.dataset, sheet.split, sheet.samples, sheet.tasks) == ("sample", "train", 8, list(TASKS))
    assert len(sheet.rows) == 4 and all(list(row.targets) == list(TASKS) for row in sheet.rows)
    assert opened(sheet.rows[0].image).size == opened(sheet.rows[0].targets["seg"]).size == (48, 48)
    assert len(np.unique(np.asarray(opened(sheet.rows[0].targets["seg"])).reshape(-1, 3), axis=0)) > 2
    assert set(sheet.ranges) == {"depth", "keypoint", "edge"} and all(low < high for low, high in sheet.ranges.values())
    assert sheet.classes["seg"] and all(colour.startswith("#") for colour in sheet.classes["seg"].values())
    # Red, green and blue are in their places: the file, which is RGB, looks the same.
    shown = np.asarray(opened(sheet.rows[0].image), dtype=float)
    path = next(path for path in rooms.rglob("*.png") if "-".join(path.relative_to(rooms).parts) == sheet.rows[0].name)
    assert np.abs(shown - np.asarray(Image.open(path).convert("RGB"), dtype=float)).mean() < 8


def test_what_flags_leave_open_is_as_it_was(rooms: Path) -> None:
    made_with = {"data": {"root": str(rooms), "options": {"size": 48}}}
    config = settings_for(given("--tasks", "depth"), "sample", TASKS, made_with)
    assert (config.data.root, config.data.options, list(config.tasks)) == (rooms, {"size": 48}, ["depth"])
    other = rooms.parent
    assert settings_for(given("--data_root", str(other)), "sample", TASKS, made_with).data.root == other
    for odd in ({"data": 3}, {"data": {"root": 3, "options": 3}}):
        assert settings_for(given("--data_root", str(rooms)), "sample", TASKS, odd).data.root == rooms


def test_code_that_only_results_name_is_not_loaded(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text("raise SystemExit('loaded')")
    made_with = {"name": "own", "data": {"dataset": f"{tmp_path}/own:Own", "root": str(tmp_path)}}
    with pytest.raises(UserError, match="name the YAML file of 'own'"):
        settings_for(given(), "own", ("a",), made_with)
    # Under the name of a data set that comes with the project, its own class is used.
    config = settings_for(given(), "sample", TASKS, made_with)
    assert config.data.dataset == "sample"


def test_data_that_are_not_here_are_not_rendered(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is not here; name the folder of the data"):
        settings_for(given("--data_root", str(tmp_path / "missing")), "sample", TASKS, {})
    assert not list(tmp_path.iterdir())


def test_results_of_another_data_set_or_other_tasks_are_refused(rooms: Path) -> None:
    with pytest.raises(UserError, match="the results are of sample"):
        settings_for(given("--dataset", "nyuv2"), "sample", TASKS, {})
    with pytest.raises(UserError, match="none of the tasks"):
        settings_for(replace(given(), data_root=rooms), "sample", ("other",), {})
