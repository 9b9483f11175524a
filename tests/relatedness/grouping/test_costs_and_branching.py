"""What real networks cost part by part, and where groups should part."""

import json
from pathlib import Path

import pytest

from configs import Config, load_config
from models import build_network
from relatedness.grouping.branching import branches, layer_sources
from relatedness.grouping.costs import parts_cost
from relatedness.snip.iou import steepest_fall
from reports.iou import IoUFile, LayerIoU
from reports.relatedness.file import LayerDetail
from training.costs import multiply_adds, parameters

SMALL = ["model.width=4", "model.head_channels=4", "data.crop=40"]
OWN = """
from torch import nn

class Looks(nn.Module):
    \"\"\"A backbone that looks at a number.\"\"\"
    def __init__(self, config):
        super().__init__()
        self.conv, self.out_channels = nn.Conv2d(3, 8, 3, stride=8), 8

    def forward(self, x):
        return self.conv(x) if x.sum().item() == 0 else None
"""


def settings(rooms: Path, *overrides: str) -> Config:
    config = load_config("sample", [*SMALL, "data.options={size: 48}", *overrides])
    return config.model_copy(update={"data": config.data.model_copy(update={"root": rooms})})


def layer(number: int) -> str:
    return f"backbone.blocks.0.{number}.conv1"


def detail(*by_layer: float | None) -> LayerDetail:
    """Two replicates of three tasks that agree as told on the first layers, b and c by 1 less."""
    def pair(value: float | None) -> list[list[float | None]]:
        less = None if value is None else value - 1
        return [[None, value, value], [value, None, less], [value, less, None]]

    names = ["backbone.conv1.weight", f"{layer(0)}.weight", f"{layer(1)}.weight", "backbone.ds.1.0.weight"]
    values = [[pair(value) for value in by_layer]] * 2
    return LayerDetail(layers=names[: len(by_layer)], values=values, floor=None, ceiling=None)


def test_parts_are_those_of_the_whole_network(rooms: Path) -> None:
    config = settings(rooms)
    net = build_network(config.model, {name: task.channels for name, task in config.tasks.items()})
    backbone, heads = parts_cost(config, "parameters")
    assert backbone + heads.sum() == parameters(net).dense and len(heads) == 5
    backbone, heads = parts_cost(config, "multiply_adds")
    assert backbone + heads.sum() == multiply_adds(net, 48, 48).dense and min(heads) > 0


def test_a_network_that_looks_at_numbers(rooms: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "looking.py").write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path)
    backbone, heads = parts_cost(settings(rooms, "model.backbone=looking:Looks"), "multiply_adds")
    assert backbone == 8 * 27 * 6 * 6 and min(heads) > 0


def test_the_steepest_fall() -> None:
    assert steepest_fall([("a", 0.5), ("b", 0.75), ("c", 0.5), ("d", 0.25)]) == "b", "the first of equals"
    assert steepest_fall([("a", 0.5), ("b", 0.5)]) is None and steepest_fall([]) is None


def test_by_the_estimator(rooms: Path, tmp_path: Path) -> None:
    """The shortcut's layer comes last in the file but not in the network, and is left out; undefined ones are too."""
    config, tasks = settings(rooms), ("a", "b", "c")
    sources = layer_sources(detail(0.9, None, 0.5, -5.0), "cosine", tasks, tmp_path)
    found = branches([["a", "b"], ["b", "c", "a"], ["a"]], sources, config)
    assert [one.tasks for one in found] == [["a", "b"], ["b", "c", "a"]]
    assert {one.after for one in found} == {"backbone.conv1"}
    assert found[0].source == "cosine by layer"
    assert branches([["a", "b"]], layer_sources(detail(0.1, 0.2), "cosine", tasks, tmp_path), config)[0].after is None
    assert branches([["a", "x"]], sources, config) == [], "nothing is known of x"
    assert branches([["a", "b"]], layer_sources(detail(None, None), "cosine", tasks, tmp_path), config) == []


def test_by_the_files_of_other_scripts(rooms: Path, tmp_path: Path) -> None:
    config, names = settings(rooms), ["backbone.conv1", layer(0), layer(1)]
    values = dict(zip(["a,b", "a,c", "b,c"], [[0.9, 0.8, 0.2], [0.9, 0.1, 0.1], [0.9, 0.2, 0.1]], strict=True))
    rows = [(pair, name, value) for pair, column in values.items() for name, value in zip(names, column, strict=True)]
    keys = [f"s50_X_{pair.replace(',', '_X_')}" for pair in values]
    contents = {
        "schema": 1, "dataset": "rooms", "tasks": ["a", "b", "c"], "sparsities": [50], "num_seeds": 1, "num_batches": 1,
        "table": {"equal_X_iou": dict.fromkeys(keys, 0.5)}, "stderr": {"equal_X_iou": dict.fromkeys(keys)},
        "layers": {"seed": [0] * 9, "sparsity": [50] * 9, "pair": [pair for pair, _, _ in rows],
                   "layer": [f"{name}.weight" for _, name, _ in rows], "iou": [value for _, _, value in rows]},
    }  # fmt: skip
    assert layer_sources(None, "labels", ("a", "b", "c"), tmp_path) == []
    layers = [LayerIoU(name=name, weights=9, kept_by_all=1, kept_by_any=9, iou=iou)
              for name, iou in zip(names, (0.9, 0.5, 0.2), strict=True)]  # fmt: skip
    report = IoUFile(dataset="rooms", tasks=["x", "a"], keep_ratio=0.1, num_batches=1, seed=0, layers=layers,
                       total=0.5, watershed=names[0], config={}, provenance={})  # fmt: skip
    (tmp_path / "iou.json").write_text(report.model_dump_json(by_alias=True))
    (tmp_path / "similarity.json").write_text(json.dumps(contents))
    sources = layer_sources(None, "labels", ("a", "b", "c"), tmp_path)
    groups = [["b", "a"], ["a", "c"], ["a", "b", "c"], ["a", "x"], ["b", "x"]]
    found = {"".join(branch.tasks): branch for branch in branches(groups, sources, config)}
    assert {name: branch.after for name, branch in found.items()} == {
        "ba": layer(0), "ac": "backbone.conv1", "abc": "backbone.conv1", "ax": "backbone.conv1"
    }  # fmt: skip
    assert found["ba"].source == "similarity.json: IoU of their masks" and found["ax"].source.startswith("iou.json")
