"""Metrics: worked by hand, split over accumulators, without valid pixels."""

import math

import pytest
import torch

from configs import UserError
from tasks.depth import DepthTask
from tasks.maps import MapTask
from tasks.normals import BIN_DEGREES, NormalsTask
from tasks.segmentation import SegmentationTask

SEG = SegmentationTask(name="seg", channels=3, ignore_index=-1)
SN = NormalsTask(name="sn", channels=3)
DEPTH = DepthTask(name="depth", channels=1, min_depth=3e-5)
EDGE = MapTask(name="edge", channels=1, ignore_value=255)
ALL = pytest.mark.parametrize("task", [SEG, SN, DEPTH, EDGE], ids=lambda task: task.name)


def image(*rows):
    """One image of one channel, [1, 1, H, W]."""
    return torch.tensor([[rows]])


def one_hot(labels, size=10.0):
    """Logits [1, 3, 1, P] that choose these labels."""
    return size * torch.nn.functional.one_hot(torch.tensor([[labels]]), 3).permute(0, 3, 1, 2).float()


def random_batches(seed=0, sizes=(2, 3, 1)):
    """Predictions by task name and batches, with valid and invalid pixels."""
    draw = torch.Generator().manual_seed(seed)
    for n in sizes:
        small, full = (n, 1, 3, 5), (n, 1, 13, 22)
        batch = {
            "seg": torch.randint(-1, 3, full, generator=draw),
            "normal": torch.randn(n, 3, 13, 22, generator=draw),
            "depth": torch.rand(full, generator=draw) * (torch.rand(full, generator=draw) > 0.2),
            "edge": torch.randn(full, generator=draw),
        }
        batch["normal"][:, :, :2] = 255
        batch["edge"][:, :, :, -3:] = 255
        predictions = {
            "seg": torch.randn(n, 3, 3, 5, generator=draw),
            "sn": torch.randn(n, 3, 3, 5, generator=draw),
            "depth": torch.rand(small, generator=draw) - 0.1,
            "edge": torch.randn(small, generator=draw),
        }
        yield predictions, batch


def measure(task, *pairs):
    metrics = task.new_metrics()
    for prediction, batch in pairs:
        metrics.update(prediction, batch)
    return metrics.compute()


def test_segmentation_by_hand():
    # Truth 0 0 1 2 and one ignored pixel; found 0 1 1 1 0.
    values = measure(SEG, (one_hot([0, 1, 1, 1, 0]), {"seg": image([0, 0, 1, 2, -1])}))
    right, wrong = math.log(1 + 2 * math.exp(-10)), 10 + math.log(1 + 2 * math.exp(-10))
    assert values == pytest.approx(
        {
            "mIoU": (1 / 2 + 1 / 3) / 2,  # class 2 has no overlap and is left out
            "mIoU_standard": (1 / 2 + 1 / 3 + 0) / 3,
            "Pixel Acc": 2 / 5,  # a label of -1 counts as wrong
            "pixel_acc_valid_pixels": 2 / 4,
            "err": (2 * right + 2 * wrong) / 4,
        }
    )


def test_per_batch_means_weigh_batches_by_their_images():
    first = one_hot([0, 0]).expand(3, -1, -1, -1), {"seg": image([0, 1]).expand(3, -1, -1, -1)}
    second = one_hot([0, 0]), {"seg": image([0, 0])}
    assert measure(SEG, first, second)["Pixel Acc"] == pytest.approx((3 * 0.5 + 1 * 1.0) / 4)


def test_labels_above_the_classes_are_left_out_of_the_published_accuracy():
    task = SegmentationTask(name="seg", channels=3, ignore_index=255)
    values = measure(task, (one_hot([0, 1]), {"seg": image([0, 255])}))
    assert values["Pixel Acc"] == values["pixel_acc_valid_pixels"] == 1


def test_an_ignored_label_may_be_one_of_the_classes():
    task = SegmentationTask(name="seg", channels=3, ignore_index=0)
    values = measure(task, (one_hot([1, 1, 2]), {"seg": image([0, 1, 2])}))
    assert values["mIoU"] == values["pixel_acc_valid_pixels"] == 1


def test_without_any_overlap_the_published_miou_is_zero():
    values = measure(SEG, (one_hot([0, 0]), {"seg": image([1, 2])}))
    assert (values["mIoU"], values["mIoU_standard"]) == (0, 0)


def test_a_label_that_is_no_class_is_an_error():
    metrics = SEG.new_metrics()
    metrics.update(one_hot([0, 0]), {"seg": image([3, -1])})
    with pytest.raises(UserError, match="tasks.seg: 1 label in 'seg' is neither"):
        metrics.compute()


