"""Twenty-five tasks: gradients that do not fit are kept as sketches, and what is made of them hardly changes."""

import numpy as np
import pytest
import torch
from torch import nn

from models import MultitaskNet
from prune_utils.layers import shared_weights
from prune_utils.scores import task_gradients
from relatedness.estimators.gradient_cosine import crossed_cosine
from relatedness.estimators.joint_alignment import alignment
from relatedness.materials import gradients
from relatedness.materials.gradients import Gradients, SignedSums
from relatedness.materials.sketch import BUCKETS

TASKS = [f"task{number}" for number in range(25)]
WIDTH, FEATURES = 320, 160  # 51,200 weights: three times as many as there are buckets


def measured() -> Gradients:
    """Of tasks whose heads and targets have much or little in common."""
    torch.manual_seed(0)
    backbone = nn.Sequential(nn.Linear(WIDTH, FEATURES, bias=False), nn.Tanh())
    heads = {task: nn.Linear(FEATURES, 1) for task in TASKS}
    with torch.no_grad():
        for number, head in enumerate(heads.values()):  # the first are like one another, the last are not
            head.weight += 2 * (1 - number / len(TASKS)) * heads[TASKS[0]].weight
    net = MultitaskNet(backbone, heads)
    losses = {task: lambda prediction, batch: (prediction - batch["img"][:, :1]).square().mean() for task in TASKS}
    shared = shared_weights(net)
    common = torch.randn(WIDTH)  # what all pictures share
    sums = SignedSums(TASKS, shared, seed=0)
    for gradient in task_gradients(net, [{"img": 0.1 * torch.randn(16, WIDTH) + common} for _ in range(4)], losses):
        if gradient.shared:
            sums.add(gradient.number, gradient)
    return sums.gradients(lambda tensors: None)


def test_twenty_five_tasks_in_sketches_are_as_they_were_within_the_stated_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    exact = measured()
    monkeypatch.setattr(gradients, "EXACT_NUMBERS", WIDTH * FEATURES)
    sketched = measured()
    assert sketched.sketched and not exact.sketched
    np.testing.assert_allclose(sketched.losses, exact.losses)
    apart = ~np.eye(len(TASKS), dtype=bool)
    for estimate in (crossed_cosine, alignment):
        true, found = estimate(exact.products.sum(0)), estimate(sketched.products.sum(0))
        assert np.ptp(true[apart]) > 0.1, "there is something to tell apart"
        errors = (found - true)[apart]
        assert 0 < errors.std() < 1.5 / np.sqrt(BUCKETS)
        assert np.abs(errors).max() < 5 / np.sqrt(BUCKETS)
