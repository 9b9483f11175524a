"""Rendered folders through the loaders of the real data, and how such folders come to be."""

import threading

import numpy as np
import pytest
from PIL import Image

import dataloaders.datasets.sample as sample
import dataloaders.rendering as rendering
import dataloaders.rooms.folder as rooms_folder
from configs import UserError
from dataloaders.datasets.nyuv2 import NYUv2
from dataloaders.datasets.sample import SampleRooms
from dataloaders.registry import DATASETS
from dataloaders.rendering import PUBLISHED, Rendering
from dataloaders.rooms.folder import check_free, render_folder
from dataloaders.rooms.layouts import LAYOUTS, NYU_CLASSES, STREET_CLASSES, class_weights
from dataloaders.rooms.room import CLASSES, render_room

KEYS = ("seg", "normal", "depth", "depth_mask", "keypoint", "edge")


def test_every_layout_that_can_be_asked_for_can_be_written():
    assert list(LAYOUTS) == list(PUBLISHED)


def test_class_weights_are_bounded_and_fall_with_frequency():
    weights = class_weights(np.array([0, 1, 100, 400, 10**9]))
    np.testing.assert_allclose(weights, [4, 4, np.sqrt(2.5), np.sqrt(0.625), 0.25])


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """One folder in each layout, with two training images and a test image."""
    roots = {}
    for layout in LAYOUTS:
        roots[layout] = tmp_path_factory.mktemp("rooms") / layout
        size = (32, 32) if layout == "taskonomy" else (24, 32)
        render_folder(roots[layout], Rendering(layout, 2, 1, size, seed=5), workers=1)
    return roots


def test_nyuv2_layout_reads_back(folders):
    data, frame = (
        NYUv2(folders["nyuv2"], "test", ("seg", "normal", "depth")),
        render_room(5, "test", 0, (24, 32)),
    )
    assert len(NYUv2(folders["nyuv2"], "train", ())) == 2 and len(data) == 1
    data.check()
    np.testing.assert_array_equal(data.read(0, "img").permute(1, 2, 0).numpy()[..., ::-1], frame.image)
    np.testing.assert_array_equal(data.read(0, "depth")[0], np.where(frame.measurable, frame.depth, 0))
    label = data.read(0, "seg")[0].numpy()
    for number, name in enumerate(CLASSES):
        assert (label[frame.label == number] == NYU_CLASSES[name]).all()
    assert (label[frame.label == -1] == 255).all()
    up, forward, right = data.read(0, "normal").numpy().astype(float)  # BGR
    invalid = np.max([up, forward, right], axis=0) == 255
    np.testing.assert_array_equal(invalid, ~frame.measurable)
    decoded = np.stack([right, up, -(forward - 127.5) + 127.5], -1) / 127.5 - 1
    assert np.abs(decoded - frame.normal)[~invalid].max() < 2 / 255 + 1e-6


def test_cityscapes_layout_reads_back(folders):
    root, frame = folders["cityscapes"], render_room(5, "train", 1, (24, 32))
    data = DATASETS["cityscapes"](root, "train", ("seg", "depth"))
    np.testing.assert_allclose(
        data.read(1, "img").permute(1, 2, 0).numpy()[..., ::-1], frame.image, atol=1e-4
    )
    disparity = data.read(1, "depth")[0].numpy()
    assert ((disparity > 3e-5) == frame.measurable).all()
    seen = frame.measurable
    np.testing.assert_allclose(0.22 * frame.focal / 32 / disparity[seen], frame.depth[seen], rtol=1e-5)
    label = data.read(1, "seg")[0].numpy()
    assert (label[frame.label == -1] == -1).all()
    assert (label[frame.label == CLASSES.index("wall")] == STREET_CLASSES["wall"]).all()
    for classes in (2, 7):
        coarse = (
            DATASETS["cityscapes"](root, "train", ("seg",), num_classes=classes).read(1, "seg")[0].numpy()
        )
        np.testing.assert_array_equal(coarse == -1, label == -1)
        # A coarser set never splits a class of the finer one.
        assert all(len(np.unique(coarse[label == number])) == 1 for number in np.unique(label))


def test_taskonomy_layout_reads_back(folders):
    root, frame = folders["taskonomy"], render_room(5, "test", 0, (32, 32))
    data = DATASETS["taskonomy"](root, "test", KEYS, size=32)
    decoded = {key: data.fields[key].decode(data.read(0, key)).numpy() for key in KEYS}
    np.testing.assert_array_equal(decoded["seg"][0], np.maximum(frame.label, 0))
    assert np.abs(decoded["normal"].transpose(1, 2, 0) - frame.normal).max() < 1 / 255 + 1e-6
    np.testing.assert_array_equal(decoded["depth_mask"][0] == 1, frame.measurable)
    metres = (np.exp(decoded["depth"][0] * np.log(2**16)) - 1) / 512
    assert np.abs(metres - frame.depth)[frame.measurable].max() < 1 / 512
    edge = np.clip(frame.edge, 0, 0.08) / 0.08 * 2 - 1
    np.testing.assert_allclose(decoded["edge"][0], edge, atol=1e-3)
    keypoint = np.clip(frame.keypoint, 0, 0.005) / 0.005 * 2 - 1
    np.testing.assert_allclose(decoded["keypoint"][0], keypoint, atol=4e-3)
    weights = np.load(root / "semseg_prior_factor.npy")
    assert weights.shape == (17,) and weights.dtype == np.float64
    with Image.open(root / "rooms_test/depth_zbuffer/point_0_view_0_domain_depth_zbuffer.png") as image:
        assert image.mode == "I;16"


