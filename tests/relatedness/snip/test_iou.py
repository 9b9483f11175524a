"""The IoU over all tasks: counts by hand, the watershed, which layers are left out, files and pictures."""

from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from configs import ModelConfig, UserError
from models import build_network
from prune_utils.layers import shared_weights
from relatedness.snip.iou import compared_layers, layer_ious, total_iou, watershed
from reports.iou import IoUFile, LayerIoU
from reports.similarity.layer_figures import draw_ious, draw_sparsity
from reports.sparsity import sparsity_by_layer, sparsity_by_part, sparsity_text

# Of ten weights each, a keep ratio of 0.4 keeps those of 6 and more.
SCORES = {
    "a": {"one": [9, 8, 7, 1], "two": [6, 1, 1], "three": [0, 0], "heads.a": [1]},
    "b": {"one": [8, 9, 1, 1], "two": [1, 6, 1], "three": [0, 0], "heads.b": [7]},
    "c": {"one": [7, 9, 8, 1], "two": [1, 1, 6], "three": [0, 0], "heads.c": [1]},
}


def layers(*values: float | None) -> list[LayerIoU]:
    return [
        LayerIoU(name=f"l{i}", weights=10, kept_by_all=1, kept_by_any=1, iou=value) for i, value in enumerate(values)
    ]


def report(**changes: Any) -> IoUFile:
    found = layers(0.9, 0.8, 0.3, None, 0.2)
    values = {
        "dataset": "rooms", "tasks": ["a", "b"], "keep_ratio": 0.078, "num_batches": 5, "seed": 0, "layers": found,
        "total": 0.5, "watershed": "l1", "config": {}, "provenance": {}, **changes,
    }  # fmt: skip
    return IoUFile(**values)


def test_counts_by_hand() -> None:
    scores = {
        task: {name: torch.tensor(values, dtype=torch.float) for name, values in task_scores.items()}
        for task, task_scores in SCORES.items()
    }
    found = layer_ious(scores, ["one", "two", "three"], 0.4)
    counts = [(layer.weights, layer.kept_by_all, layer.kept_by_any) for layer in found]
    assert counts == [(4, 2, 3), (3, 0, 3), (2, 0, 0)]
    assert [layer.iou for layer in found] == [2 / 3, 0.0, None]
    assert total_iou(found) == 2 / 6
    assert total_iou(found[2:]) is None
    assert watershed(found) == "one"
    assert layer_ious({"a": scores["a"], "c": scores["c"]}, ["one"], 0.4)[0].iou == 1.0


def test_watershed() -> None:
    assert watershed(layers(0.9, 0.8, 0.3, 0.2)) == "l1"
    assert watershed(layers(1.0, 0.5, 0.0)) == "l0"  # the first of equals
    assert watershed(layers(0.9, None, 0.2, 0.1)) == "l0"  # an undefined layer is passed over
    assert watershed(layers(0.1, 0.2, 0.2)) is None
    assert watershed(layers(0.5)) is None and watershed([]) is None


@pytest.mark.parametrize(
    ("backbone", "left_out"),
    [
        ("deeplab_resnet", {f"backbone.ds.{stage}.0.weight" for stage in (1, 2, 3)}),
        ("resnet18", {f"backbone.layer{stage}.0.downsample.0.weight" for stage in (2, 3, 4)}),
        ("resnet50", {f"backbone.layer{stage}.0.downsample.0.weight" for stage in (1, 2, 3, 4)}),
    ],
)
def test_down_sampling_layers_are_left_out(backbone: str, left_out: set[str]) -> None:
    net = build_network(ModelConfig(backbone=backbone, width=4, head_channels=4), {"a": 1})
    compared = compared_layers(net)
    everything = list(shared_weights(net))
    assert set(everything) - set(compared) == left_out
    assert compared == [name for name in everything if name not in left_out]


def test_a_backbone_that_names_no_shortcuts_is_compared_whole() -> None:
    net = build_network(ModelConfig(width=4, head_channels=4), {"a": 1})
    net.backbone = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 1))
    assert compared_layers(net) == ["backbone.0.weight"]


def test_files_are_read_back(tmp_path: Path) -> None:
    path = tmp_path / "iou.json"
    report().write(path)
    assert IoUFile.read(path) == report()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "no such file; iou_analysis.py writes it"),
        ("{", "not JSON, or cut short"),
        ('{"schema": 1}', "not an IoU analysis: dataset: missing"),
        (report(layers=layers(0.5)).model_dump_json(by_alias=True).replace("0.5", "1.5"), "iou: "),
        (report().model_dump_json(by_alias=True).replace('"schema":1', '"schema":2'), "schema: "),
    ],
)
def test_files_that_are_no_analysis_are_refused(tmp_path: Path, text: str | None, words: str) -> None:
    path = tmp_path / "iou.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(UserError, match=words):
        IoUFile.read(path)


def test_pictures_grow_with_layers_and_reports(tmp_path: Path) -> None:
    draw_ious([report()], tmp_path / "one.png")
    draw_ious([report(), report(watershed=None, total=None)], tmp_path / "two.png")
    (width, height), (_, twice) = (Image.open(tmp_path / name).size for name in ("one.png", "two.png"))
    assert width > height and 1.7 * height < twice < 2.1 * height
    counts = {f"backbone.layer{number}.weight": (number, 100) for number in range(72)}
    draw_sparsity(counts, tmp_path / "wide.png", "rooms")
    assert Image.open(tmp_path / "wide.png").size[0] >= 1500  # 72 names


def test_sparsity_tables_by_hand() -> None:
    counts = {
        "backbone.conv1.weight": (3, 12), "backbone.conv2.weight": (1000, 2000),
        "heads.a.weight": (5, 5), "heads.b.0.weight": (1, 2), "heads.b.1.weight": (0, 2),
    }  # fmt: skip
    by_layer, by_part = sparsity_by_layer(counts), sparsity_by_part(counts)
    assert list(by_layer.index) == ["backbone.conv1", "backbone.conv2", "heads.a", "heads.b.0", "heads.b.1"]
    assert by_layer["pruned"].tolist() == [9, 1000, 0, 1, 2]
    assert by_layer["sparsity"].tolist() == [75, 50, 0, 50, 100]
    assert by_part.index.tolist() == ["backbone", "heads.a", "heads.b", "all"]
    assert by_part["kept"].tolist() == [1003, 5, 1, 1009]
    assert by_part.loc["all", "sparsity"] == pytest.approx(100 * (1 - 1009 / 2021))
    assert [line.split() for line in sparsity_text(counts).splitlines() if "conv2" in line] == [
        ["backbone.conv2", "1,000", "1,000", "2,000", "50.00", "%"]
    ]
