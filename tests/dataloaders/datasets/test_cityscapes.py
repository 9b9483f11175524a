"""Cityscapes: values, the three sets of labels, and what can be wrong with its arrays."""

import numpy as np
import pytest
import torch
from small_data import make_cityscapes, settings, whole_samples

from configs import UserError


def test_reference_values(reference):
    reference.check("cityscapes", "seg", "depth")


@pytest.mark.parametrize("classes", [2, 7])
def test_reference_values_of_other_label_sets(reference, classes):
    config = reference.config("cityscapes", f"data.options.num_classes={classes}")
    expected = reference.datasets["cityscapes"]["alternative_label_sets"][f"seg_num_class_{classes}"]
    for sample, labels in zip(whole_samples(config, "seg"), expected, strict=True):
        reference.check_tensor(sample["seg"][0], labels)


def test_image_by_hand(tmp_path):
    image = np.broadcast_to(np.array([0.0, 0.2, 1.0], np.float32), (4, 6, 3))  # red, green, blue
    sample = whole_samples(settings("cityscapes", make_cityscapes(tmp_path, img=image)), "seg")[0]
    expected = torch.tensor([255 - 104.00698793, 51 - 116.66876762, -122.67891434])
    torch.testing.assert_close(sample["img"][0, :, 3, 5], expected)
    assert sample["name"] == ["0.npy"]
    assert sample["seg"].dtype == torch.int64 and sample["seg"].unique().tolist() == [18]


@pytest.mark.parametrize("dtype", [np.int8, np.int16, np.uint16, np.uint64, np.float32, np.float64, ">i4"])
def test_labels_may_have_any_number_type(tmp_path, dtype):
    labels = np.arange(24).reshape(4, 6) % 19
    root = make_cityscapes(tmp_path, label19=labels.astype(dtype))
    assert whole_samples(settings("cityscapes", root), "seg")[0]["seg"][0, 0].tolist() == labels.tolist()


def test_only_the_wanted_labels_are_opened(tmp_path):
    root = make_cityscapes(tmp_path)
    for column in ("label2", "label19", "depth"):
        (root / column / "0.npy").unlink()
    config = settings("cityscapes", root, "data.options.num_classes=7")
    assert whole_samples(config, "seg")[0]["seg"].unique().tolist() == [6]


@pytest.mark.parametrize(
    ("column", "array", "message"),
    [
        ("img", np.zeros((4, 6, 3), np.uint8), "expected floats, found uint8"),
        ("img", np.zeros((4, 6), np.float32), r"expected an array \[H, W, 3\], found \[4, 6\]"),
        ("img", np.full((4, 6, 3), 200.0), r"image values from 200 to 200; expected RGB in \[0, 1\]"),
        ("img", np.full((4, 6, 3), np.nan), "NaN or infinite"),
        ("depth", np.zeros((4, 6, 2), np.float32), r"expected an array \[H, W\], found \[4, 6, 2\]"),
        ("depth", np.zeros((2, 3, 1), np.float32), "2 x 3 pixels, but the image .* has 4 x 6"),
        ("label19", np.full((4, 6), 0.5), "expected whole numbers, found float64"),
        ("label19", np.full((4, 6), np.nan), "expected whole numbers"),
        ("label19", np.full((4, 6), "a"), "not a whole .npy array of numbers, but of <U1"),
        ("label19", np.full((4, 6), 19), r"holds the label 19; expected 0..18 or -1 \(ignored\)"),
        ("label19", np.full((4, 6), -2), "holds the label -2"),
        ("label19", np.full((4, 6), 255, np.uint8), "holds the label 255"),
    ],
)
def test_wrong_arrays(tmp_path, column, array, message):
    root = make_cityscapes(tmp_path, **{column: array})
    with pytest.raises(UserError, match=rf"{column}/0\.npy: .*{message}"):
        whole_samples(settings("cityscapes", root), "seg", "depth")


@pytest.mark.parametrize("value", ["3", "seven", "[2]"])
def test_an_impossible_number_of_classes(tmp_path, value):
    config = settings("cityscapes", make_cityscapes(tmp_path), f"data.options.num_classes={value}")
    with pytest.raises(UserError, match="data.options.num_classes: .* is not one of 2, 7, 19"):
        whole_samples(config, "seg")
