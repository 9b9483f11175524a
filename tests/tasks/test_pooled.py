"""Targets as numbers on a coarse grid, by hand."""

import torch
from torch import Tensor

from tasks import Task
from tasks.depth import DepthTask
from tasks.maps import MapTask
from tasks.normals import NormalsTask
from tasks.pixels import pooled
from tasks.segmentation import SegmentationTask


def grid(*rows: list[float]) -> Tensor:
    return torch.tensor(rows)[None, None]


def test_a_cell_is_the_mean_of_its_valid_pixels() -> None:
    values = grid([1.0, 3.0, 9.0, 9.0], [5.0, 7.0, 9.0, 9.0])
    valid = grid([1, 1, 0, 0], [1, 0, 0, 0]) > 0
    means, share = pooled(values, valid, 1, 2)
    assert means.tolist() == [[[[3.0, 0.0]]]]
    assert share.tolist() == [[[[0.75, 0.0]]]]


def test_what_is_not_valid_does_not_matter_even_if_it_is_no_number() -> None:
    means, _ = pooled(grid([1.0, float("nan")]), grid([1, 0]) > 0, 1, 1)
    assert means.item() == 1.0


def test_a_grid_that_does_not_divide_the_map_shares_the_middle_row() -> None:
    means, _ = pooled(grid([0.0], [6.0], [12.0]), torch.ones(1, 1, 3, 1) > 0, 2, 1)
    assert means.flatten().tolist() == [3.0, 9.0]


def test_classes_are_shares_of_the_labelled_pixels() -> None:
    task = SegmentationTask(name="seg", channels=3)
    label = torch.tensor([[0, 2], [2, 255]])[None, None]
    values, share = task.pooled_targets({"seg": label}, 1, 1)
    assert values.flatten().tolist() == torch.tensor([1 / 3, 0, 2 / 3]).tolist()
    assert share.item() == 0.75


def test_labels_that_are_no_class_are_left_out() -> None:
    task = SegmentationTask(name="seg", channels=3, ignore_index=-1)
    values, share = task.pooled_targets({"seg": torch.tensor([[-1, 7], [1, 1]])[None, None]}, 1, 1)
    assert values.flatten().tolist() == [0, 1, 0] and share.item() == 0.5


def test_normals_are_averaged_at_length_one() -> None:
    task = NormalsTask(name="sn", channels=3)
    normal = torch.tensor([[[2.0, 0.0]], [[0.0, 5.0]], [[0.0, 0.0]]])[None]
    values, share = task.pooled_targets({"normal": normal}, 1, 1)
    assert values.flatten().tolist() == [0.5, 0.5, 0.0] and share.item() == 1
    values, share = task.pooled_targets({"normal": torch.full((1, 3, 2, 2), 255.0)}, 1, 1)
    assert share.item() == 0 and values.abs().max() == 0


def test_depth_and_maps_leave_out_what_their_losses_leave_out() -> None:
    depth = DepthTask(name="depth", channels=1, mask="depth_mask", min_depth=0.5)
    batch = {"depth": grid([1.0, 4.0, 0.1]), "depth_mask": grid([1.0, 0.0, 1.0])}
    values, share = depth.pooled_targets(batch, 1, 1)
    assert values.item() == 1.0 and share.item() == torch.tensor(1 / 3).item()
    edge = MapTask(name="edge", channels=2, ignore_value=9)
    batch = {"edge": torch.tensor([[[1.0, 9.0]], [[3.0, 3.0]]])[None]}
    values, share = edge.pooled_targets(batch, 1, 1)
    assert values.flatten().tolist() == [1.0, 3.0] and share.item() == 0.5, "a pixel counts if all channels are valid"


def test_a_kind_that_says_nothing_has_no_numbers() -> None:
    assert Task.pooled_targets(MapTask(name="edge", channels=1), {}, 1, 1) is None