def test_rendering_in_processes_gives_the_same_files(folders, tmp_path):
    render_folder(tmp_path / "two", Rendering("taskonomy", 2, 1, (32, 32), seed=5), workers=2)
    files = sorted(path.relative_to(tmp_path / "two") for path in (tmp_path / "two").rglob("*.*"))
    assert len(files) == 3 * 6 + 2
    for name in files:
        assert (tmp_path / "two" / name).read_bytes() == (folders["taskonomy"] / name).read_bytes()
    assert [path.name for path in tmp_path.iterdir()] == ["two"]  # no temporary folder is left


def test_an_error_leaves_no_folder(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(rooms_folder, "_render_one", full)
    with pytest.raises(UserError, match="No space left"):
        render_folder(tmp_path / "rooms", Rendering("nyuv2", 1, 1, (16, 16)), workers=1)
    assert not list(tmp_path.iterdir())


def test_only_a_new_or_an_empty_folder_is_free(tmp_path):
    check_free(tmp_path / "new" / "folder", "--dest")
    (tmp_path / "empty").mkdir()
    check_free(tmp_path / "empty", "--dest")
    (tmp_path / "file").touch()
    for taken in ("file", "."):
        with pytest.raises(UserError, match="exists already"):
            check_free(tmp_path / taken, "--dest")
    with pytest.raises(UserError, match="--dest: cannot"):
        check_free(tmp_path / "file" / "below", "--dest")


@pytest.fixture
def in_this_process(monkeypatch):
    monkeypatch.setattr(sample, "usual_workers", lambda: 1)


SMALL = {"size": 16, "num_train": 2, "num_test": 1}


def test_sample_rooms_are_rendered_once(tmp_path, monkeypatch, in_this_process, capsys):
    monkeypatch.setattr(sample, "SAMPLE_DATA", tmp_path / "data")
    root = SampleRooms.default_root(SMALL)
    assert root.parent == tmp_path / "data" and not root.exists()
    data = SampleRooms(root, "train", KEYS, **SMALL)
    assert len(data) == 2 and data.sample(1)["depth"].shape == (1, 16, 16)
    assert "rendering" in capsys.readouterr().err
    assert len(SampleRooms(root, "test", KEYS, **SMALL)) == 1
    assert "rendering" not in capsys.readouterr().err
    assert SampleRooms.default_root(SMALL) == root
    assert [path.name for path in root.parent.iterdir()] == [root.name]


def test_default_root_differs_with_everything_that_is_rendered(tmp_path, monkeypatch):
    monkeypatch.setattr(sample, "SAMPLE_DATA", tmp_path)
    variants = [{}, {"size": 64}, {"num_train": 3}, {"num_test": 3}, {"seed": 1}]
    roots = [SampleRooms.default_root(options) for options in variants]
    monkeypatch.setattr(rendering, "RENDERER_VERSION", -1)
    roots.append(SampleRooms.default_root({}))
    assert len(set(roots)) == len(roots)


def test_a_read_only_repository_falls_back_to_the_cache(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setattr(sample, "SAMPLE_DATA", tmp_path / "file" / "sample")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert SampleRooms.default_root({}).parent == tmp_path / "cache" / "meta-sparse" / "sample"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file" / "cache"))
    with pytest.raises(UserError, match="--data_root"):
        SampleRooms.default_root({})


@pytest.mark.parametrize("locks", [True, False])
def test_two_at_once_both_get_the_folder(tmp_path, monkeypatch, in_this_process, locks):
    def no_locks(*_):
        raise OSError(95, "Operation not supported")

    if not locks:
        monkeypatch.setattr(sample.fcntl, "flock", no_locks)
    start, lengths = threading.Barrier(2), []

    def use():
        start.wait()
        lengths.append(len(SampleRooms(tmp_path / "rooms", "train", KEYS, **SMALL)))

    threads = [threading.Thread(target=use) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert lengths == [2, 2]
    assert [path.name for path in tmp_path.iterdir()] == ["rooms"]


@pytest.mark.parametrize("option", [{"size": 8}, {"size": "128"}, {"num_train": 0}, {"num_test": 10**12}, {"seed": -1}])
def test_wrong_options_are_named(option, tmp_path):
    with pytest.raises(UserError, match=f"data.options.{next(iter(option))}"):
        SampleRooms(tmp_path / "rooms", "train", (), **option)
    assert not list(tmp_path.iterdir())
