"""iou_analysis.py as a user runs it."""

import json
from pathlib import Path

import pytest
from conftest import Script, assert_user_error, tiny
from PIL import Image


def test_a_user_analyses_a_data_set(run_script: Script, rooms: Path, tmp_path: Path) -> None:
    result = run_script("iou_analysis.py", *tiny(rooms), "--num_batches", 2, own_process=True)
    assert result.returncode == 0, result.stderr
    dest = tmp_path / "results" / "sample"
    report = json.loads((dest / "iou.json").read_text())
    assert report["tasks"] == ["seg", "sn", "depth", "keypoint", "edge"]
    assert (report["keep_ratio"], report["num_batches"]) == (0.078, 2)
    names = [layer["name"] for layer in report["layers"]]
    assert names[:2] == ["backbone.conv1", "backbone.blocks.0.0.conv1"] and len(names) == 17
    assert not any(".ds." in name for name in names)
    by_all = sum(layer["kept_by_all"] for layer in report["layers"])
    by_any = sum(layer["kept_by_any"] for layer in report["layers"])
    assert report["total"] == by_all / by_any and 0 < by_all < by_any
    marked = [line.split()[0] for line in result.stdout.splitlines() if line.endswith("<- watershed")]
    assert marked == [report["watershed"]]
    assert Image.open(dest / "iou.png").size[0] > 900


def test_files_are_drawn_together(run_script: Script, rooms: Path, tmp_path: Path) -> None:
    result = run_script(
        "iou_analysis.py", *tiny(rooms), "--num_batches", 1, "--tasks", "depth,sn", "--keep_ratio", 0.3,
        "--dest", tmp_path / "one",
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    file, picture = tmp_path / "one" / "iou.json", tmp_path / "pictures" / "both.png"
    single = Image.open(tmp_path / "one" / "iou.png").size[1]
    result = run_script("iou_analysis.py", "--draw", file, file, "--out", picture)
    assert result.returncode == 0, result.stderr
    assert Image.open(picture).size[1] > 1.7 * single
    assert result.stdout.count("sample: IoU of depth, sn at keep ratio 0.3") == 2


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--draw", "none.json"], ["none.json: no such file"]),
        (["--tasks", "seg"], ["--tasks: the analysis compares tasks; name two or more"]),
        (["--keep_ratio", "0"], ["--keep_ratio", "is not above 0 and at most 1"]),
        (["--keep_ratio", "2"], ["--keep_ratio", "is not above 0 and at most 1"]),
        (["--num_batches", "0"], ["--num_batches"]),
    ],
)
def test_mistakes_are_named(run_script: Script, rooms: Path, flags: list[str], words: list[str]) -> None:
    assert_user_error(run_script("iou_analysis.py", *tiny(rooms), *flags), *words)
