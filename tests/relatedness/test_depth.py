"""Features as they enter a module of the backbone."""

from pathlib import Path

import numpy as np
import pytest
import torch
from small_training import setup_for
from torch import nn

from configs import UserError
from relatedness.estimators.readout import Readout
from relatedness.materials.cells import entering
from relatedness.study import Plan, Study


def test_it_is_the_map_as_it_enters_whatever_is_made_of_it_later() -> None:
    class Backbone(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.Identity(), nn.Flatten()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y = self.first(x) * 2
            self.second(y)
            return y.add_(100)

    images = torch.arange(4.0).reshape(1, 1, 2, 2)
    assert torch.equal(entering(Backbone(), "second", images), 2 * images)
    assert torch.equal(entering(Backbone(), "first", images), images)


def test_a_module_that_no_map_enters_is_one_line() -> None:
    backbone = nn.Sequential(nn.Flatten(), nn.Linear(4, 4))
    with pytest.raises(UserError, match=r"no map .* enters .*'1'.*depth"):
        entering(backbone, "1", torch.zeros(1, 1, 2, 2))


def test_a_readout_takes_the_grid_and_the_channels_of_its_depth(rooms: Path, tmp_path: Path) -> None:
    study = Study(setup_for(rooms, tmp_path, "--tasks", "depth,seg"), Plan(1, controls=False), 0)
    assert study.features("init", "first").grid == (6, 6) and study.features("init", "first").values.shape[2] == 32
    early = study.features("init", "first", "blocks.1.0")
    assert early.grid == (11, 11) and early.values.shape[2] == 4
    found = Readout(depth="blocks.1.0")
    assert found.problem(study) is None
    values = found.estimate(study)
    assert np.isfinite(values).tolist() == study.wanted.tolist()
    assert not np.allclose(values[study.wanted], Readout().estimate(study)[study.wanted])


@pytest.mark.parametrize("name", ["blocks", "blocks.9", "stem"])
def test_a_depth_that_is_not_there_is_one_line_with_those_that_are(rooms: Path, tmp_path: Path, name: str) -> None:
    study = Study(setup_for(rooms, tmp_path, "--tasks", "depth,seg"), Plan(1), 0)
    with pytest.raises(UserError, match=rf"relatedness.readout.depth: nothing enters '{name}'; .*blocks.0.0, .*ds.1"):
        Readout(depth=name).problem(study)
