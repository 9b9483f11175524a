"""Schedules and the optimiser."""

import pytest
import torch
from small_networks import batch, conv_net

from configs import load_config
from prune_utils.apply import apply_masks
from prune_utils.layers import weights
from training.optim import make_optimizer, schedule


def test_a_network_pruned_after_training_is_retrained() -> None:
    config = load_config("nyuv2")
    assert (schedule(config, False, None).lr, schedule(config, False, None).max_iters) == (1e-3, 20000)
    assert (schedule(config, True, None).lr, schedule(config, True, None).max_iters) == (1e-5, 1000)
    assert schedule(config, True, 7).max_iters == 7
    without = config.model_copy(update={"retrain": None})
    assert schedule(without, True, None).lr == 1e-3


def test_the_published_decay() -> None:
    net = conv_net()
    settings = load_config("sample", ["train.lr=0.1", "train.decay_every=2", "train.decay_rate=0.3"]).train
    optimizer, scheduler = make_optimizer(net, settings, settings)
    rates = []
    for _ in range(5):
        rates.append(scheduler.get_last_lr()[0])
        optimizer.step()
        scheduler.step()
    assert rates == pytest.approx([0.1, 0.1, 0.03, 0.03, 0.009])


def test_the_state_of_a_network_masked_later_fits_one_masked_before() -> None:
    settings = load_config("sample").train
    masks = {name: torch.ones_like(weight, dtype=torch.bool) for name, weight in weights(conv_net()).items()}
    nets = []
    for first in (True, False):
        net = conv_net()
        if first:
            apply_masks(net, masks)
        optimizer, _ = make_optimizer(net, settings, settings)
        if not first:
            apply_masks(net, masks)
        nets.append((net, optimizer))
    (one, trained), (other, fresh) = nets
    for step in range(2):
        sum(prediction.sum() for prediction in one(batch(step)["img"]).values()).backward()
        trained.step()
    fresh.load_state_dict(trained.state_dict())
    for name, weight in weights(one).items():
        assert torch.equal(trained.state[weight]["exp_avg"], fresh.state[weights(other)[name]]["exp_avg"])
