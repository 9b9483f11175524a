"""The script as a user runs it: from an official download to a data set that the others read."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import h5py
import numpy as np
import pytest
from conftest import REPOSITORY, Script, assert_user_error
from small_data import settings, whole_samples
from small_downloads import make_cityscapes_download, make_nyu_mat, make_omnidata_download, write_nyu_mat

from dataloaders.preparing import running

NETWORK = ["--num_batches", 1, "--num_seeds", 1, "--num_workers", 0]
NETWORK += [word for s in ("data.batch_size=2", "model.width=4", "model.head_channels=4") for word in ("--set", s)]


@pytest.fixture
def prepare(run_script: Script):
    """Run the script in this process: ``prepare(layout, source, dest, *flags)``."""

    def run(layout: str, source: Path, dest: Path | None, *flags: object):
        to = () if dest is None else ("--dest", dest)
        return run_script("prepare_data.py", "--layout", layout, "--source", source, *to, "--num_workers", 0, *flags)

    return run


def test_nyuv2_and_what_comes_after(tmp_path, prepare, run_script):
    result = prepare("nyuv2", make_nyu_mat(tmp_path), tmp_path / "new" / "nyuv2")
    assert result.returncode == 0, result.stderr
    assert "samples in the layout nyuv2: 2 in train, 1 in test; wrote 3 frames" in result.stdout
    assert "frame/s" in result.stderr
    root = tmp_path / "new" / "nyuv2"
    index = json.loads((root / "nyu_v2_3task.json").read_text())
    assert index["test"] == [["img/0001.png", "seg/0001.png", "normal_mask/0001.png", "depth/0001.npy"]]
    crop = ["--set", "data.crop=[24, 32]"]
    result = run_script("static_similarity.py", "--dataset", "nyuv2", "--data_root", root, *NETWORK, *crop)
    assert result.returncode == 0, result.stderr


def test_cityscapes_and_what_comes_after(tmp_path, prepare, run_script):
    root = tmp_path / "city"
    result = prepare("cityscapes", make_cityscapes_download(tmp_path / "download", (64, 128)), root)
    assert result.returncode == 0, result.stderr
    assert "2 in train, 1 in test" in result.stdout
    crop = ["--set", "data.crop=[16, 32]"]
    result = run_script("static_similarity.py", "--dataset", "cityscapes", "--data_root", root, *NETWORK, *crop)
    assert result.returncode == 0, result.stderr


def test_taskonomy_and_what_comes_after(tmp_path, prepare, run_script):
    source = make_omnidata_download(tmp_path)
    result = prepare("taskonomy", source, None)
    assert result.returncode == 0, result.stderr
    assert "4 in train, 2 in test" in result.stdout
    assert "not fetched: 32 buildings of 35" in result.stdout and "class_weights=null" in result.stdout
    sets = ["--set", "data.crop=16", "--set", "data.options.size=16", "--set", "tasks.seg.class_weights=null"]
    result = run_script("static_similarity.py", "--dataset", "taskonomy", "--data_root", source, *NETWORK, *sets)
    assert result.returncode == 0, result.stderr


def test_the_795_and_654_frames_that_are_unpacked_load_likewise(shared, tmp_path):
    command = [sys.executable, shared / "data" / "nyuv2" / "unpack.py", tmp_path, "--limit", "1"]
    assert subprocess.run(command, capture_output=True).returncode == 0
    [sample] = whole_samples(settings("nyuv2", tmp_path), "seg", "normal", "depth")
    assert sample["img"].shape == (1, 3, 240, 320) and 0 < sample["depth"].max() < 10


def written(root: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in root.rglob("*") if path.suffix in (".png", ".npy")}


def test_a_second_call_does_only_what_is_missing(tmp_path, prepare):
    source, root = make_nyu_mat(tmp_path), tmp_path / "nyuv2"
    prepare("nyuv2", source, root)
    before = written(root)
    (root / "depth" / "0001.npy").unlink()
    (root / "nyu_v2_3task.json").unlink()
    result = prepare("nyuv2", source, root)
    assert "wrote 1 frame" in result.stdout and (root / "nyu_v2_3task.json").exists()
    after = written(root)
    assert [path for path in before if before[path] != after[path]] == [root / "depth" / "0001.npy"]
    assert "every file was there" in prepare("nyuv2", source, root).stdout


def test_labels_may_be_added_later(tmp_path, prepare):
    source, root, classes = make_nyu_mat(tmp_path), tmp_path / "nyuv2", tmp_path / "classMapping40.mat"
    classes.rename(tmp_path / "classes.mat")
    result = prepare("nyuv2", source, root)
    assert "there are no labels, for want of classMapping40.mat" in result.stdout and not list(root.rglob("seg/*"))
    result = prepare("nyuv2", source, root, "--classes", tmp_path / "classes.mat")
    assert "wrote 3 frames" in result.stdout and len(list(root.rglob("seg/*"))) == 3


def test_nothing_is_mixed(tmp_path, prepare):
    source, root = make_nyu_mat(tmp_path), tmp_path / "nyuv2"
    prepare("nyuv2", source, root)
    (tmp_path / "other").mkdir()
    assert_user_error(prepare("nyuv2", make_nyu_mat(tmp_path / "other", 4), root), "--dest", "made from another source")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    assert_user_error(prepare("nyuv2", source, tmp_path / "full"), "--dest", "holds other files")
    assert_user_error(prepare("taskonomy", make_omnidata_download(tmp_path / "o"), root), "--dest", "leave --dest out")


def test_another_index_is_set_aside(tmp_path, prepare):
    source = make_omnidata_download(tmp_path)
    (source / "taskonomy.json").write_text("{}")
    assert "the index that was there is now taskonomy.earlier.json" in prepare("taskonomy", source, None).stdout
    assert (source / "taskonomy.earlier.json").read_text() == "{}"
    assert "earlier" not in prepare("taskonomy", source, None).stdout


def test_space_is_looked_at_first(tmp_path, prepare, monkeypatch):
    monkeypatch.setattr(running.shutil, "disk_usage", lambda path: running.shutil._ntuple_diskusage(10, 9, 1))
    result = prepare("nyuv2", make_nyu_mat(tmp_path), tmp_path / "nyuv2")
    assert_user_error(result, "--dest", "may take 0.0 GB more", "free some space")
    assert not list((tmp_path / "nyuv2").rglob("*.png"))


def test_a_place_that_cannot_be_written_to(tmp_path, prepare):
    (tmp_path / "file").touch()
    assert_user_error(prepare("nyuv2", make_nyu_mat(tmp_path), tmp_path / "file" / "x"), "--dest: cannot write")


@pytest.mark.parametrize("keep", [0, 300, 600, 5000, -8])
def test_a_truncated_download_is_one_line(tmp_path, prepare, keep):
    source = make_nyu_mat(tmp_path)
    source.write_bytes(source.read_bytes()[:keep])
    result = prepare("nyuv2", source, tmp_path / "nyuv2")
    assert_user_error(result, str(source), "not a whole MATLAB file", "fetch it again")


def without(name: str, source: Path) -> None:
    with h5py.File(source, "r+") as file:
        del file[name]


def as_type(name: str, kind: str, source: Path) -> None:
    with h5py.File(source, "r+") as file:
        values = file[name][()].astype(kind)
        del file[name]
        file[name] = values


def in_plain_order(source: Path) -> None:
    with h5py.File(source, "r+") as file:
        for name in ("images", "depths", "labels"):
            values = file[name][()].T
            del file[name]
            file[name] = values


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda source: without("depths", source), ["no variable 'depths'", "images, labels"]),
        (lambda source: as_type("depths", "i4", source), ["'depths' is int32 [3, 32, 24]", "expected floats"]),
        (lambda source: as_type("images", "f4", source), ["'images' is float32", "expected whole numbers"]),
        (in_plain_order, ["images, depths and labels are [24, 32, 3, 3]", "expected [N, 3, W, H]"]),
        (lambda source: source.write_bytes(b"MATLAB 5.0".ljust(2000)), ["not a whole MATLAB file"]),
        (Path.unlink, ["no such file"]),
        (lambda source: (source.unlink(), os.mkfifo(source)), ["FIFO"]),
        (lambda source: source.with_name("splits.mat").unlink(), ["splits.mat", "--splits"]),
        (lambda source: source.with_name("splits.mat").write_bytes(b"x" * 200), ["splits.mat", "not a whole MATLAB"]),
    ],
)
def test_what_is_wrong_with_a_download_is_named(tmp_path, prepare, spoil, words):
    source = make_nyu_mat(tmp_path)
    spoil(source)
    assert_user_error(prepare("nyuv2", source, tmp_path / "nyuv2"), *words)


@pytest.mark.parametrize(
    ("split", "words"),
    [({"test": (4,)}, ["names frame 4", "1 to 3"]), ({"train": (0,)}, ["names frame 0"]), ({"test": (1,)}, ["twice"])],
)
def test_splits_of_other_frames_are_refused(tmp_path, prepare, split, words):
    result = prepare("nyuv2", make_nyu_mat(tmp_path, **split), tmp_path / "nyuv2")
    assert_user_error(result, "splits.mat", *words)


def test_labels_that_the_mapping_does_not_know(tmp_path, prepare):
    source = make_nyu_mat(tmp_path)
    images, depths, labels = np.zeros((3, 8, 8, 3), np.uint8), np.ones((3, 8, 8), np.float32), np.full((3, 8, 8), 895)
    write_nyu_mat(source, images, depths, labels.astype(np.uint16))
    result = prepare("nyuv2", source, tmp_path / "nyuv2")
    assert_user_error(result, "holds the label 895", "knows 894")


def test_flags_of_other_layouts(tmp_path, prepare, run_script):
    source = make_cityscapes_download(tmp_path / "city")
    assert_user_error(prepare("cityscapes", source, tmp_path / "x", "--splits", "a"), "--splits", "takes no such file")
    assert_user_error(prepare("cityscapes", source, None), "--dest: missing")
    assert_user_error(run_script("prepare_data.py", "--layout", "kitti"), "kitti")


def test_without_h5py_a_line_says_what_to_do(tmp_path, prepare, monkeypatch):
    source = make_nyu_mat(tmp_path)
    monkeypatch.setitem(sys.modules, "h5py", None)
    assert_user_error(prepare("nyuv2", source, tmp_path / "x"), "needs h5py", "pip install h5py")


def test_an_interrupted_run_goes_on(tmp_path):
    source, root = make_nyu_mat(tmp_path, 90, tuple(range(1, 90)), (90,)), tmp_path / "nyuv2"
    command = [sys.executable, "prepare_data.py", "--layout", "nyuv2", "--source", source, "--dest", root]
    process = subprocess.Popen(
        [*command, "--num_workers", "2"], cwd=REPOSITORY, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    limit = time.monotonic() + 60
    while not list(root.glob("depth/*.npy")) and time.monotonic() < limit:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)  # as Ctrl-C does: to all processes
    _, complaint = process.communicate(timeout=60)
    assert process.returncode == 130, complaint
    assert "Traceback" not in complaint and not (root / "nyu_v2_3task.json").exists()
    assert 0 < len(list(root.glob("depth/0*.npy"))) < 90
    again = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=120)
    assert again.returncode == 0, again.stderr
    assert len(list(root.glob("depth/0*.npy"))) == 90 and not list(root.rglob("*.tmp"))
