"""From the official file to AdaShare's layout: axes, classes, splits, normals."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from small_data import settings, whole_samples
from small_downloads import SIZE, make_nyu_mat, write_nyu_mat

from dataloaders.datasets.nyuv2 import mirror_normals
from dataloaders.preparing.geometry import Camera, plane_normals
from dataloaders.preparing.nyuv2 import NYUv2, coded_normals
from dataloaders.preparing.running import prepare
from dataloaders.readers import read_coded


def prepared(source: Path, root: Path) -> Path:
    prepare(NYUv2(source), root, workers=0)
    return root


def test_axes_classes_and_depth(tmp_path):
    root = prepared(make_nyu_mat(tmp_path), tmp_path / "nyuv2")
    image = np.asarray(Image.open(root / "img" / "0002.png"))
    assert image.shape == (*SIZE, 3)
    assert image[0, 0].tolist() == [0, 255, 0] and image[1, 0].tolist() == image[0, 1].tolist() == [20, 0, 0]
    labels = np.asarray(Image.open(root / "seg" / "0002.png"))
    assert labels[0, 0] == 255 and labels[1, 1] == 1  # the file's label 2 is class 2 of 1..40
    depth = np.load(root / "depth" / "0002.npy")
    assert depth.dtype == np.float32 and depth.shape == SIZE and (depth[0, 0], depth[5, 7]) == (9, 3)
    [sample] = whole_samples(settings("nyuv2", root), "seg", "normal", "depth")
    assert sample["name"] == ["0001.png"] and sample["depth"][0, 0, 5, 7] == 2


def test_splits_and_classes_of_either_version_of_matlab(tmp_path):
    import h5py

    source = make_nyu_mat(tmp_path)
    with h5py.File(tmp_path / "splits.mat", "w", userblock_size=512) as file:
        file["trainNdxs"], file["testNdxs"] = np.array([[2.0]]), np.array([[3.0, 1.0]])
    found = [(frame.split, frame.origin) for frame in NYUv2(source).frames()]
    assert found == [("train", "1"), ("test", "2"), ("test", "0")]


def test_normals_of_planes_face_the_camera():
    camera = Camera(50, 60, 15.5, 11.5)
    rows, columns = np.mgrid[:24, :32]
    for plane in ((0, 0, 0.5), (0.2, 0, 0.4), (0.1, -0.3, 0.5)):  # aX + bY + cZ = 1
        a, b, c = plane
        depth = 1 / (a * (columns - camera.cx) / camera.fx + b * (rows - camera.cy) / camera.fy + c)
        normals, found = plane_normals(depth, camera, window=5)
        expected = -np.array(plane) / np.linalg.norm(plane)
        assert found.all()
        np.testing.assert_allclose(normals, np.broadcast_to(expected, normals.shape), atol=1e-6)


def test_pixels_without_depth_count_for_nothing():
    depth = np.full((24, 32), 2.0)
    depth[10:14, 10:14], depth[0, 0] = 0, np.nan
    normals, found = plane_normals(depth, Camera(50, 50, 15.5, 11.5), window=5)
    assert not found[10:14, 10:14].any() and not found[0, 0] and found.sum() == 24 * 32 - 17
    np.testing.assert_allclose(normals[found], np.broadcast_to((0, 0, -1), (found.sum(), 3)), atol=1e-6)


def test_the_code_is_right_forward_up():
    flat = coded_normals(np.full((48, 64), 2.0, np.float32))
    assert flat.reshape(-1, 3).min(0).tolist() == flat.reshape(-1, 3).max(0).tolist() == [127, 0, 127]  # towards us
    rows = np.mgrid[:48, :64][0]
    floor = 1.5 / ((rows - 24.92) / 51.947).clip(0.01)  # 1.5 m below a camera that looks at row 24.92
    assert coded_normals(floor.astype(np.float32))[35, 32].tolist() == [127, 127, 254]


@pytest.mark.parametrize("name", ["0061", "0295", "0774", "1314"])
def test_normals_agree_with_the_published_ones(shared, tmp_path, name):
    samples = shared / "data" / "nyuv2_samples"
    # AdaShare's frames are mirrored; the official ones are not.
    image = np.asarray(Image.open(samples / "img" / f"{name}.png"))[:, ::-1]
    depth = np.load(samples / "depth" / f"{name}.npy")[:, ::-1]
    make_nyu_mat(tmp_path, 1, (1,), ())
    frames = (array[None] for array in (image, depth, depth.astype(np.uint16)))
    source = write_nyu_mat(tmp_path / "nyu_depth_v2_labeled.mat", *frames)
    root = prepared(source, tmp_path / "nyuv2")
    assert np.array_equal(np.asarray(Image.open(root / "img" / "0000.png")), image)
    assert np.array_equal(np.load(root / "depth" / "0000.npy"), depth)
    ours = mirror_normals(read_coded(root / "normal_mask" / "0000.png").flip(2)).numpy()
    published = read_coded(samples / "normal_mask" / f"{name}.png").numpy()
    valid = (ours.max(0) < 255) & (published.max(0) < 255)
    vectors = [coded[:, valid] / 127.5 - 1.0 for coded in (ours, published)]
    vectors = [vector / np.linalg.norm(vector, axis=0) for vector in vectors]
    angles = np.degrees(np.arccos((vectors[0] * vectors[1]).sum(0).clip(-1, 1)))
    assert np.median(angles) < 5
