"""The data sets of the measured gains, docs/evidence/, on frames small enough to check by hand."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import REPOSITORY
from small_data import make_nyuv2, settings, whole_samples, write_npy, write_png

from configs import UserError
from dataloaders import open_dataset

FOLDER = REPOSITORY / "docs" / "evidence"
YAML = str(FOLDER / "nyuv2_five.yaml")
KEYS = ("seg13", "normal", "depth", "edge", "occlusion")
SIZE = "data.options={size: [12, 16]}"


@pytest.fixture
def five(evidence_module):
    return evidence_module("nyuv2_five")


@pytest.fixture
def coarse_rooms(evidence_module):
    return evidence_module("sample_five")


def frames(root: Path, count: int = 1) -> Path:
    """Flat grey frames of 24 x 32 pixels; sample i has labels i and depth i + 1."""
    return make_nyuv2(root, count=count, size=(24, 32))


def test_every_target_is_small_and_of_its_scale(tmp_path):
    sample = whole_samples(settings(YAML, frames(tmp_path), SIZE), *KEYS)[0]
    assert {key: tuple(sample[key].shape) for key in KEYS} == {
        key: (1, 3 if key == "normal" else 1, 12, 16) for key in KEYS
    }
    assert sample["seg13"].dtype == torch.int64
    assert sample["seg13"].unique().tolist() == [11]  # label 0 is a wall
    assert sample["depth"].unique().tolist() == [1]
    assert sample["edge"].unique().tolist() == sample["occlusion"].unique().tolist() == [-1]  # flat


def test_images_are_averaged_and_maps_sampled_at_the_middle(five):
    values = torch.arange(12, dtype=torch.uint8).view(1, 2, 6)
    assert five.averaged(values.repeat(3, 1, 1), (1, 2)).tolist() == [[[4, 7]]] * 3  # of 0 1 2 6 7 8 and 3 4 5 9 10 11
    assert five.sampled(values, (1, 2)).tolist() == [[[7, 10]]]
    assert torch.equal(five.sampled(values, (2, 6)), values)


def test_classes(five):
    labels = torch.tensor([[[0, 1, 3, 4, 5, 6, 8, 10, 21, 22, 24, 39, 255]]], dtype=torch.uint8)
    wall, floor, bed, chair, sofa, table, window, picture, ceiling, books, television, objects = (
        11, 4, 0, 3, 8, 9, 12, 7, 2, 1, 10, 6,
    )  # fmt: skip
    expected = [wall, floor, bed, chair, sofa, table, window, picture, ceiling, books, television, objects, 255]
    assert five.thirteen_classes(labels)[0, 0].tolist() == expected
    assert set(five.THIRTEEN) == set(range(13)) and len(five.THIRTEEN) == 40


def test_edges_of_a_ramp_and_of_a_step(five):
    ramp = torch.arange(0, 160, 10, dtype=torch.uint8).expand(3, 12, 16)  # 10 / 255 brighter with every pixel
    inside = five.edges(ramp)[0, :, 6:10]
    assert inside.numpy() == pytest.approx(10 / 255 / five.EDGE_LIMIT * 2 - 1, abs=1e-4)
    step = torch.zeros(3, 12, 16, dtype=torch.uint8)
    step[0, :, 8:] = 255  # blue, whose share of the brightness is 0.114
    beside = 0.114 * (0.24197 + 2 * 0.05399 + 3 * 0.00443)  # x times a Gaussian's density at x, for x = 1, 2, 3
    assert five.edges(step)[0, 0, 7:9].tolist() == pytest.approx([beside / five.EDGE_LIMIT * 2 - 1] * 2, abs=1e-3)
    step[:, :, 8:] = 255
    assert five.edges(step)[0, 0, 7:9].tolist() == [1, 1]


def test_occlusion_edges_see_relative_depth(five):
    ratio = 1.02
    near = torch.tensor([ratio**x for x in range(16)]).expand(1, 12, 16)
    inside = math.log(ratio) / five.OCCLUSION_LIMIT * 2 - 1
    for depth in (near, 5 * near):
        assert five.occlusion_edges(depth)[0, :, 6:10].numpy() == pytest.approx(inside, abs=1e-4)
    jump = torch.ones(1, 12, 16)
    jump[..., 8:] = 3
    assert five.occlusion_edges(jump)[0, 0, 7:9].tolist() == [1, 1]


def test_pixels_near_missing_depth_are_ignored(five):
    depth = torch.ones(1, 12, 16)
    depth[0, 0, 0] = 0
    result = five.occlusion_edges(depth)[0]
    assert (result[:5, :5] == 255).all()
    assert (result[5:] == -1).all() and (result[:, 5:] == -1).all()


def test_frames_are_chosen_evenly(tmp_path):
    config = settings(YAML, frames(tmp_path, count=7), "data.options={size: [12, 16], num_train: 3, num_test: 1}")
    train, test = (open_dataset(config, split, ["edge", "occlusion"]) for split in ("train", "test"))
    assert [train.name(index) for index in range(len(train))] == ["0000.png", "0002.png", "0004.png"]
    assert len(test) == 1
    assert train.read(1, "img").unique().tolist() == [2]
    assert train.source(1, "edge") == str(tmp_path / "img" / "0002.png")
    assert train.source(1, "occlusion") == str(tmp_path / "depth" / "0002.npy")


def test_only_the_files_of_the_wanted_keys_are_read(tmp_path):
    root = frames(tmp_path)
    for folder in ("seg", "normal_mask", "depth"):
        next((root / folder).iterdir()).unlink()
    assert whole_samples(settings(YAML, root, SIZE), "edge")[0]["edge"].shape == (1, 1, 12, 16)


@pytest.mark.parametrize("name", ["nyuv2_five", "sample_five"])
def test_the_settings_differ_in_their_weights_alone(name):
    plain, equal = (settings(str(FOLDER / f"{name}{suffix}.yaml"), FOLDER) for suffix in ("", "_equal"))
    left, right = (config.model_dump(exclude={"name"}) for config in (plain, equal))
    for tasks in (left["tasks"], right["tasks"]):
        for task in tasks.values():
            del task["weight"]
    assert left == right


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("{size: 12}", "data.options.size: 12"),
        ("{size: [12, 0]}", "data.options.size"),
        ("{num_test: 2}", "data.options.num_test: 2 is not a number of frames from 1 to 1"),
        ("{num_tests: 1}", "data.options.num_tests: unknown option"),
    ],
)
def test_wrong_options_are_named(tmp_path, options, words):
    with pytest.raises(UserError, match=words.replace("[", r"\[")):
        open_dataset(settings(YAML, frames(tmp_path), f"data.options={options}"), "test", ["edge"])


def test_a_damaged_file_is_named(tmp_path):
    root = frames(tmp_path)
    write_png(root / "seg" / "0000.png", np.full((24, 32), 77, np.uint8))
    with pytest.raises(UserError, match=r"seg/0000\.png: holds the label 77"):
        whole_samples(settings(YAML, root, SIZE), "seg13")
    write_npy(root / "depth" / "0000.npy", np.full((24, 32), 1.0))
    with pytest.raises(UserError, match=r"depth/0000\.npy"):
        whole_samples(settings(YAML, root, SIZE), "occlusion")


def test_depth_of_rooms_is_a_logarithm_around_three_metres(coarse_rooms):
    depth = torch.tensor([3, 6, 1.5, 3 * 2**0.5]) * 512
    assert coarse_rooms.decode_log_depth(depth).tolist() == pytest.approx([0, 1, -1, 0.5])
    assert coarse_rooms.decode_log_depth(torch.tensor([64500, 65535, 0])).tolist()[:2] == [255, 255]


def test_fine_maps_are_averaged(coarse_rooms):
    dot = torch.zeros(1, 20, 20, dtype=torch.int32)
    dot[0, 10, 12] = 810
    means = coarse_rooms.coarse(dot)
    assert means[0, 6:15, 8:17].numpy() == pytest.approx(10)  # 810 over 9 x 9
    assert means.sum().item() == pytest.approx(810)


def test_rooms_have_coarse_targets_and_what_the_sample_has(rooms):
    here = ["data.options={size: 48}"]
    coarse, plain = (
        whole_samples(settings(name, rooms, *here), "seg", "normal", "keypoint", "edge", key)[0]
        for name, key in ((str(FOLDER / "sample_five.yaml"), "log_depth"), ("sample", "depth"))
    )
    for key in ("img", "seg", "normal"):
        assert torch.equal(coarse[key], plain[key])
    for key in ("keypoint", "edge"):
        assert coarse[key].std() < plain[key].std()
    assert coarse["log_depth"].abs().max() < 4
    metres = (2 ** (16 * plain["depth"]) - 1) / 512
    torch.testing.assert_close(coarse["log_depth"], (metres / 3).log2(), atol=1e-3, rtol=0)
