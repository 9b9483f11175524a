"""Sampling, masked means, medians; and the constant predictions built on them."""

import math
from fractions import Fraction

import pytest
import torch

from configs import UserError
from tasks.depth import DepthTask
from tasks.maps import MapTask
from tasks.normals import NormalsTask
from tasks.pixels import FloatMedian, histogram_median, masked_mean, nearest_index, resize_nearest
from tasks.segmentation import SegmentationTask


def image(*rows):
    """One image of one channel, [1, 1, H, W]."""
    return torch.tensor([[rows]])


def constant(task, *batches):
    return task.constant_prediction(iter(batches))


@pytest.mark.parametrize(("wanted", "given"), [(7, 31), (50, 9), (41, 321), (321, 41), (5, 5), (1, 8)])
def test_the_source_index_is_exact(wanted, given):
    index = nearest_index(wanted, given, torch.device("cpu"))
    assert index.tolist() == [math.floor(Fraction(i * given, wanted)) for i in range(wanted)]


def test_sampling_takes_rows_and_columns():
    assert resize_nearest(torch.arange(12).view(1, 1, 3, 4), 2, 2).tolist() == [[[[0, 2], [4, 6]]]]


def test_a_mean_of_nothing_is_zero():
    assert masked_mean(torch.tensor([1.0, 3.0, 8.0]), torch.tensor([True, True, False])) == 2
    assert masked_mean(torch.tensor([math.nan]), torch.tensor([False])) == 0


def test_a_histograms_median_is_the_middle_of_its_bin():
    assert histogram_median(torch.tensor([1, 0, 2, 0]), 10.0, 2.0) == 15
    assert histogram_median(torch.tensor([1, 0, 1, 0]), 10.0, 2.0) == 13  # between the two in the middle
    assert math.isnan(histogram_median(torch.tensor([0, 0]), 0.0, 1.0))


@pytest.mark.parametrize("scale", [1e-4, 1.0, 1e5])
def test_the_median_of_floats_is_found_to_one_part_in_2048(scale):
    draw = torch.Generator().manual_seed(0)
    values = torch.randn(999, generator=draw) * scale + scale / 2
    median = FloatMedian()
    for part in values.split(100):
        median.add(part, torch.ones_like(part, dtype=torch.bool))
    assert median.value() == pytest.approx(values.median().item(), rel=1 / 2048)


@pytest.mark.parametrize(
    ("values", "expected"),
    [([-1.0, -1.0, 5.0], -1), ([0.0, 0.0, 3.0], 0), ([-0.0, 0.0, 0.0], 0), ([-2.0, 4.0], 1), ([7.0], 7)],
)
def test_a_median_that_occurs_often_is_exact(values, expected):
    median = FloatMedian()
    median.add(torch.tensor(values), torch.ones(len(values), dtype=torch.bool))
    assert median.value() == expected


def test_invalid_values_do_not_move_the_median():
    median = FloatMedian()
    median.add(torch.tensor([1.0, math.nan, 255.0]), torch.tensor([True, False, False]))
    assert median.value() == 1


def test_segmentations_constant_is_the_majority_class_with_the_class_frequencies():
    task = SegmentationTask(name="seg", channels=3, ignore_index=255)
    logits = constant(task, {"seg": image([0, 1, 1])}, {"seg": image([1, 255, 255, 1])})
    # 1, 4 and 0 pixels, each class with one more: 2, 5 and 1 of 8.
    assert logits.exp().tolist() == pytest.approx([2 / 8, 5 / 8, 1 / 8])


def test_normals_constant_is_the_mean_direction():
    task = NormalsTask(name="sn", channels=3)
    batch = {"normal": torch.tensor([[5.0, 0, 0], [0, 2, 0], [0, 0, 255]]).T[None, :, None]}
    assert constant(task, batch, batch).tolist() == pytest.approx([math.sqrt(0.5), math.sqrt(0.5), 0])


def test_depths_constant_is_the_median_of_valid_depths():
    task = DepthTask(name="depth", channels=1, min_depth=0)
    assert constant(task, {"depth": image([1.0, 0.0])}, {"depth": image([2.0, 9.0, 0.0])}).tolist() == [2]


def test_maps_constant_is_the_median_of_each_channel():
    task = MapTask(name="flow", channels=2, ignore_value=255)
    batch = {"flow": torch.tensor([[[[-1.0, -1.0, 4.0]], [[3.0, 255.0, 3.0]]]])}
    assert constant(task, batch).tolist() == [-1, 3]


@pytest.mark.parametrize(
    "task",
    [
        SegmentationTask(name="target", channels=3, target="target"),
        NormalsTask(name="target", channels=3, target="target"),
        DepthTask(name="target", channels=1, target="target", ignore_value=255),
        MapTask(name="target", channels=1, ignore_value=255),
    ],
    ids=lambda task: type(task).__name__,
)
def test_without_a_valid_pixel_there_is_no_constant(task):
    channels = 3 if isinstance(task, NormalsTask) else 1
    with pytest.raises(UserError, match="tasks.target: 'target' has no valid pixel"):
        constant(task, {"target": torch.full((1, channels, 2, 2), 255)})


@pytest.mark.parametrize(
    ("task", "metric"),
    [
        (SegmentationTask(name="seg", channels=3), "err"),
        (NormalsTask(name="sn", channels=3), None),
        (DepthTask(name="depth", channels=1), "abs_err"),
        (MapTask(name="edge", channels=1), "err"),
    ],
    ids=lambda value: getattr(value, "name", value),
)
def test_no_other_constant_is_better(task, metric):
    """Measured by the loss or the error that the constant is best for."""
    draw = torch.Generator().manual_seed(3)
    shape = (4, 3 if task.name == "sn" else 1, 20, 20)
    targets = torch.rand(shape, generator=draw) ** 3
    batch = {task.targets[0]: (targets * 3).long() if task.name == "seg" else targets}
    best = task.constant_prediction([batch])

    def score(vector):
        prediction = vector.view(1, -1, 1, 1).expand(4, -1, 1, 1)
        if metric is None:
            enlarged = vector.view(1, -1, 1, 1).expand(4, -1, 20, 20)
            return task.loss(enlarged, batch).item()
        metrics = task.new_metrics()
        metrics.update(prediction, batch)
        return metrics.compute()[metric]

    for step in torch.randn(20, len(best), generator=draw) * 0.2:
        assert score(best) < score(best + step)
