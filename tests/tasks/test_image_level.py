"""Tasks of the whole image, against sums over all pairs of images."""

import math

import pytest
import torch
from torch import Tensor

from configs import UserError
from models.pooled import PooledHead
from tasks import TASKS
from tasks.image_level import areas_under_roc, score_counts

NAN = math.nan


def column(*values: float, kind: torch.dtype = torch.float32) -> Tensor:
    return torch.tensor(values, dtype=kind)[:, None, None, None]


def test_the_area_under_the_roc_curve_is_the_share_of_pairs_in_the_right_order() -> None:
    logits = torch.tensor([[2.0], [1.0], [0.0], [0.0], [-3.0]])
    positive = torch.tensor([[True], [False], [True], [False], [False]])
    counts = score_counts(logits, positive, torch.ones_like(positive))
    # Of six pairs, 2 > 1, 2 > 0, 2 > -3, 0 > -3 are right, 0 against 0 is half, 0 < 1 is wrong.
    assert areas_under_roc(counts).tolist() == [pytest.approx(4.5 / 6)]
    left_out = score_counts(logits, positive, torch.tensor([[True], [False], [True], [True], [True]]))
    assert areas_under_roc(left_out).tolist() == [pytest.approx(3.5 / 4)]
    assert areas_under_roc(score_counts(logits, torch.ones_like(positive), torch.ones_like(positive))).isnan().all()


def test_classification_by_hand() -> None:
    task = TASKS["classification"](name="scene", channels=3)
    assert (task.targets, task.head_name) == (("scene",), "pooled")
    labels = column(0, 0, 1, 2, -1, kind=torch.int64)
    logits = torch.tensor([[3.0, 0, 0], [0, 3.0, 0], [0, 3.0, 0], [0, 3.0, 0], [0, 0, 3.0]])[:, :, None, None]
    metrics = task.new_metrics()
    for part in (slice(0, 2), slice(2, 5)):
        metrics.update(logits[part], {"scene": labels[part]})
    found = metrics.compute()
    assert found["accuracy"] == 0.5  # of the four whose class is known
    assert metrics.by_class()["f1"] == pytest.approx([2 / 3, 0.5, 0.0])
    assert found["f1"] == pytest.approx((2 / 3 + 0.5) / 3)
    # Class 0: its logit is 3 and 0 in images 0 and 1; the two others have 0: wins 1, 1, and halves twice.
    assert metrics.by_class()["auc"][0] == pytest.approx(3 / 4)
    expected = torch.nn.functional.cross_entropy(logits[:4, :, 0, 0], labels[:4].flatten())
    assert float(task.loss(logits, {"scene": labels})) == pytest.approx(float(expected))
    assert task.constant_prediction([{"scene": labels}]).exp().tolist() == pytest.approx([3 / 7, 2 / 7, 2 / 7])


def test_a_label_that_is_no_class_is_named() -> None:
    metrics = TASKS["classification"](name="scene", channels=2).new_metrics()
    metrics.update(torch.zeros(1, 2, 1, 1), {"scene": column(2, kind=torch.int64)})
    with pytest.raises(UserError, match=r"tasks.scene: 1 label in 'scene' is neither a class, 0..1, nor"):
        metrics.compute()


def test_multilabel_by_hand() -> None:
    task = TASKS["multilabel"](name="tags", channels=2)
    labels = torch.tensor([[1, 0], [0, NAN], [1, 1]])[:, :, None, None]
    logits = torch.tensor([[1.0, -1], [2.0, 5], [3.0, 1]])[:, :, None, None]
    metrics = task.new_metrics()
    metrics.update(logits, {"tags": labels})
    found = metrics.compute()
    assert found["accuracy"] == pytest.approx(4 / 5)
    assert metrics.by_class() == {"auc": [0.5, 1.0], "f1": pytest.approx([4 / 5, 1.0])}
    known = [(1.0, 1), (2.0, 0), (3.0, 1), (-1.0, 0), (1.0, 1)]
    by_hand = sum(math.log1p(math.exp(-x if y else x)) for x, y in known) / 5
    assert float(task.loss(logits, {"tags": labels})) == pytest.approx(by_hand, rel=1e-5)
    assert found["err"] == pytest.approx(by_hand, rel=1e-5)
    assert task.constant_prediction([{"tags": labels}]).sigmoid().tolist() == pytest.approx([3 / 5, 2 / 4])
    with pytest.raises(UserError, match="tasks.tags.channels: it is 2, but the data set's 'tags' has 1"):
        task.loss(logits, {"tags": labels[:, :1]})


@pytest.mark.parametrize(("criterion", "loss"), [("l1", 1.5), ("l2", 2.5)])
def test_regression_by_hand(criterion: str, loss: float) -> None:
    task = TASKS["regression"](name="age", channels=1, criterion=criterion)
    truth, guess = column(1, 3, NAN), column(2, 5, 7)
    assert float(task.loss(guess, {"age": truth})) == loss
    metrics = task.new_metrics()
    metrics.update(guess, {"age": truth})
    assert metrics.compute() == {"mae": 1.5, "r2": 1 - 5 / 2}
    assert task.constant_prediction([{"age": column(4, 4, NAN)}]).tolist() == [4.0]


@pytest.mark.parametrize("kind", ["classification", "multilabel", "regression"])
def test_without_a_known_value_the_loss_is_zero_and_metrics_are_undefined(kind: str) -> None:
    task = TASKS[kind](name="mine", channels=2)
    none = column(-1, kind=torch.int64) if kind == "classification" else torch.full((1, 2, 1, 1), NAN)
    guess = torch.zeros(1, 2, 1, 1, requires_grad=True)
    loss = task.loss(guess, {"mine": none})
    loss.backward()
    assert float(loss.detach()) == 0 and not guess.grad.any()
    metrics = task.new_metrics()
    metrics.update(guess, {"mine": none})
    assert all(math.isnan(value) for value in metrics.compute().values())
    with pytest.raises(UserError, match="no valid pixel"):
        task.constant_prediction([{"mine": none}])


def test_balanced_class_weights_are_counted_in_the_training_targets() -> None:
    task = TASKS["classification"](name="scene", channels=3, class_weights="balanced")
    found = task.with_files(None).with_data(lambda: [{"scene": column(0, 0, 0, 1, -1, kind=torch.int64)}])
    assert found.class_weights == pytest.approx((4 / 9, 4 / 3, 1.0))


def test_names_of_classes_are_as_many_as_classes() -> None:
    with pytest.raises(ValueError, match="class_names: 1 names for 2 channels"):
        TASKS["multilabel"](name="tags", channels=2, class_names=["sky"])


def test_the_pooled_head_is_linear_in_the_mean_features() -> None:
    head = PooledHead(2, 1, type("Settings", (), {"dropout": 0.0}))
    features = torch.randn(3, 2, 4, 5)
    expected = features.mean((2, 3)) @ head.linear.weight.T + head.linear.bias
    assert torch.allclose(head(features)[:, :, 0, 0], expected) and head(features).shape == (3, 1, 1, 1)
