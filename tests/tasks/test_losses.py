"""Losses: worked by hand, without valid pixels, under mixed precision."""

import math

import pytest
import torch

from configs import UserError
from tasks.depth import DepthTask
from tasks.maps import MapTask
from tasks.normals import NormalsTask
from tasks.segmentation import SegmentationTask

SEG = SegmentationTask(name="seg", channels=3, ignore_index=255)
SN = NormalsTask(name="sn", channels=3)
DEPTH = DepthTask(name="depth", channels=1, min_depth=3e-5, ignore_value=255, mask="depth_mask")
EDGE = MapTask(name="edge", channels=1, ignore_value=255)


def image(*rows):
    """One image of one channel, [1, 1, H, W]."""
    return torch.tensor([[rows]])


def logits(*shares):
    """Logits [1, C, 1, P] whose softmax at each of P pixels is given."""
    return torch.tensor(shares).log().T[None, :, None]


def all_invalid():
    """A batch of two images in which nothing is valid for any task."""
    size = (2, 1, 4, 6)
    return {
        "seg": torch.full(size, 255),
        "normal": torch.full((2, 3, 4, 6), 255.0),
        "depth": torch.full(size, 2.0),
        "depth_mask": torch.zeros(size),
        "edge": torch.full(size, 255.0),
    }


def some_valid():
    """The same with valid pixels in the first image."""
    batch = all_invalid()
    batch["seg"][0, 0, 0] = torch.tensor([0, 1, 2, 2, 1, 0])
    batch["normal"][0, :, 0] = torch.linspace(-1, 1, 18).view(3, 6)
    batch["depth_mask"][0] = 1
    batch["edge"][0] = -1
    return batch


def test_segmentation_is_the_mean_over_labelled_pixels():
    prediction = logits([0.5, 0.25, 0.25], [0.1, 0.8, 0.1], [0.2, 0.2, 0.6])
    loss = SEG.loss(prediction, {"seg": image([0, 255, 2])})
    assert loss.item() == pytest.approx(-(math.log(0.5) + math.log(0.6)) / 2, rel=1e-6)


def test_class_weights_weight_the_mean():
    task = SegmentationTask(name="seg", channels=3, class_weights=[1, 2, 4])
    prediction = logits([0.5, 0.25, 0.25], [0.2, 0.2, 0.6])
    loss = task.loss(prediction, {"seg": image([0, 2])})
    assert loss.item() == pytest.approx(-(math.log(0.5) + 4 * math.log(0.6)) / 5, rel=1e-6)


def test_an_ignored_label_may_be_one_of_the_classes():
    task = SegmentationTask(name="seg", channels=3, ignore_index=0)
    loss = task.loss(logits([0.5, 0.25, 0.25], [0.2, 0.2, 0.6]), {"seg": image([0, 2])})
    assert loss.item() == pytest.approx(-math.log(0.6), rel=1e-6)


def test_a_label_that_is_no_class_is_an_error():
    with pytest.raises(UserError, match=r"tasks.seg: 2 labels \(for instance 3\) in 'seg'.*ignore_index"):
        SEG.loss(torch.zeros(1, 3, 1, 4), {"seg": image([0, 3, -1, 255])})


def test_normals_are_compared_by_direction_alone():
    prediction = torch.tensor([[3.0, 0, 0], [0, 2, 0], [1, 1, 0]]).T[None, :, None]
    target = torch.tensor([[7.0, 0, 0], [0, 0, 100], [255, 255, 255]]).T[None, :, None]
    assert SN.loss(prediction, {"normal": target}).item() == pytest.approx(0.5)


def test_a_pixel_is_invalid_by_its_largest_normal_channel():
    prediction = torch.ones(1, 3, 1, 2)
    target = torch.tensor([[1.0, 1, 1], [0, 255, 0]]).T[None, :, None]
    assert SN.loss(prediction, {"normal": target}).item() == pytest.approx(0, abs=1e-6)


def test_a_prediction_of_zero_has_no_direction_and_no_gradient():
    prediction = torch.zeros(1, 3, 1, 1, requires_grad=True)
    loss = SN.loss(prediction, {"normal": torch.ones(1, 3, 1, 1)})
    loss.backward()
    assert loss.item() == 1
    assert prediction.grad.tolist() == [[[[0.0]], [[0.0]], [[0.0]]]]


