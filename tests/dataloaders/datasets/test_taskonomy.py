"""Taskonomy: values, real frames without labels, both layouts, and mirrored normals."""

import json
import math

import numpy as np
import pytest
import torch
from small_data import TASKONOMY_DOMAINS, make_taskonomy, settings, whole_samples

from configs import UserError
from dataloaders import training_loader
from dataloaders.datasets.taskonomy import mirror_normals
from dataloaders.readers import read_grey16

KEYS = ("seg", "normal", "depth", "depth_mask", "keypoint", "edge")


def test_reference_values(reference):
    reference.check("taskonomy", *KEYS)


def test_real_frames_without_labels(shared):
    config = settings("taskonomy", shared / "data" / "redkitchen")
    keys = ("normal", "depth", "depth_mask", "keypoint", "edge")
    batches = training_loader(config, keys, range(1), batch_size=2, seed=0, num_workers=0)
    batch = next(iter(batches))
    assert batch["normal"].shape == (2, 3, 224, 224) and batch["name"][0].startswith("redkitchen-rgb-point_0")
    ignored = batch["normal"].amax(1) == 255
    lengths = batch["normal"].norm(dim=1)[~ignored]
    assert (lengths - 1).abs().mean() < 0.05
    with pytest.raises(UserError, match="segmentsemantic/point_0_view_.*_domain_segmentsemantic.png: cannot be read"):
        whole_samples(config, "seg")


def test_values_by_hand(tmp_path):
    pixels = {
        "rgb": np.full((2, 2, 3), (10, 20, 30), np.uint8),
        "segmentsemantic": np.array([[0, 1], [2, 17]], np.uint8),
        "normal": np.full((2, 2, 3), (0, 51, 255), np.uint8),
        "depth_zbuffer": np.array([[0, 512], [64499, 64500]], np.uint16),
        "keypoints2d": np.array([[0, 164], [327, 65535]], np.uint16),
        "edge_texture": np.array([[0, 2621], [5242, 65535]], np.uint16),
    }
    root = make_taskonomy(tmp_path, 2, **pixels)
    sample = {k: v[0] for k, v in whole_samples(settings("taskonomy", root, "data.options.size=2"), *KEYS)[0].items()}
    mean = torch.tensor([104.00698793, 116.66876762, 122.67891434])
    torch.testing.assert_close(sample["img"][:, 0, 0], torch.tensor([30.0, 20.0, 10.0]) - mean)
    assert sample["seg"].dtype == torch.int64 and sample["seg"].flatten().tolist() == [0, 0, 1, 16]
    assert sample["normal"][:, 1, 1].tolist() == pytest.approx([-1, -0.6, 1])
    depth = [0, math.log(513) / math.log(65536), math.log(64500) / math.log(65536), math.log(64501) / math.log(65536)]
    assert sample["depth"].flatten().tolist() == pytest.approx(depth)
    assert sample["depth_mask"].flatten().tolist() == [1, 1, 1, 0]
    keypoint = [-1, 164 / 65536 / 0.005 * 2 - 1, 327 / 65536 / 0.005 * 2 - 1, 1]
    assert sample["keypoint"].flatten().tolist() == pytest.approx(keypoint)
    edge = [-1, 2621 / 65536 / 0.08 * 2 - 1, 5242 / 65536 / 0.08 * 2 - 1, 1]
    assert sample["edge"].flatten().tolist() == pytest.approx(edge)


def test_everything_is_resized_to_the_nearest_pixel(tmp_path):
    coordinates = np.arange(24, dtype=np.uint8).reshape(4, 6) % 17 + 1
    root = make_taskonomy(tmp_path, 4, segmentsemantic=coordinates)
    small = whole_samples(settings("taskonomy", root, "data.options.size=3"), "seg")[0]
    assert small["img"].shape == (1, 3, 3, 3)
    # floor(i * 4 / 3) = 0, 1, 2 down and floor(i * 6 / 3) = 0, 2, 4 across
    assert (small["seg"][0, 0] + 1).tolist() == coordinates[[0, 1, 2]][:, [0, 2, 4]].tolist()
    large = whole_samples(settings("taskonomy", root, "data.options.size=8"), "seg")[0]["seg"][0, 0] + 1
    assert large[:, 0].tolist() == np.repeat(coordinates[:, 0], 2).tolist()


