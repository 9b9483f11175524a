"""Comparison with what the published loaders give."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from small_data import settings, whole_samples

from configs import Config


class Reference:
    """Values of the published loaders for the data sets under golden/data."""

    def __init__(self, golden: Path) -> None:
        self._golden = golden
        self.datasets: Mapping[str, Any] = json.loads((golden / "loaders.json").read_text())["datasets"]

    def config(self, dataset: str, *overrides: str) -> Config:
        return settings(dataset, self._golden / "data" / dataset, *overrides)

    def check(self, dataset: str, *keys: str) -> None:
        """Compare name, image and keys of every sample."""
        samples = whole_samples(self.config(dataset), *keys)
        items = self.datasets[dataset]["items"]
        assert len(samples) == len(items) == 2
        for sample, item in zip(samples, items, strict=True):
            assert sample["name"] == [item["name"]]
            for key in ("img", *keys):
                self.check_tensor(sample[key][0], item["tensors"][key])

    @staticmethod
    def check_tensor(tensor: torch.Tensor, expected: Mapping[str, Any]) -> None:
        """Compare shape, statistics and the listed values of [C, H, W]."""
        values = tensor.double().flatten()
        assert list(tensor.shape) == expected["shape"]
        statistics = [values.mean(), values.std(correction=0), values.min(), values.max()]
        wanted = [expected[name] for name in ("mean", "std", "min", "max")]
        torch.testing.assert_close(torch.stack(statistics), torch.tensor(wanted).double(), rtol=1e-6, atol=1e-5)
        listed = torch.tensor(expected["values"]).double()
        torch.testing.assert_close(values[expected["flat_indices"]], listed, rtol=1e-6, atol=1e-5)


@pytest.fixture
def reference(shared: Path) -> Reference:
    return Reference(shared / "golden")
