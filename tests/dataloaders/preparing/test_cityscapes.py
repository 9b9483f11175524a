"""From leftImg8bit, gtFine and disparity to AdaShare's arrays."""

import numpy as np
import pytest
from PIL import Image
from small_data import settings, whole_samples, write_png
from small_downloads import make_cityscapes_download

from configs import UserError
from dataloaders.preparing.cityscapes import GROUPS, TRAIN_IDS, Cityscapes
from dataloaders.preparing.running import prepare

IMAGE = "leftImg8bit/train/aachen/aachen_000000_000019_leftImg8bit.png"
DISPARITY = IMAGE.replace("leftImg8bit", "disparity")


def test_values(tmp_path):
    prepare(Cityscapes(make_cityscapes_download(tmp_path / "download")), tmp_path / "city", workers=0)
    arrays = {p.parent.name: np.load(p) for p in (tmp_path / "city" / "train").rglob("aachen_000001_000019.npy")}
    assert {name: array.shape for name, array in arrays.items()} == {
        "image": (2, 4, 3), "depth": (2, 4, 1), "label_2": (2, 4), "label_7": (2, 4), "label_19": (2, 4),
    }  # fmt: skip
    assert arrays["image"][0, 0].tolist() == pytest.approx([0.2, 0.4, 1.0])
    assert arrays["label_19"].tolist() == [[-1, 13, 13, 13], [13] * 4]
    assert (arrays["label_7"][1, 0], arrays["label_2"][1, 0], arrays["label_2"][0, 0]) == (6, 1, -1)
    # Stored is 6556: a disparity of 6555 / 256 pixels, in units of 256 pixels.
    assert arrays["depth"][..., 0].tolist()[0] == pytest.approx([0, *[6555 / 65536] * 3])
    [sample] = whole_samples(settings("cityscapes", tmp_path / "city"), "seg", "depth")
    assert sample["name"] == ["ulm_000002_000019.npy"] and sample["seg"].unique().tolist() == [-1, 13]


def test_pictures_are_averaged_and_labels_sampled(tmp_path):
    download = make_cityscapes_download(tmp_path / "download")
    pixels = np.zeros((8, 16, 3), np.uint8)
    pixels[:4, 0] = 100  # a quarter of the first block
    write_png(download / IMAGE, pixels)
    prepare(Cityscapes(download), tmp_path / "city", workers=0)
    image = np.load(tmp_path / "city" / "train" / "image" / "aachen_000000_000019.npy")
    assert image[0, 0, 0] == pytest.approx(25 / 255) and image[0, 1, 0] == image[1, 0, 0] == 0


def test_the_classes_are_in_their_usual_order():
    assert list(TRAIN_IDS.values()) == list(range(19)) == list(range(len(GROUPS)))
    assert [TRAIN_IDS[identity] for identity in (7, 23, 24, 26, 33)] == [0, 10, 11, 13, 18]  # road ... bicycle


def test_without_disparity_there_are_labels(tmp_path):
    download = Cityscapes(make_cityscapes_download(tmp_path / "download", disparity=False))
    prepare(download, tmp_path / "city", workers=0)
    assert "use --tasks seg" in download.remarks[0]
    assert whole_samples(settings("cityscapes", tmp_path / "city"), "seg")


@pytest.mark.parametrize(
    ("file", "pixels", "words"),
    [
        (DISPARITY, np.zeros((8, 12), np.uint16), "8 x 12 pixels, but the first .* 8 x 16"),
        (DISPARITY, np.zeros((8, 16), np.uint8), "expected a 16-bit grey PNG"),
        (IMAGE, np.zeros((8, 15, 3), np.uint8), "do not divide by 4"),
    ],
)
def test_wrong_files_are_named(tmp_path, file, pixels, words):
    download = make_cityscapes_download(tmp_path / "download")
    write_png(download / file, pixels)
    with pytest.raises(UserError, match=words):
        prepare(Cityscapes(download), tmp_path / "city", workers=0)


def test_missing_files_are_named_before_work_starts(tmp_path):
    with pytest.raises(UserError, match="--source: .* has no folder leftImg8bit"):
        Cityscapes(tmp_path)
    download = make_cityscapes_download(tmp_path / "download")
    missing = download / "gtFine/val/ulm/ulm_000002_000019_gtFine_labelIds.png"
    missing.unlink()
    with pytest.raises(UserError, match=r"labelIds\.png: missing, but .*png is there; unpack gtFine again"):
        Cityscapes(download)
    Image.new("L", (16, 8)).save(missing)
    for image in (download / "leftImg8bit" / "val").rglob("*.png"):
        image.unlink()
    with pytest.raises(UserError, match="leftImg8bit/val: no files"):
        Cityscapes(download)
