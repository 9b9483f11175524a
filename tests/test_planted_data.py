"""The planted tasks of docs/evidence/planted*.yaml are what docs/relatedness.md says of them."""

import importlib

import numpy as np
import pytest
import torch
from conftest import REPOSITORY, Script, tiny
from small_data import make_nyuv2, settings, whole_samples, write_png

from dataloaders import open_dataset
from reports.relatedness.file import array, read_relatedness

FOLDER = REPOSITORY / "docs" / "evidence"
KINDS = ("negative", "coarse", "other", "noise")
DEPTHS = ("log_depth", *(f"log_depth_{kind}" for kind in KINDS))
CLASSES = ("seg13", *(f"seg13_{kind}" for kind in KINDS))


@pytest.fixture
def planted(evidence_module):
    return evidence_module("planted")


@pytest.fixture
def labelled(tmp_path):
    """Eight NYUv2 frames of 24 x 32 pixels whose labels go from 0 to 39 within each row, from another start in each."""
    root = make_nyuv2(tmp_path / "nyuv2", count=8, size=(24, 32))
    for i in range(8):
        labels = ((np.arange(32) + 5 * i) % 40).astype(np.uint8)
        labels[:2] = 255
        write_png(root / "seg" / f"{i:04}.png", np.tile(labels, (24, 1)))
    return settings(str(FOLDER / "planted_classes.yaml"), root, "data.options={size: [24, 32]}")


def test_what_is_planted_beside_depth(rooms):
    config = settings(str(FOLDER / "planted_rooms.yaml"), rooms, "data.options={size: 48}")
    samples = whole_samples(config, *DEPTHS)
    again = whole_samples(config, *DEPTHS)
    half = len(samples) // 2
    for i, sample in enumerate(samples):
        depth, negative, coarse, other, noise = (sample[key] for key in DEPTHS)
        valid = depth != 255
        assert torch.equal(negative[valid], -depth[valid])
        assert coarse[valid].std() < depth[valid].std() and abs(coarse[valid].mean() - depth[valid].mean()) < 0.3
        assert torch.equal(other, samples[(i + half) % len(samples)]["log_depth"]) and not torch.equal(other, depth)
        assert torch.equal(noise, again[i]["log_depth_noise"]), "the same whenever the picture comes again"
        assert all((sample[key] == 255).equal(~valid) for key in DEPTHS if not key.endswith("other"))
    drawn = torch.stack([sample["log_depth_noise"] for sample in samples])
    assert 0.2 < drawn[drawn != 255].std() < 1.5 and not torch.equal(drawn[0], drawn[1])


def test_what_is_planted_beside_classes(planted, labelled):
    samples = whole_samples(labelled, *CLASSES)
    for i, sample in enumerate(samples):
        classes, negative, coarse, other, noise = (sample[key] for key in CLASSES)
        valid = classes != 255
        assert torch.equal(negative[valid], (classes[valid] + 12) % 13), "the same regions under other numbers"
        assert torch.equal(coarse[valid], torch.tensor(planted.THREE_OF_THIRTEEN)[classes[valid]])
        assert torch.equal(other, samples[(i + len(samples) // 2) % len(samples)]["seg13"])
        assert noise[valid].max() < 13 and len(noise[valid].unique()) > 6
        assert all((sample[key] == 255).equal(~valid) for key in CLASSES if not key.endswith("other"))


def test_results_depend_on_the_file_of_the_other_picture(labelled):
    data = open_dataset(labelled, "train", CLASSES)
    names = [[path.name for path in data.sources(0, key)] for key in ("seg13", "seg13_other", "seg13_noise")]
    assert names == [["0000.png"], [f"{len(data) // 2:04}.png"], ["0000.png"]]


def test_the_targets_alone_put_them_in_the_right_order(rooms, run_script: Script, tmp_path):
    yaml = str(FOLDER / "planted_rooms.yaml")
    flags = ["--dataset", yaml, *tiny(rooms), "--set", "data.scale=[1,1]", "--num_batches", 2, "--replicates", 2]
    done = run_script("task_relatedness.py", *flags, "--estimators", "labels,readout", "--dest", "out")
    assert done.returncode == 0, done.stderr
    file = read_relatedness(tmp_path / "out" / "relatedness.json")
    means = dict(zip(file.tasks, array(file.estimators["labels"].values).mean(0)[0], strict=True))
    assert means["copy"] > 0.99 and means["negative"] > 0.99, "both tell everything about depth"
    assert means["copy"] > means["coarse"] > max(means["other"], means["noise"])
    read = dict(zip(file.tasks, array(file.estimators["readout"].values).mean(0)[0], strict=True))
    assert read["copy"] > 0.99 > max(read["coarse"], read["other"], read["noise"])
    table = importlib.import_module("docs.evidence.planted_table")
    row = table.row("labels", file.estimators["labels"], file.tasks, list(table.EXPECTED))
    assert row[-2:] == ["2 of 2"] * 2 and row[2].startswith("100 % ±")


def test_noise_beside_normals_are_directions_that_no_other_picture_has(rooms):
    samples = whole_samples(settings(str(FOLDER / "planted_kitchen.yaml"), rooms), "normal", "normal_noise")
    drawn = torch.stack([sample["normal_noise"][0] for sample in samples])
    assert drawn.shape[1:] == samples[0]["normal"].shape[1:] == (3, 128, 128)
    torch.testing.assert_close(drawn.norm(dim=1), torch.ones_like(drawn[:, 0]))
    assert (drawn[0] - drawn[1]).abs().mean() > 0.3 and abs(drawn.mean()) < 0.2
