"""The script as a user runs it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

import make_sample_data
from configs import UserError
from dataloaders.registry import DATASETS
from dataloaders.rendering import Rendering
from dataloaders.rooms import folder

REPOSITORY = Path(make_sample_data.__file__).parent
FEW = ("--num_train", "2", "--num_test", "1", "--num_workers", "0")


def run_main(monkeypatch, *arguments: object) -> None:
    monkeypatch.setattr(sys, "argv", ["make_sample_data.py", *map(str, arguments)])
    make_sample_data.main()


@pytest.mark.parametrize(
    ("layout", "size", "shape"),
    [("nyuv2", "24,32", (24, 32)), ("cityscapes", "16", (16, 16)), ("taskonomy", "16", (16, 16))],
)
def test_writes_a_data_set_that_its_loader_reads(layout, size, shape, tmp_path, monkeypatch, capsys):
    run_main(monkeypatch, "--layout", layout, "--size", size, "--dest", tmp_path / "new" / "rooms", *FEW)
    output = capsys.readouterr()
    assert "2 training and 1 test images" in output.out and f"--data_root {tmp_path}" in output.out
    assert "image/s" in output.err  # the progress bar tells the rate
    for split, count in (("train", 2), ("test", 1)):
        options = {"size": 16} if layout == "taskonomy" else {}
        data = DATASETS[layout](tmp_path / "new" / "rooms", split, ("seg", "depth"), **options)
        data.check()
        assert len(data) == count
        assert data.sample(0)["seg"].shape == (1, *shape)


@pytest.mark.parametrize(
    ("layout", "size"), [("nyuv2", (480, 640)), ("cityscapes", (256, 512)), ("taskonomy", (256, 256))]
)
def test_sizes_are_the_published_ones_by_default(layout, size, tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(folder, "render_folder", lambda *arguments: asked.append(arguments))
    run_main(monkeypatch, "--layout", layout, "--dest", tmp_path / "rooms", *FEW, "--seed", 7)
    assert asked == [(tmp_path / "rooms", Rendering(layout, 2, 1, size, seed=7), 0)]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--layout", "kitti"), "kitti"),
        (("--size", "0"), "'0' is not a size"),
        (("--size", "32,32,32"), "'32,32,32' is not a size"),
        (("--size", "5000"), "to 4096"),
        (("--size", "24,32", "--layout", "taskonomy"), "not square"),
        (("--num_train", "0"), "--num_train"),
        (("--seed", "-1"), "--seed"),
    ],
)
def test_wrong_flags_are_named_and_nothing_is_written(arguments, words, tmp_path, monkeypatch):
    with pytest.raises(UserError, match=words):
        run_main(monkeypatch, "--dest", tmp_path / "rooms", *arguments)
    assert not list(tmp_path.iterdir())


def test_a_folder_with_something_in_it_is_left_alone(tmp_path, monkeypatch):
    (tmp_path / "rooms").mkdir()
    (tmp_path / "rooms" / "mine.txt").write_text("mine")
    with pytest.raises(UserError, match="--dest: .*exists already"):
        run_main(monkeypatch, "--dest", tmp_path / "rooms", *FEW)
    assert (tmp_path / "rooms" / "mine.txt").read_text() == "mine"


def test_an_unwritable_place_is_named(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="--dest: cannot"):
        run_main(monkeypatch, "--dest", tmp_path / "file" / "rooms", *FEW)


def without(monkeypatch, folder: Path, *modules: str) -> None:
    """From now on these modules cannot be imported in new processes."""
    for module in modules:
        (folder / f"{module}.py").write_text(f"raise ImportError('{module} is not needed here')")
    monkeypatch.setenv("PYTHONPATH", str(folder))


def test_help_needs_none_of_the_large_libraries(run_script, tmp_path, monkeypatch):
    without(monkeypatch, tmp_path, "torch", "torchvision", "pandas", "matplotlib", "numpy", "scipy", "PIL")
    result = run_script("make_sample_data.py", "--help", own_process=True)
    assert result.returncode == 0, result.stderr
    assert "{nyuv2,cityscapes,taskonomy}" in result.stdout


def test_rendering_processes_load_neither_torch_nor_what_draws(run_script, tmp_path, monkeypatch):
    (tmp_path / "poison").mkdir()
    without(monkeypatch, tmp_path / "poison", "torch", "torchvision", "pandas", "matplotlib")
    few = ("--num_train", 2, "--num_test", 1, "--size", 16, "--num_workers", 2)
    result = run_script("make_sample_data.py", "--dest", tmp_path / "rooms", *few, own_process=True)
    assert result.returncode == 0, result.stderr
    assert len(list(tmp_path.glob("rooms/*/rgb/*.png"))) == 3


def test_a_mistake_is_one_line_and_status_2(run_script):
    result = run_script("make_sample_data.py")
    assert result.returncode == 2 and result.stdout == ""
    assert result.stderr == "error: --dest: missing; name the folder to make\n"


def test_an_interrupted_run_leaves_nothing_behind(tmp_path):
    command = [
        sys.executable,
        "make_sample_data.py",
        "--num_train",
        "500",
        "--dest",
        tmp_path / "rooms",
        "--size",
        "64",
    ]
    process = subprocess.Popen(
        [*command, "--num_workers", "2"],
        cwd=REPOSITORY,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    limit = time.monotonic() + 60
    while not list(tmp_path.glob(".rooms.*.tmp/rooms_train/rgb/*.png")) and time.monotonic() < limit:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)  # as Ctrl-C does: to all processes
    _, complaint = process.communicate(timeout=60)
    assert process.returncode == 130, complaint
    assert complaint.endswith("interrupted; no image is kept; the same command renders all of them anew\n")
    assert "Traceback" not in complaint
    assert not list(tmp_path.iterdir())


def test_contact_sheet(tmp_path, monkeypatch):
    run_main(monkeypatch, "--contact_sheet", tmp_path / "Figs" / "rooms.png")
    with Image.open(tmp_path / "Figs" / "rooms.png") as image:
        assert image.width > 600
    assert (tmp_path / "Figs" / "rooms.png").stat().st_size < 400_000
    with pytest.raises(UserError, match="--contact_sheet"):
        run_main(monkeypatch, "--contact_sheet", tmp_path / "rooms.jpg")
