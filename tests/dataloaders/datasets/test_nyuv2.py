"""NYUv2: values, real frames, mirrored normals, and everything that can be wrong with index and files."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from small_data import make_nyuv2, settings, whole_samples, write_npy, write_png

from configs import UserError
from dataloaders import open_dataset
from dataloaders.datasets.nyuv2 import mirror_normals

KEYS = ("seg", "normal", "depth")
INDEX = "nyu_v2_3task.json"


def read_all(root: Path, *keys: str) -> None:
    whole_samples(settings("nyuv2", root), *keys)


def test_reference_values(reference):
    reference.check("nyuv2", *KEYS)


def test_types_and_channel_order(tmp_path):
    root = make_nyuv2(tmp_path, count=1, size=(2, 3))
    for column in ("img", "normal_mask"):
        write_png(root / column / "0000.png", np.full((2, 3, 3), (10, 20, 30), np.uint8))  # red, green, blue
    sample = whole_samples(settings("nyuv2", root), *KEYS)[0]
    assert sample["seg"].dtype == torch.int64
    assert {sample[key].dtype for key in ("img", "normal", "depth")} == {torch.float32}
    mean = torch.tensor([104.00698793, 116.66876762, 122.67891434])
    torch.testing.assert_close(sample["img"][0, :, 0, 0], torch.tensor([30.0, 20.0, 10.0]) - mean)
    assert sample["normal"][0, :, 0, 0].tolist() == [30, 20, 10]


def test_real_frames(shared):
    root = shared / "data" / "nyuv2_samples"
    sample = whole_samples(settings("nyuv2", root), *KEYS)[0]
    assert sample["name"] == ["1314.png"] and sample["img"].shape == (1, 3, 480, 640)
    assert torch.equal(sample["depth"][0, 0], torch.from_numpy(np.load(root / "depth" / "1314.npy")))
    assert 0 < (sample["seg"] < 40).float().mean() < 1


def normals_from_depth(depth: np.ndarray, step: int = 4, focal: float = 520.0) -> np.ndarray:
    """Unit normals [H - 2 step, W - 2 step, 3] of the surface, x to the right; focal length of the camera in pixels."""
    height, width = depth.shape
    rows, columns = np.mgrid[:height, :width]
    points = np.stack([(columns - width / 2) * depth / focal, (rows - height / 2) * depth / focal, depth], -1)
    across = points[step:-step, 2 * step :] - points[step:-step, : -2 * step]
    down = points[2 * step :, step:-step] - points[: -2 * step, step:-step]
    normals = np.cross(across, down)
    return normals / np.linalg.norm(normals, axis=-1, keepdims=True)


def test_red_is_the_direction_that_mirroring_turns_round(shared):
    dataset = open_dataset(settings("nyuv2", shared / "data" / "nyuv2_samples"), "train", KEYS)
    for index in range(len(dataset)):
        sample = dataset.sample(index)
        stored = sample["normal"][:, 4:-4, 4:-4].numpy()
        valid = stored.max(0) < 255
        x = normals_from_depth(sample["depth"][0].double().numpy())[..., 0]
        blue, green, red = (abs(np.corrcoef(x[valid], channel[valid])[0, 1]) for channel in stored)
        assert red > 0.7 and red > 1.5 * max(blue, green)


def test_mirrored_normals_by_hand():
    #        valid   x = 0   valid, x = 254   invalid by x   invalid by y   invalid
    blue = [10, 0, 7, 3, 255, 255]
    green = [20, 0, 8, 4, 0, 255]
    red = [100, 0, 254, 255, 60, 255]
    mirrored = mirror_normals(torch.tensor([[blue], [green], [red]], dtype=torch.uint8))
    assert mirrored[0, 0].tolist() == blue and mirrored[1, 0].tolist() == green
    assert mirrored[2, 0].tolist() == [155, 254, 1, 255, 60, 255]


def test_mirroring_keeps_valid_and_invalid_apart():
    every = torch.cartesian_prod(*[torch.tensor([0, 1, 128, 254, 255], dtype=torch.uint8)] * 3)
    normals = every.T.reshape(3, 5, 25)
    before, after = normals.amax(0) == 255, mirror_normals(normals).amax(0) == 255
    assert torch.equal(before, after)


def test_files_of_other_keys_are_not_opened(tmp_path):
    root = make_nyuv2(tmp_path)
    for column in ("seg", "depth"):
        for path in (root / column).iterdir():
            path.unlink()
    assert whole_samples(settings("nyuv2", root), "normal")[0]["normal"].shape == (1, 3, 6, 8)
    with pytest.raises(UserError, match=r"seg/0000\.png: cannot be read: No such file"):
        read_all(root, "seg")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "No such file or directory; --data_root"),
        ("{", "not a JSON file"),
        ("\x80", "not a JSON file"),
        ("[]", "expected a list of samples under 'train', found a list"),
        ({}, "under 'train', found nothing"),
        ({"test": []}, "under 'train', found test"),
        ({"train": {}}, "under 'train', found train"),
        ({"train": []}, "'train' is empty"),
        ({"train": [["a", "b", "c", "d"], ["a", "b", "c"]]}, r"train\[1\]: expected 4 paths \(img, seg,.*found 3"),
        ({"train": ["a"]}, r"train\[0\]: expected 4 paths .* found a str"),
        ({"train": [["a", "b", "c", 1]]}, r"train\[0\]: every path must be a text"),
        ({"train": [["a", "b", "c", "x\0y"]]}, r"train\[0\]: every path must be a text"),
        ({"train": [["a", "../b", "c", "d"]]}, r"train\[0\]: the path '\.\./b' leaves the data root"),
        ({"train": [["a", "x/../../b", "c", "d"]]}, "leaves the data root"),
        ({"train": [["/etc/a", "b", "c", "d"]]}, "'/etc/a' leaves the data root"),
    ],
)
def test_defects_of_the_index(tmp_path, content, message):
    if content is not None:
        text = content if isinstance(content, str) else json.dumps(content)
        (tmp_path / INDEX).write_bytes(text.encode("latin-1"))
    with pytest.raises(UserError, match=message) as caught:
        open_dataset(settings("nyuv2", tmp_path), "train", KEYS)
    assert str(tmp_path / INDEX) in str(caught.value) and "\n" not in str(caught.value)


def test_a_path_may_wander_below_the_root(tmp_path):
    root = make_nyuv2(tmp_path, count=1)
    index = root / INDEX
    index.write_text(index.read_text().replace("img/", "seg/../img/"))
    assert whole_samples(settings("nyuv2", root))[0]["name"] == ["0000.png"]


def damage(path: Path, kind: str) -> None:
    data = bytearray(path.read_bytes())
    if kind == "cut":
        data = data[: len(data) // 2]
    elif kind == "cut in the last chunk":
        data = data[:-4]
    elif kind == "flipped bit":
        data[data.index(b"IDAT") + 6] ^= 16
    elif kind == "flipped header":
        data[20] ^= 1
    elif kind == "not an image":
        data = bytearray(b"<html>404</html>")
    elif kind == "empty":
        data = bytearray()
    path.write_bytes(bytes(data))


KINDS = ("cut", "cut in the last chunk", "flipped bit", "flipped header", "not an image", "empty")


@pytest.mark.parametrize("column", ["img", "seg", "normal_mask"])
@pytest.mark.parametrize("kind", KINDS)
def test_damaged_png(tmp_path, column, kind):
    root = make_nyuv2(tmp_path)
    damage(root / column / "0001.png", kind)
    with pytest.raises(UserError, match=rf"{column}/0001\.png: (damaged|truncated|not a) PNG") as caught:
        read_all(root, *KEYS)
    assert "\n" not in str(caught.value)


def test_no_flipped_bit_goes_unseen(tmp_path):
    path = make_nyuv2(tmp_path, count=1) / "seg" / "0000.png"
    whole = path.read_bytes()
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :])
        with pytest.raises(UserError, match="PNG"):
            read_all(tmp_path, "seg")


@pytest.mark.parametrize(
    ("column", "pixels", "message"),
    [
        ("normal_mask", np.zeros((6, 8), np.uint8), r"expected an 8-bit colour \(RGB\) PNG, found 8-bit grey PNG"),
        ("seg", np.zeros((6, 8, 3), np.uint8), "expected labels as .* found 8-bit colour"),
        ("seg", np.full((6, 8), 256, np.uint16), "holds the label 256; expected 0..39 or 255"),
        ("seg", np.full((6, 8), 40, np.uint8), "holds the label 40; expected 0..39 or 255"),
        ("seg", np.zeros((6, 7), np.uint8), r"6 x 7 pixels, but the image .*img/0001\.png has 6 x 8"),
        ("normal_mask", np.zeros((8, 6, 3), np.uint8), "8 x 6 pixels, but the image"),
    ],
)
def test_wrong_png(tmp_path, column, pixels, message):
    root = make_nyuv2(tmp_path)
    write_png(root / column / "0001.png", pixels)
    with pytest.raises(UserError, match=rf"{column}/0001\.png: {message}"):
        read_all(root, *KEYS)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((6, 8)), "expected float32, found float64"),
        (np.zeros((6, 8), np.int32), "expected float32, found int32"),
        (np.zeros((6, 8, 3), np.float32), r"expected an array \[H, W\], found \[6, 8, 3\]"),
        (np.zeros(48, np.float32), r"expected an array \[H, W\], found \[48\]"),
        (np.zeros((5, 8), np.float32), "5 x 8 pixels, but the image"),
        (np.full((6, 8), np.nan, np.float32), "holds NaN or infinite"),
        (np.full((6, 8), np.inf, np.float32), "holds NaN or infinite"),
        (np.array({"a": 1}, dtype=object), "not a whole .npy array"),
    ],
)
def test_wrong_depth(tmp_path, array, message):
    root = make_nyuv2(tmp_path)
    write_npy(root / "depth" / "0001.npy", array)
    with pytest.raises(UserError, match=rf"depth/0001\.npy: {message}"):
        read_all(root, *KEYS)


@pytest.mark.parametrize("length", [0, 5, 40, 200])
def test_truncated_depth(tmp_path, length):
    path = make_nyuv2(tmp_path) / "depth" / "0001.npy"
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(UserError, match=r"depth/0001\.npy: not a whole \.npy array"):
        read_all(tmp_path, "depth")


def test_arrays_in_column_order_and_either_byte_order(tmp_path):
    root = make_nyuv2(tmp_path, count=1, size=(2, 3))
    depth = np.arange(1, 7, dtype=np.float32).reshape(2, 3)
    for array in (np.asfortranarray(depth), depth[:, :, None]):
        write_npy(root / "depth" / "0000.npy", array)
        sample = whole_samples(settings("nyuv2", root), "depth")[0]
        assert sample["depth"][0, 0].tolist() == depth.tolist()
    write_npy(root / "depth" / "0000.npy", depth.astype(">f4"))
    assert whole_samples(settings("nyuv2", root), "depth")[0]["depth"][0, 0].tolist() == depth.tolist()


def test_an_unknown_key_is_named(tmp_path):
    with pytest.raises(UserError, match="NYUv2 has no 'edge'.*seg, normal, depth"):
        open_dataset(settings("nyuv2", make_nyuv2(tmp_path)), "train", ["edge"])


def test_a_folder_in_place_of_a_file(tmp_path):
    root = make_nyuv2(tmp_path)
    (root / "img" / "0002.png").unlink()
    (root / "img" / "0002.png").mkdir()
    with pytest.raises(UserError, match=r"img/0002\.png: cannot be read: it is a folder"):
        read_all(root)


def test_pillow_reads_what_we_read(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    path = write_png(make_nyuv2(tmp_path, count=1, size=(5, 7)) / "img" / "0000.png", pixels)
    image = whole_samples(settings("nyuv2", tmp_path))[0]["img"][0]
    expected = np.asarray(Image.open(path)).astype(np.float32)[:, :, ::-1] - (104.00698793, 116.66876762, 122.67891434)
    np.testing.assert_allclose(image.permute(1, 2, 0), expected, rtol=0, atol=1e-4)