def test_both_layouts_give_the_same(tmp_path):
    rng = np.random.default_rng(0)
    pixels = {domain: rng.integers(1, 18, (4, 4), np.uint16) for domain in TASKONOMY_DOMAINS[3:]}
    pixels["segmentsemantic"] = rng.integers(0, 18, (4, 4), np.uint8)
    one, other = (
        whole_samples(settings("taskonomy", make_taskonomy(tmp_path / name, omnidata=name == "o", **pixels)), *KEYS)[0]
        for name in ("a", "o")
    )
    assert (tmp_path / "o" / "segment_semantic" / "taskonomy" / "house").is_dir()
    assert one["name"] == other["name"] == ["house-rgb-point_0_view_0_domain_rgb.png"]
    for key in ("img", *KEYS):
        assert torch.equal(one[key], other[key]), key


def test_a_missing_domain_matters_only_to_its_task(tmp_path):
    root = make_taskonomy(tmp_path, edge_texture=None)
    assert whole_samples(settings("taskonomy", root), "depth", "depth_mask", "normal")
    with pytest.raises(UserError, match=r"house/edge_texture/.*edge_texture\.png: cannot be read"):
        whole_samples(settings("taskonomy", root), "edge")


def test_depth_and_its_mask_come_from_one_reading(tmp_path, monkeypatch):
    opened = []
    place = "dataloaders.datasets.taskonomy.read_grey16"
    monkeypatch.setattr(place, lambda path: opened.append(path) or read_grey16(path))
    whole_samples(settings("taskonomy", make_taskonomy(tmp_path)), "depth", "depth_mask")
    assert len(opened) == 1


@pytest.mark.parametrize(
    ("domain", "pixels", "message"),
    [
        ("segmentsemantic", np.full((4, 4), 18, np.uint8), r"holds the label 18; expected 0..17;"),
        ("depth_zbuffer", np.zeros((4, 4), np.uint8), "expected a 16-bit grey PNG, found 8-bit grey"),
        ("keypoints2d", np.zeros((4, 4, 3), np.uint8), "expected a 16-bit grey PNG, found 8-bit colour"),
        ("normal", np.zeros((4, 4), np.uint8), "expected an 8-bit colour"),
    ],
)
def test_wrong_files(tmp_path, domain, pixels, message):
    root = make_taskonomy(tmp_path, **{domain: pixels})
    with pytest.raises(UserError, match=message) as caught:
        whole_samples(settings("taskonomy", root), *KEYS)
    assert f"_domain_{domain}.png" in str(caught.value)


def test_a_path_that_leaves_the_root_in_three_parts(tmp_path):
    root = make_taskonomy(tmp_path / "data")
    (root / "taskonomy.json").write_text(json.dumps({"train": [["../../x"] * 6], "test": [["../../x"] * 6]}))
    with pytest.raises(UserError, match="leaves the data root"):
        whole_samples(settings("taskonomy", root))


def test_mirrored_normals_by_hand():
    normals = torch.tensor([[0.25, -1.0], [0.5, 0.0], [-0.75, 0.0]])[:, None]
    assert mirror_normals(normals)[:, 0].tolist() == [[-0.25, 1.0], [0.5, 0.0], [-0.75, 0.0]]


def test_padding_of_a_mirrored_sample_is_ignored(tmp_path):
    root = make_taskonomy(tmp_path, 4)
    overrides = ("data.options.size=4", "data.crop=8", "data.scale=[1, 1]", "data.mirror=1")
    config = settings("taskonomy", root, *overrides)
    batch = next(iter(training_loader(config, KEYS, range(1), batch_size=1, seed=0, num_workers=0)))
    padding = torch.ones(8, 8, dtype=torch.bool)
    padding[:4, :4] = False
    for key in ("seg", "normal", "depth", "keypoint", "edge"):
        assert (batch[key][0][:, padding] == 255).all(), key
        assert (batch[key][0][:, ~padding] != 255).all(), key
    assert torch.equal(batch["depth_mask"][0, 0] == 0, padding)
    assert (batch["img"][0][:, padding] == 0).all()


@pytest.mark.parametrize("value", ["0", "-1", "big", "1.5"])
def test_an_impossible_size(tmp_path, value):
    with pytest.raises(UserError, match="data.options.size"):
        whole_samples(settings("taskonomy", make_taskonomy(tmp_path), f"data.options.size={value}"))