def test_depth_must_pass_every_condition():
    batch = {
        "depth": image([1.0, 1e-5, 255.0, 9.0, 4.0]),
        "depth_mask": image([1.0, 1.0, 1.0, 0.0, 1.0]),
    }
    loss = DEPTH.loss(image([1.5, 7.0, 7.0, 7.0, 3.0]), batch)
    assert loss.item() == pytest.approx((0.5 + 1.0) / 2)


def test_a_padded_mask_of_255_is_not_valid():
    batch = {"depth": image([1.0, 2.0]), "depth_mask": image([1.0, 255.0])}
    assert DEPTH.loss(image([1.25, 9.0]), batch).item() == pytest.approx(0.25)


def test_maps_leave_out_the_ignored_value():
    loss = EDGE.loss(image([0.5, 0.0, 9.0]), {"edge": image([1.0, -1.0, 255.0])})
    assert loss.item() == pytest.approx((0.5 + 1.0) / 2)


def test_maps_read_the_key_of_their_own_name_unless_told_otherwise():
    assert EDGE.targets == ("edge",)
    assert MapTask(name="mine", channels=2, target="flow").targets == ("flow",)


def test_targets_are_sampled_at_the_floor_of_the_scaled_index():
    # 5 columns to 3: floor(0 * 5 / 3), floor(5 / 3), floor(10 / 3) = 0, 1, 3.
    target = image([0.0, 1.0, 2.0, 3.0, 4.0])
    assert EDGE.loss(image([0.0, 1.0, 3.0]), {"edge": target}).item() == 0


@pytest.mark.parametrize("task", [SEG, SN, DEPTH, EDGE], ids=lambda task: task.name)
def test_a_batch_without_a_valid_pixel_adds_nothing(task):
    prediction = torch.randn(2, task.channels, 2, 3, requires_grad=True)
    loss = task.loss(prediction, all_invalid())
    loss.backward()
    assert loss.item() == 0
    assert prediction.grad.count_nonzero() == 0  # NaN would count


@pytest.mark.parametrize("task", [SN, DEPTH, EDGE], ids=lambda task: task.name)
def test_what_stands_at_an_invalid_pixel_does_not_matter(task):
    prediction = torch.randn(2, task.channels, 4, 6, requires_grad=True)
    batch = some_valid()
    broken = {key: value.clone() for key, value in batch.items()}
    broken["normal"][1, 0] = math.nan
    broken["depth"][1] = math.inf
    losses = [task.loss(prediction, each) for each in (batch, broken)]
    losses[1].backward()
    assert losses[0] > 0
    assert losses[0] == losses[1]
    assert prediction.grad.isfinite().all()


@pytest.mark.parametrize("task", [SEG, SN, DEPTH, EDGE], ids=lambda task: task.name)
def test_a_prediction_that_is_not_a_number_shows_in_the_loss(task):
    prediction = torch.full((2, task.channels, 4, 6), math.nan)
    assert task.loss(prediction, some_valid()).isnan()


@pytest.mark.parametrize("task", [SEG, SN, DEPTH, EDGE], ids=lambda task: task.name)
def test_losses_are_computed_in_float32_under_autocast(task):
    prediction = torch.randn(2, task.channels, 4, 6).bfloat16().requires_grad_()
    batch = some_valid()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = task.loss(prediction, batch)
    loss.backward()
    assert loss.dtype == torch.float32
    assert loss.item() == task.loss(prediction.detach().float(), batch).item()
    assert prediction.grad.dtype == torch.bfloat16
    assert prediction.grad.isfinite().all()
    assert prediction.grad[0].any()


@pytest.mark.parametrize("task", [SEG, SN, DEPTH, EDGE], ids=lambda task: task.name)
def test_losses_and_metrics_never_bring_a_value_to_the_host(task):
    """Tensors of the meta device have no values: whoever asks for one gets an error."""
    batch = {key: value.to("meta") for key, value in some_valid().items()}
    prediction = torch.randn(2, task.channels, 2, 3, device="meta", requires_grad=True)
    task.loss(prediction, batch).backward()
    assert prediction.grad.shape == prediction.shape
    metrics = task.new_metrics()
    metrics.update(prediction, batch)
    assert {tensor.device.type for tensor in metrics.state.values()} == {"meta"}


def test_targets_with_other_channels_than_the_prediction_are_an_error():
    task = MapTask(name="flow", channels=2)
    with pytest.raises(UserError, match="tasks.flow.channels: it is 2, but the data set's 'flow' has 1"):
        task.loss(torch.zeros(1, 2, 1, 1), {"flow": torch.zeros(1, 1, 1, 1)})
