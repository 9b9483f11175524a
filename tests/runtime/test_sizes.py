"""The sizes of all images are looked at before work starts, once."""

from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import Script, assert_user_error
from small_data import make_mtan, make_nyuv2, make_taskonomy, settings, write_npy, write_png

from configs import UserError
from dataloaders import open_dataset
from dataloaders.datasets.nyuv2 import NYUv2
from runtime.sizes import check_sizes

KEYS = ("seg", "depth")


@pytest.fixture
def looked_at(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, str]]:
    """The samples and keys whose headers are read."""
    seen: list[tuple[int, str]] = []
    usual = NYUv2.image_size

    def image_size(self: NYUv2, index: int, key: str) -> tuple[int, int]:
        seen.append((index, key))
        return usual(self, index, key)

    monkeypatch.setattr(NYUv2, "image_size", image_size)
    return seen


def check(
    root: Path, dest: Path, split: str = "train", *overrides: str, dataset: str = "nyuv2", world: int = 1
) -> None:
    check_sizes(settings(dataset, root, *overrides), split, KEYS, world, dest)


def test_every_file_is_looked_at_once(tmp_path: Path, looked_at: list) -> None:
    root = make_nyuv2(tmp_path / "data")
    check(root, tmp_path)
    assert sorted(looked_at) == [(index, key) for index in range(3) for key in ("depth", "img", "seg")]
    check(root, tmp_path)
    assert len(looked_at) == 9
    check(root, tmp_path, "test")
    assert len(looked_at) == 18
    write_png(root / "seg" / "new.png", np.zeros((6, 8), np.uint8))  # the folder has changed
    check(root, tmp_path)
    assert len(looked_at) == 27
    make_nyuv2(root, count=4)
    check(root, tmp_path)
    assert len(looked_at) == 27 + 12


def test_of_damaged_files_the_header_is_told_beforehand_and_the_rest_when_it_is_read(tmp_path: Path) -> None:
    """As docs/data.md says."""
    root = make_nyuv2(tmp_path / "data")
    for name in ("img/0002.png", "depth/0001.npy"):
        (root / name).write_bytes((root / name).read_bytes()[:-30])
    check(root, tmp_path)
    dataset = open_dataset(settings("nyuv2", root), "train", KEYS)
    for index, key, name in ((2, "img", "0002.png"), (1, "depth", "0001.npy")):
        with pytest.raises(UserError, match=f"{key}/{name}: .*fetch it again"):
            dataset.read(index, key)
    (root / "img" / "0002.png").write_bytes((root / "img" / "0002.png").read_bytes()[:10])
    with pytest.raises(UserError, match=r"img/0002\.png"):
        check(root, tmp_path / "anew")


def test_wrong_sizes_and_files_are_named_and_looked_at_again(tmp_path: Path) -> None:
    root = make_nyuv2(tmp_path / "data")
    write_npy(root / "depth" / "0002.npy", np.ones((6, 7), np.float32))
    for _ in range(2):
        with pytest.raises(UserError, match=r"depth/0002\.npy: 6 x 7 pixels, but the image .*img/0002\.png has 6 x 8"):
            check(root, tmp_path)
    check(root, tmp_path, "train", "data.on_error=skip")
    (root / "depth" / "0002.npy").unlink()
    with pytest.raises(UserError, match=r"depth/0002\.npy: cannot be read: No such file"):
        check(root, tmp_path)


def test_images_that_cannot_be_evaluated_together(tmp_path: Path) -> None:
    root = make_nyuv2(tmp_path / "data", count=4)
    for index in (2, 3):
        write_png(root / "img" / f"{index:04}.png", np.zeros((4, 4, 3), np.uint8))
        write_png(root / "seg" / f"{index:04}.png", np.zeros((4, 4), np.uint8))
        write_npy(root / "depth" / f"{index:04}.npy", np.zeros((4, 4), np.float32))
    check(root, tmp_path, "train")
    check(root, tmp_path, "test", "train.eval_batch_size=2")  # 0 with 1, 2 with 3
    with pytest.raises(UserError, match=r"6 x 8 in '0000\.png', 4 x 4 in '0002\.png'.*eval_batch_size=1"):
        check(root, tmp_path, "test", "train.eval_batch_size=2", world=2)  # 0 with 2
    with pytest.raises(UserError, match="differ in size"):
        check(root, tmp_path, "test", "train.eval_batch_size=3")
    check(root, tmp_path, "test", "train.eval_batch_size=1")


def test_data_sets_that_resize_and_arrays(tmp_path: Path) -> None:
    root = make_taskonomy(tmp_path / "taskonomy", 4, segmentsemantic=np.ones((8, 8), np.uint8))
    check(root, tmp_path, dataset="taskonomy")
    (root / "house/segmentsemantic/point_0_view_0_domain_segmentsemantic.png").write_bytes(b"")
    with pytest.raises(UserError, match="segmentsemantic.png: not a PNG or JPEG file"):
        check(root, tmp_path / "other", dataset="taskonomy")
    mtan = make_mtan(tmp_path / "mtan")
    write_npy(mtan / "train" / "label" / "1.npy", torch.zeros(5, 6).numpy())
    with pytest.raises(UserError, match=r"label/1\.npy: 5 x 6 pixels"):
        check(mtan, tmp_path, dataset="nyuv2_mtan")


def test_scripts_look_before_they_work(tmp_path: Path, run_script: Script) -> None:
    root = make_nyuv2(tmp_path / "data", size=(40, 40))
    write_npy(root / "depth" / "0002.npy", np.ones((39, 40), np.float32))
    flags = ["--dataset", "nyuv2", "--data_root", root, "--num_workers", 0, "--set", "model.width=4"]
    for script in ("static_similarity.py", "launch_training.py"):
        assert_user_error(run_script(script, *flags), "depth/0002.npy: 39 x 40 pixels", "correct the file")
