"""Schedules and the optimiser."""

import pytest
import torch
from small_networks import batch, conv_net

from configs import load_config
from prune_utils.apply import apply_masks
from prune_utils.layers import weights
from training.optim import kept_of, make_optimizer, schedule


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


def rates_of(*words: str) -> list[float]:
    """Of each of the first ten iterations."""
    settings = load_config("sample", ["train.lr=0.1", "train.max_iters=10", *words]).train
    optimizer, scheduler = make_optimizer(conv_net(), settings, settings)
    rates = []
    for _ in range(10):
        rates.append(scheduler.get_last_lr()[0])
        optimizer.step()
        scheduler.step()
    return rates


def test_a_warm_up_and_half_a_cosine() -> None:
    rates = rates_of("train.schedule=cosine", "train.warmup=2")
    # It rises by 0.05; of the eight iterations after that, the third (index 4) is a quarter of the way down, where the
    # cosine is (1 + 1 / sqrt(2)) / 2, and the fifth is half of the way.
    assert rates[:3] == pytest.approx([0.05, 0.1, 0.1])
    assert rates[4] == pytest.approx(0.1 * (1 + 0.5**0.5) / 2) and rates[6] == pytest.approx(0.05)
    assert rates[9] == pytest.approx(0.1 * (1 - 0.9238795325) / 2), "an eighth of the way from its end, cos(pi / 8)"


def test_a_warm_up_before_steps_that_count_from_the_first_iteration() -> None:
    rates = rates_of("train.warmup=4", "train.decay_every=3", "train.decay_rate=0.5")
    assert rates == pytest.approx([0.025, 0.05, 0.075, 0.05, 0.05, 0.05, 0.025, 0.025, 0.025, 0.0125])


def test_a_rate_depends_on_the_iteration_alone() -> None:
    settings = load_config("sample", ["train.schedule=cosine", "train.warmup=3", "train.max_iters=10"]).train
    optimizer, scheduler = make_optimizer(conv_net(), settings, settings)
    for _ in range(7):
        optimizer.step()
        scheduler.step()
    fresh_optimizer, fresh = make_optimizer(conv_net(), settings, settings)
    fresh.load_state_dict({**fresh.state_dict(), "last_epoch": 6})
    fresh_optimizer.step()
    fresh.step()
    assert fresh.get_last_lr() == scheduler.get_last_lr()


@pytest.mark.parametrize(
    ("words", "first", "second"),
    [
        # Weights of 1 and gradients of 1, lr 0.1 and decay 0.2. SGD: 1 - 0.1 * 1.2; then with half of that momentum,
        # 0.88 - 0.1 * (0.6 + 1.176). Adam goes 0.1 where the gradient stays the same; AdamW shrinks weights besides.
        (["train.optimizer=sgd", "train.momentum=0.5"], 0.88, 0.7024),
        (["train.optimizer=sgd", "train.momentum=0"], 0.88, 0.7624),
        (["train.optimizer=adamw"], 0.88, 0.7624),
        (["train.optimizer=adam"], 0.9, 0.8),
    ],
)
def test_the_optimiser_that_is_asked_for_makes_its_steps(words: list[str], first: float, second: float) -> None:
    settings = load_config("sample", ["train.lr=0.1", "train.weight_decay=0.2", *words]).train
    net = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.ones_(net.weight)
    optimizer, _ = make_optimizer(net, settings, settings)
    for expected in (first, second):
        net.weight.grad = torch.ones(1, 1)
        optimizer.step()
        assert net.weight.item() == pytest.approx(expected, rel=2e-4)
    assert set(kept_of(optimizer)) >= set(optimizer.state[net.weight])


@pytest.mark.parametrize("dataset", ["nyuv2", "cityscapes", "taskonomy", "nyuv2_mtan", "cityscapes_mtan", "sample"])
def test_by_default_nothing_is_clipped_balanced_or_warmed_up(dataset: str) -> None:
    train = load_config(dataset).train
    assert (train.optimizer, train.schedule, train.warmup, train.clip, train.balance, train.log) == (
        "adam", "step", 0, None, "sum", "csv",
    )  # fmt: skip
    optimizer, scheduler = make_optimizer(conv_net(), train, train)
    assert type(optimizer) is torch.optim.Adam and type(scheduler) is torch.optim.lr_scheduler.StepLR