@pytest.mark.parametrize("sizes", [((3, 5), (13, 22)), ((13, 22), (13, 22)), ((9, 4), (6, 7))])
def test_counting_in_cells_equals_enlarging_the_logits(sizes):
    (h, w), (height, width) = sizes
    draw = torch.Generator().manual_seed(1)
    prediction = torch.randn(2, 3, h, w, generator=draw)
    label = torch.randint(-1, 3, (2, 1, height, width), generator=draw)
    enlarged = prediction[:, :, torch.arange(height) * h // height][..., torch.arange(width) * w // width]
    chosen, truth, seen = enlarged.argmax(1), label[:, 0], label[:, 0] >= 0
    confusion = torch.zeros(3, 3, dtype=torch.int64)
    confusion.index_put_((truth[seen], chosen[seen]), torch.tensor(1), accumulate=True)
    metrics = SEG.new_metrics()
    metrics.update(prediction, {"seg": label})
    assert metrics.state["confusion"].equal(confusion)
    error = torch.nn.functional.cross_entropy(enlarged, truth, ignore_index=-1)
    assert metrics.compute()["err"] == pytest.approx(error.item(), rel=1e-6)


def test_normals_by_hand():
    # Angles of 0, 30, 60 and 90 degrees (a prediction of zeros); one invalid pixel.
    root = math.sqrt(3)
    vectors = [[1.0, 0, 0], [root, 1, 0], [1, root, 0], [0, 0, 0], [0, 0, 1]]
    prediction = torch.tensor(vectors).T[None, :, None]
    target = torch.tensor([[2.0, 0, 0]] * 4 + [[0, 0, 255]]).T[None, :, None]
    values = measure(SN, (prediction, {"normal": target}))
    assert values["Angle Mean"] == pytest.approx(45, abs=1e-4)
    assert values["Angle Median"] == pytest.approx(45, abs=BIN_DEGREES)
    assert values["Angle 11.25"] == values["Angle 22.5"] == 25
    assert values["Angle 45"] == 50


def test_median_angle_is_within_half_a_bin():
    angles = torch.rand(1001, generator=torch.Generator().manual_seed(0)) * 170
    radians = angles.deg2rad()
    prediction = torch.stack([radians.cos(), radians.sin(), torch.zeros(1001)])[None, :, None]
    target = torch.tensor([1.0, 0, 0]).view(1, 3, 1, 1).expand(1, 3, 1, 1001)
    values = measure(SN, (prediction, {"normal": target}))
    # 1e-4: what float32 loses in the cosine and back.
    assert values["Angle Median"] == pytest.approx(angles.median().item(), abs=BIN_DEGREES / 2 + 1e-4)


def test_depth_by_hand():
    prediction = image([1.2, 3.0, 0.0, -4.0, 9.0])
    target = image([1.0, 2.0, 1.0, 2.0, 1e-5])  # the last is invalid
    values = measure(DEPTH, (prediction, {"depth": target}))
    assert values == pytest.approx(
        {
            "abs_err": (0.2 + 1 + 1 + 6) / 4,
            "rel_err": (0.2 + 0.5 + 1 + 3) / 4,
            "sigma_1.25": 25,
            "sigma_1.25^2": 50,  # 3 / 2 is within 1.5625
            "sigma_1.25^3": 50,  # predictions of 0 or less are never within
        }
    )


def test_a_target_of_zero_has_no_relative_error():
    task = DepthTask(name="depth", channels=1)
    values = measure(task, (image([1.5, 1.0]), {"depth": image([1.0, 0.0])}))
    assert values["rel_err"] == pytest.approx(0.5)
    assert values["abs_err"] == pytest.approx(0.75)
    assert values["sigma_1.25^3"] == 50


def test_maps_by_hand():
    values = measure(EDGE, (image([0.5, 0.0, 1.0]), {"edge": image([1.0, -1.0, 255.0])}))
    assert values == pytest.approx({"err": 0.75})


@ALL
def test_states_of_two_accumulators_sum_to_that_of_one(task):
    pairs = [(predictions[task.name], batch) for predictions, batch in random_batches()]
    whole, parts = task.new_metrics(), (task.new_metrics(), task.new_metrics())
    for number, pair in enumerate(pairs):
        whole.update(*pair)
        parts[number % 2].update(*pair)
    for name, tensor in parts[0].state.items():
        tensor += parts[1].state[name]  # as all_reduce does, in place
    assert parts[0].compute() == pytest.approx(whole.compute(), rel=1e-12)


@ALL
def test_the_state_does_not_grow(task):
    metrics = task.new_metrics()
    shapes = {name: tensor.shape for name, tensor in metrics.state.items()}
    for predictions, batch in random_batches():
        metrics.update(predictions[task.name], batch)
    assert {name: tensor.shape for name, tensor in metrics.state.items()} == shapes


@ALL
def test_nothing_seen_is_not_a_number_under_every_name(task):
    values = task.new_metrics().compute()
    assert list(values) == list(task.higher_is_better)
    assert all(math.isnan(value) for value in values.values())


@ALL
def test_a_batch_without_valid_pixels_adds_nothing(task):
    (predictions, batch), _, (_, other) = random_batches()
    invalid = {key: torch.full_like(value, 255) for key, value in other.items()}
    invalid["seg"], invalid["depth"] = invalid["seg"] * 0 - 1, invalid["depth"] * 0
    pair = predictions[task.name], batch
    alone = measure(task, pair)
    both = measure(task, pair, (torch.randn(1, task.channels, 3, 5), invalid))
    alone.pop("Pixel Acc", None)  # counts labels of -1 as wrong, by the published rule
    assert {name: both[name] for name in alone} == alone


@ALL
def test_metrics_take_bfloat16(task):
    predictions, batch = next(random_batches())
    rounded = predictions[task.name].bfloat16()
    assert measure(task, (rounded, batch)) == measure(task, (rounded.float(), batch))


@ALL
def test_states_made_in_inference_mode_can_be_summed_outside(task):
    with torch.inference_mode():
        metrics = task.new_metrics()
        for predictions, batch in random_batches():
            metrics.update(predictions[task.name], batch)
    before = metrics.compute()
    for tensor in metrics.state.values():
        tensor += tensor
    assert metrics.compute() == pytest.approx(before, rel=1e-12)


def test_a_prediction_that_is_not_a_number_shows_in_the_mean_only():
    prediction = torch.tensor([[math.nan, 0, 0], [1, 0, 0]]).T[None, :, None]
    target = torch.tensor([[1.0, 0, 0], [1, 0, 0]]).T[None, :, None]
    values = measure(SN, (prediction, {"normal": target}))
    assert math.isnan(values["Angle Mean"])
    assert values["Angle 45"] == 50
