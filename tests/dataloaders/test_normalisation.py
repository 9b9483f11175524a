"""Order of channels, mean and standard deviation: settings of a data set."""

from pathlib import Path

import numpy as np
import pytest
import torch
from small_data import make_nyuv2, settings, whole_samples, write_png

from configs import UserError
from dataloaders.normalisation import Normalisation

BLUE, GREEN, RED = 104.00698793, 116.66876762, 122.67891434


def pixel(root: Path, *overrides: str) -> list[float]:
    """What networks see of a picture of red 10, green 20, blue 30."""
    write_png(make_nyuv2(root, count=1, size=(2, 3)) / "img" / "0000.png", np.full((2, 3, 3), (10, 20, 30), np.uint8))
    return whole_samples(settings("nyuv2", root, *overrides))[0]["img"][0, :, 0, 0].tolist()


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        ([], [30 - BLUE, 20 - GREEN, 10 - RED]),
        (["data.channels=bgr"], [30 - BLUE, 20 - GREEN, 10 - RED]),
        (["data.channels=rgb"], [10 - RED, 20 - GREEN, 30 - BLUE]),
        (["data.mean=[1, 2, 3]"], [29, 18, 7]),
        (["data.channels=rgb", "data.mean=[1, 2, 3]"], [9, 18, 27]),
        (["data.channels=rgb", "data.mean=[0, 0, 0]", "data.std=[5, 10, 20]"], [2, 2, 1.5]),
        (["data.std=[2, 4, 8]"], [(30 - BLUE) / 2, (20 - GREEN) / 4, (10 - RED) / 8]),
    ],
)
def test_what_networks_see(tmp_path: Path, overrides: list[str], expected: list[float]) -> None:
    assert pixel(tmp_path, *overrides) == pytest.approx(expected, abs=1e-4)


def test_the_published_way_is_a_subtraction_and_no_more() -> None:
    picture = torch.randint(0, 256, (3, 4, 5), dtype=torch.uint8)
    assert torch.equal(Normalisation()(picture), picture - torch.tensor([BLUE, GREEN, RED])[:, None, None])


def test_a_class_that_reads_rgb_keeps_its_mean_by_colour() -> None:
    own = Normalisation("rgb", (1, 2, 3), (4, 5, 6))
    assert own.changed(None, None, None) == own
    assert own.changed("bgr", None, None) == Normalisation("bgr", (3, 2, 1), (6, 5, 4), reversing=True)
    assert own.changed("bgr", (7, 8, 9), None).mean == (7, 8, 9)


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("data.mean=[0.485, 0.456, 0.406]", r"data\.mean.*pixels in 0\.\.255; multiply"),
        ("data.std=[0.229, 0.224, 0.225]", r"data\.std.*multiply"),
        ("data.std=[0, 1, 1]", r"data\.std"),
        ("data.mean=[1, 2]", r"data\.mean"),
        ("data.channels=grb", r"data\.channels"),
    ],
)
def test_impossible_settings_are_named(tmp_path: Path, override: str, words: str) -> None:
    with pytest.raises(UserError, match=words):
        settings("nyuv2", tmp_path, override)
