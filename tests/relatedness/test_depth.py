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
from relatedness.materials.depths import module_at
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


def test_a_share_of_the_blocks_is_the_block_before_which_they_lie() -> None:
    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.shortcut = nn.Conv2d(1, 1, 1), nn.Sequential(nn.Conv2d(1, 1, 1))

    backbone = nn.Sequential()
    backbone.stem = nn.Conv2d(1, 1, 1)
    backbone.blocks = nn.ModuleList([nn.Sequential(Block(), Block()), nn.Sequential(Block(), Block())])
    found = [module_at(backbone, share) for share in (0.01, 0.25, 0.49, 0.5, 0.75, 0.99)]
    assert found == [f"blocks.{name}" for name in ("0.0", "0.1", "0.1", "1.0", "1.1", "1.1")]


def test_without_blocks_layers_with_weights_are_counted() -> None:
    backbone = nn.Sequential(nn.Conv2d(1, 1, 1), nn.ReLU(), nn.Conv2d(1, 1, 1), nn.ReLU())
    assert [module_at(backbone, share) for share in (0.4, 0.5)] == ["0", "2"]
    with pytest.raises(UserError, match="no blocks to count; name one of 0"):
        module_at(nn.Sequential(nn.ReLU()), 0.5)


@pytest.mark.parametrize("depth", [0, 1, 2, 1.0, 0.0, True, ""])
def test_what_is_neither_a_name_nor_a_share_is_one_line(depth: object) -> None:
    with pytest.raises(ValueError, match="name of a module of the backbone, or a share such as 0.5"):
        Readout(depth=depth)


def test_a_share_reads_what_its_module_does(rooms: Path, tmp_path: Path) -> None:
    study = Study(setup_for(rooms, tmp_path, "--tasks", "depth,seg"), Plan(1, controls=False), 0)
    values = [Readout(depth=depth).estimate(study) for depth in (0.5, "blocks.2.0")]
    assert Readout(depth=0.5).problem(study) is None and np.array_equal(*values, equal_nan=True)


def test_parts_of_blocks_are_not_counted() -> None:
    """As in a transformer or a network with squeeze and excitation: a block holds parts that are made of others."""

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.mlp = nn.Conv2d(1, 1, 1), nn.Sequential(nn.Conv2d(1, 1, 1))
            self.excite = nn.Module()
            self.excite.fc = nn.Conv2d(1, 1, 1)

    backbone = nn.Module()
    backbone.head, backbone.stages = nn.Module(), nn.ModuleList([nn.Sequential(Block(), Block())])
    backbone.head.fc = nn.Conv2d(1, 1, 1)
    assert [module_at(backbone, share) for share in (0.1, 0.5)] == ["stages.0.0", "stages.0.1"]
