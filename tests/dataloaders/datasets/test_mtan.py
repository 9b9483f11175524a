"""MTAN's arrays: values, invalid pixels, mirroring, and what can be wrong with a copy."""

from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import Script
from small_data import make_mtan, settings, whole_samples, write_npy

from configs import UserError
from dataloaders import open_dataset, training_loader
from dataloaders.datasets.mtan import decode_normals, mirror_normals
from tasks import build_tasks


def test_values_and_types(tmp_path: Path) -> None:
    root = make_mtan(tmp_path, count=2)
    write_npy(root / "val" / "image" / "1.npy", np.full((4, 6, 3), (0.2, 0.4, 1.0)))
    samples = whole_samples(settings("nyuv2_mtan", root), "seg", "depth", "normal")
    assert [sample["name"] for sample in samples] == [["0.npy"], ["1.npy"]]
    assert samples[1]["img"][0, :, 0, 0].tolist() == pytest.approx([0.2, 0.4, 1.0])  # RGB in [0, 1]
    assert samples[1]["seg"].dtype == torch.int64 and samples[1]["seg"].unique().tolist() == [-1, 1]
    assert samples[1]["depth"].shape == (1, 1, 4, 6) and samples[1]["depth"].unique().tolist() == [0, 2]
    assert samples[0]["normal"][0, :, 0, 1].tolist() == pytest.approx([0.6, 0, 0.8])


def test_more_than_ten_come_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    dataset = open_dataset(settings("nyuv2_mtan", make_mtan(tmp_path, count=12)), "train", ["seg"])
    assert len(dataset) == 12
    assert [int(dataset.read(index, "seg").max()) for index in (2, 10, 11)] == [2, 10, 11]


def test_pixels_without_a_normal_stay_invalid_when_mirrored() -> None:
    normals = decode_normals(torch.tensor([[[0.0, 0.6, 0.0]], [[0.0, 0.0, 1.0]], [[0.0, 0.8, 0.0]]]))
    assert mirror_normals(normals)[:, 0].tolist() == [
        [255, pytest.approx(-0.6), 0], [255, 0, 1], [255, pytest.approx(0.8), 0]
    ]  # fmt: skip


def test_losses_leave_out_invalid_pixels_and_padding(tmp_path: Path) -> None:
    config = settings("nyuv2_mtan", make_mtan(tmp_path, count=1), "data.crop=[8, 8]", "data.scale=[1, 1]")
    tasks = build_tasks(config, None)
    [batch] = training_loader(config, ["seg", "depth", "normal"], [0], batch_size=1, seed=0, num_workers=0)
    best = {"seg": torch.tensor([100.0] + [0] * 12), "depth": torch.tensor([1.0])}
    sides = {float(batch["normal"][0, 0, 1, 1])}  # 0.6, or -0.6 where it was mirrored
    best["sn"] = torch.tensor([sides.pop(), 0.0, 0.8])
    for name, values in best.items():
        prediction = values[None, :, None, None].expand(-1, -1, 8, 8)
        assert float(tasks[name].loss(prediction, batch)) == pytest.approx(0, abs=1e-6), name


@pytest.mark.parametrize(("dataset", "expected"), [("nyuv2_mtan", 0.5), ("cityscapes_mtan", 2.0)])
def test_what_is_enlarged_is_nearer(tmp_path: Path, dataset: str, expected: float) -> None:
    config = settings(dataset, make_mtan(tmp_path, count=1), "data.scale=[2, 2]", "data.crop=[8, 12]")
    [batch] = training_loader(config, ["depth"], [0], batch_size=1, seed=0, num_workers=0)
    assert batch["depth"].unique().tolist() == [0, expected]  # 1 metre, or 1 in a metre


@pytest.mark.parametrize(("folder", "num_classes"), [("label", 7), ("label_7", 7), ("label_19", 19), ("label_2", 2)])
def test_cityscapes_labels_lie_in_either_folder(tmp_path: Path, folder: str, num_classes: int) -> None:
    root = make_mtan(tmp_path, count=1)
    for split in ("train", "val"):
        write_npy(root / split / "label" / "0.npy", np.full((4, 6), 6.0))
        write_npy(root / split / folder / "0.npy", np.full((4, 6), num_classes - 1.0))
    config = settings("cityscapes_mtan", root, f"data.options.num_classes={num_classes}")
    assert whole_samples(config, "seg")[0]["seg"].unique().tolist() == [num_classes - 1]


def test_cityscapes_has_no_normals(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="CityscapesMtan has no 'normal'.* it has seg, depth"):
        open_dataset(settings("cityscapes_mtan", make_mtan(tmp_path)), "train", ["normal"])
    with pytest.raises(UserError, match="num_classes: 8 is not one of 2, 7, 19"):
        open_dataset(settings("cityscapes_mtan", tmp_path, "data.options.num_classes=8"), "train", [])


def test_an_incomplete_copy_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"train/image: cannot be read: No such file.*--data_root"):
        open_dataset(settings("nyuv2_mtan", tmp_path), "train", [])
    root = make_mtan(tmp_path, count=4)
    (root / "val" / "image" / "1.npy").unlink()
    with pytest.raises(UserError, match=r"val/image: 1\.npy is missing, but there is a 3\.npy"):
        open_dataset(settings("nyuv2_mtan", root), "test", [])
    for file in (root / "train" / "image").iterdir():
        file.unlink()
    with pytest.raises(UserError, match=r"train/image: holds no 0\.npy"):
        open_dataset(settings("nyuv2_mtan", root), "train", [])
    write_npy(root / "train" / "image" / "0.npy", np.full((4, 6, 3), 200.0))
    with pytest.raises(UserError, match=r"0\.npy: image values from 200 to 200; expected RGB in \[0, 1\]"):
        open_dataset(settings("nyuv2_mtan", root), "train", []).sample(0)
    write_npy(root / "train" / "label" / "0.npy", np.full((4, 6), 13.0))
    with pytest.raises(UserError, match=r"label/0\.npy: holds the label 13; expected 0\.\.12 or -1"):
        open_dataset(settings("nyuv2_mtan", root), "train", ["seg"]).read(0, "seg")


@pytest.mark.parametrize("dataset", ["nyuv2_mtan", "cityscapes_mtan"])
def test_the_published_settings_run(tmp_path: Path, run_script: Script, dataset: str) -> None:
    small = ["data.crop=[32, 40]", "data.batch_size=2", "model.width=4", "model.head_channels=4"]
    root = make_mtan(tmp_path / "data", count=2, size=(32, 40))
    result = run_script(
        "static_similarity.py", "--dataset", dataset, "--data_root", root,
        "--num_batches", 1, "--num_seeds", 1, "--num_workers", 0, *(word for s in small for word in ("--set", s)),
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
