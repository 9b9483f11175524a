"""Kept statistics are used again only while data and code are what they were."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Script, tiny
from PIL import Image
from small_data import make_aerial

Change = Callable[[Path], None]


@pytest.fixture
def aerial(tmp_path: Path) -> Path:
    return make_aerial(tmp_path / "aerial")


@pytest.fixture
def scored(run_script: Script, tmp_path: Path) -> Callable[..., bool]:
    """Runs static_similarity.py; whether it had to score."""

    def run(*flags: object) -> bool:
        wanted = ["--num_batches", 5, "--num_seeds", 1, "--sparsities", 90, "--dest", tmp_path / "out"]
        done = run_script("static_similarity.py", *flags, *wanted, "--num_workers", 0)
        assert done.returncode == 0, done.stderr
        return "no scoring" not in done.stdout

    return run


def edit_index(change: Callable[[list], None]) -> Change:
    def edit(root: Path) -> None:
        index = json.loads((root / "taskonomy.json").read_text())
        change(index["train"])
        (root / "taskonomy.json").write_text(json.dumps(index))

    return edit


def exchange(rows: list) -> None:
    """Two samples exchange their edges."""
    rows[0][-1], rows[1][-1] = rows[1][-1], rows[0][-1]


def double(rows: list) -> None:
    rows.append(rows[0])


def rewrite(root: Path) -> None:
    """Another picture in a file of the same size and time."""
    path = root / json.loads((root / "taskonomy.json").read_text())["train"][0][-1]
    before, content = path.stat(), bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.mark.parametrize(
    "change", [edit_index(exchange), edit_index(list.reverse), edit_index(double), rewrite],
    ids=["two rows exchanged", "reversed", "doubled", "size and time kept"],
)  # fmt: skip
def test_changed_data_are_scored_again(scored, rooms: Path, tmp_path: Path, change: Change) -> None:
    data = tmp_path / "data"
    shutil.copytree(rooms, data)
    flags = [*tiny(data), "--tasks", "sn,edge", "--set", "data.on_error=skip"]
    assert scored(*flags)
    change(data)
    assert scored(*flags)


def test_touched_and_moved_data_are_the_same(scored, rooms: Path, tmp_path: Path) -> None:
    assert scored(*tiny(rooms), "--tasks", "sn,edge")
    shutil.copytree(rooms, tmp_path / "moved", copy_function=shutil.copyfile)
    assert not scored(*tiny(tmp_path / "moved"), "--tasks", "sn,edge")


def relabel(folder: Path) -> None:
    for path in folder.glob("train/*_class.png"):
        with Image.open(path) as image:
            Image.eval(image, lambda label: 4 - label).save(path)


def edit_helper(folder: Path) -> None:
    (folder / "huber.py").write_text("SCALE = 2.0\n")


@pytest.mark.parametrize("change", [relabel, edit_helper])
def test_the_documented_example_is_scored_again(scored, aerial: Path, change: Change) -> None:
    """After other labels, and after a change of a module that the user's module imports."""
    (aerial / "huber.py").write_text("SCALE = 1.0\n")
    code = (aerial / "aerial_data.py").read_text()
    code = f"import huber\n{code}".replace("return (error * valid)", "return huber.SCALE * (error * valid)")
    (aerial / "aerial_data.py").write_text(code)
    flags = ["--dataset", aerial / "aerial.yaml", "--data_root", aerial, "--tasks", "cover,height"]
    flags += ["--set", "model.width=4", "--set", "model.head_channels=4"]
    assert scored(*flags)
    change(aerial)
    assert scored(*flags)


def test_without_names_of_files_nothing_is_kept_and_it_is_said(aerial: Path, run_script: Script, tmp_path) -> None:
    module = aerial / "aerial_data.py"
    module.write_text(module.read_text().replace("sources(", "files("))
    flags = ["--dataset", aerial / "aerial.yaml", "--data_root", aerial, "--tasks", "cover,height", "--dest", tmp_path]
    for _ in range(2):
        done = run_script("static_similarity.py", *flags, "--num_batches", 1, "--num_seeds", 1, "--num_workers", 0)
        assert done.returncode == 0 and "no scoring" not in done.stdout
        assert done.stderr.count("nothing is kept for another time: the data set does not name its files") == 1
        assert "sources(index, key)" in done.stderr
    assert list((tmp_path / "statistics").iterdir()) == []
