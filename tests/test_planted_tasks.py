"""Tasks of which the truth is known, planted among real ones on real frames: a copy of one, and noise."""

from pathlib import Path

import pytest
from conftest import Script

from relatedness.registry import DEFAULT
from reports.relatedness.file import array, read_relatedness
from reports.relatedness.summary import answering

SETTINGS = """
extends: sample
data: {dataset: "planted_data:Planted", crop: 64, batch_size: 4, options: {size: 96}}
model: {depth: 18, width: 4, head_channels: 8}
tasks:
  depth: {kind: depth, channels: 1, weight: 2, ignore_value: 255, mask: depth_mask}
  edge: {kind: map, channels: 1, weight: 7, ignore_value: 255}
  edge_copy: {kind: map, channels: 1, weight: 7, ignore_value: 255, target: edge}
  noise: {kind: map, channels: 1, weight: 7, ignore_value: 255}
"""
CLASS = """
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from dataloaders.base import Field
from dataloaders.datasets.taskonomy import Taskonomy


class Planted(Taskonomy):
    fields = {**Taskonomy.fields, "noise": Field(fill=255.0)}

    def column(self, key: str) -> str:
        return "img" if key == "noise" else super().column(key)

    def read(self, index: int, key: str) -> Tensor:
        if key != "noise":
            return super().read(index, key)
        drawn = torch.rand(1, 1, 12, 12, generator=torch.Generator().manual_seed(index)) * 2 - 1
        return interpolate(drawn, size=super().read(index, "img").shape[1:])[0]
"""


@pytest.fixture
def planted(shared: Path, tmp_path: Path) -> list[str]:
    (tmp_path / "planted.yaml").write_text(SETTINGS)
    (tmp_path / "planted_data.py").write_text(CLASS)
    root = shared / "data" / "redkitchen"
    return ["--dataset", "planted.yaml", "--data_root", str(root), "--num_workers", "0", "--dest", "out"]


def test_for_each_estimator_it_is_said_whether_a_twin_lies_above_the_floor(
    planted: list[str], run_script: Script, tmp_path: Path
) -> None:
    result = run_script("task_relatedness.py", *planted, "--num_batches", 5, "--replicates", 3)
    assert result.returncode == 0, result.stderr
    report = read_relatedness(tmp_path / "out" / "relatedness.json")
    for name, entry in report.estimators.items():
        assert entry.sensitivity is not None, name
        said = result.stdout.split(f"\n{name}: ")[1].split("\nCost")[0]
        sees = "exact twin above noise" in said
        assert sees is (entry.sensitivity >= 2) and ("order means nothing" in said or sees), said
        assert "standard errors apart over 3 replicates" in said
    told = answering(report.estimators)
    assert told == DEFAULT[0] and f"by {told}" in result.stdout.split("Recommendation")[1]
    values, (depth, edge, copy, noise) = array(report.estimators[told].values), range(4)
    assert (values[:, edge, copy] > 0.999).all(), "the copy comes first in every replicate"
    assert (values[:, edge, noise] <= values[:, edge, [depth, copy]].min(1)).all(), "and noise last"
    assert (values[:, [depth, edge, copy], noise] < 0.05).all()
    labels = report.estimators["labels"]
    assert labels.sensitivity > 2
    values = array(labels.values)
    assert (values[:, edge, copy] > 0.99).all(), "the copy is explained wholly"
    assert (values[:, edge, copy] > values[:, edge, depth]).all()
    assert (values[:, [depth, edge, copy], noise] < 0.1).all(), "noise explains nothing"
