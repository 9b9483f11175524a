"""Masks that change while the network trains: the schedule, what must survive it, resuming."""

import copy
import math
from collections.abc import Iterable
from typing import Any

import pytest
import torch
from small_networks import LOSSES, WEIGHTS, batch, conv_net
from small_sparsifiers import DYNAMIC, begin
from torch import Tensor, nn

from configs import DynamicConfig, ModelConfig, UserError
from models import MultitaskNet, build_network
from prune_utils.apply import apply_masks, dense_state, kept_counts, load_state, mask_buffer, masks_of
from prune_utils.layers import stored_weight, weight_layers, weights
from prune_utils.masks import target_count
from prune_utils.scores import gradient_magnitudes
from prune_utils.sparsifiers.base import DynamicInputs
from prune_utils.sparsifiers.prune_and_grow import PruneAndGrow, split

pytestmark = pytest.mark.usefixtures("one_thread")
FIRST, SECOND, THIRD = "backbone.0.weight", "backbone.3.weight", "backbone.5.weight"
FEATURES = {"a": lambda p, b: p[:, 0].sum(), "b": lambda p, b: p[:, 1].sum()}


class Training:
    """A network, Adam and a dynamic method, trained on numbered batches."""

    def __init__(self, method: str, net: MultitaskNet | None = None, sparsity: float = 90, **settings: Any) -> None:
        self.net = conv_net() if net is None else net
        self.optimizer = torch.optim.Adam(self.net.parameters(), lr=0.01, weight_decay=5e-4)
        chosen = DynamicConfig(**{"end": 40, "interval": 5, **settings})
        inputs = DynamicInputs(self.net, self.optimizer, chosen, sparsity, LOSSES, WEIGHTS, seed=0)
        self.sparsifier = begin(method, inputs)

    def steps(self, iterations: Iterable[int]) -> None:
        for iteration in iterations:
            data = batch(iteration)
            self.sparsifier.before_step(iteration, data)
            predictions = self.net(data["img"])
            loss = sum(WEIGHTS[task] * LOSSES[task](predictions[task], data) for task in LOSSES)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()

    def kept(self) -> dict[str, int]:
        return {name: kept for name, (kept, _) in kept_counts(self.net).items()}


@pytest.mark.parametrize("method", DYNAMIC)
def test_density_follows_the_schedule_and_ends_exact(method: str) -> None:
    training = Training(method)
    counts = training.kept()
    assert sum(counts.values()) == target_count(4536, 90)
    assert counts[FIRST] == 216  # the first convolution stays dense
    for start in range(0, 40, 5):
        before = masks_of(training.net)
        training.steps([start])
        rate = 0.25 * (1 + math.cos(math.pi * start / 40))
        for name, kept in training.kept().items():
            if name == FIRST:
                assert kept == 216
                continue
            grown = counts[name] - round(counts[name] * (1 - rate))
            proposals = 2 if name in (SECOND, THIRD) and method == "disparse_dynamic" else 1
            assert counts[name] <= kept <= counts[name] + (proposals - 1) * grown
            assert (~masks_of(training.net)[name] & before[name]).sum() <= before[name].sum() - counts[name] + grown
        training.steps(range(start + 1, start + 5))
    assert training.kept() != counts or method == "rigl"
    training.steps([40])
    assert training.kept() == counts
    fixed = masks_of(training.net)
    training.steps(range(41, 47))
    assert all(torch.equal(mask, fixed[name]) for name, mask in masks_of(training.net).items())


@pytest.mark.parametrize("sparsity", [30, 50, 70, 90, 95])
@pytest.mark.parametrize("method", DYNAMIC)
def test_sparsity_is_exact_at_the_end(method: str, sparsity: int) -> None:
    training = Training(method, sparsity=sparsity, end=6, interval=2)
    training.steps(range(6))
    training.sparsifier.finish()
    assert sum(training.kept().values()) == target_count(4536, sparsity)


@pytest.mark.parametrize("sparsity", [30, 50, 70, 90, 99])
def test_sparsity_is_exact_on_the_published_kind_of_network(sparsity: int) -> None:
    net = build_network(ModelConfig(depth=18, width=8, head_channels=16), {"a": 4, "b": 2})
    total = sum(weight.numel() for weight in weights(net).values())
    training = Training("disparse_dynamic", net, sparsity)
    assert sum(training.kept().values()) == target_count(total, sparsity)
    assert training.kept()["backbone.conv1.weight"] == 3 * 8 * 49
    training.steps([0])
    training.sparsifier.finish()
    assert sum(training.kept().values()) == target_count(total, sparsity)


def test_more_sparsity_than_the_first_convolution_leaves_is_refused() -> None:
    with pytest.raises(UserError, match=r"backbone.0.weight stays dense and has 216 weights, but only 45 .* --ratio"):
        Training("rigl", sparsity=99)


@pytest.mark.parametrize("regrow", ["stored", "zero"])
def test_masked_weights_never_contribute(regrow: str) -> None:
    training = Training("disparse_dynamic", regrow=regrow)
    training.steps(range(8))
    data = batch(99)
    expected = training.net.eval()(data["img"])
    with torch.no_grad():
        for layer in weight_layers(training.net).values():
            if "weight_mask" in layer._buffers:
                stored_weight(layer)[mask_buffer(layer) == 0] = 1e9
    assert all(torch.equal(training.net(data["img"])[task], expected[task]) for task in expected)
    training.net(data["img"])["a"].sum().backward()
    for layer in weight_layers(training.net.heads["a"]).values():
        assert (stored_weight(layer).grad[mask_buffer(layer) == 0] == 0).all()


def test_absent_weights_keep_their_value_under_weight_decay() -> None:
    training = Training("disparse_dynamic")
    training.steps([0])
    before = {name: stored_weight(layer).detach().clone() for name, layer in weight_layers(training.net).items()}
    training.steps(range(1, 5))
    for name, present in masks_of(training.net).items():
        after = stored_weight(weight_layers(training.net)[name])
        assert torch.equal(after[~present], before[name][~present])
        assert not torch.equal(after[present], before[name][present])


@pytest.mark.parametrize("method", DYNAMIC)
def test_network_and_optimiser_stay_the_same_objects(method: str) -> None:
    training = Training(method)
    training.steps(range(3))

    def objects() -> list[int]:
        found: list[Any] = [*training.net.modules(), *training.net.parameters(), *training.net.buffers()]
        for group in training.optimizer.param_groups:
            found += group["params"]
        for state in training.optimizer.state.values():
            found += [state["exp_avg"], state["exp_avg_sq"]]
        return [id(thing) for thing in found]

    before = objects()
    training.steps(range(3, 45))
    assert objects() == before


def test_an_update_leaves_weights_running_statistics_and_mode_alone() -> None:
    training = Training("disparse_dynamic")
    training.net.eval()
    state = {name: tensor.clone() for name, tensor in dense_state(training.net)[0].items()}
    training.sparsifier.before_step(0, batch(0))
    assert not training.net.training
    assert all(torch.equal(tensor, state[name]) for name, tensor in dense_state(training.net)[0].items())
    assert all(parameter.grad is None for parameter in training.net.parameters())


@pytest.mark.parametrize("stop", [3, 12, 20, 45])
@pytest.mark.parametrize(("method", "regrow"), [("disparse_dynamic", "stored"), ("disparse_dynamic", "zero"),
                                                ("rigl", "zero")])  # fmt: skip
def test_a_resumed_run_is_the_uninterrupted_one(method: str, regrow: str, stop: int) -> None:
    whole = Training(method, regrow=regrow)
    whole.steps(range(stop))
    weights, masks = dense_state(whole.net)
    saved = copy.deepcopy([weights, masks, whole.optimizer.state_dict(), whole.sparsifier.state_dict()])
    whole.steps(range(stop, 50))

    net = conv_net(seed=1)
    load_state(net, saved[0])
    apply_masks(net, saved[1])
    resumed = Training.__new__(Training)
    resumed.net = net
    named = {name.removesuffix("_orig"): parameter for name, parameter in net.named_parameters()}
    order = [named[name] for name in [name for name, _ in conv_net().named_parameters()]]
    resumed.optimizer = torch.optim.Adam(order, lr=0.01, weight_decay=5e-4)
    settings = DynamicConfig(end=40, interval=5, regrow=regrow)
    resumed.sparsifier = begin(method, DynamicInputs(net, resumed.optimizer, settings, 90, LOSSES, WEIGHTS, seed=0))
    resumed.optimizer.load_state_dict(saved[2])
    resumed.sparsifier.load_state_dict(saved[3])
    resumed.steps(range(stop, 50))
    (ours, our_masks), (theirs, their_masks) = dense_state(resumed.net), dense_state(whole.net)
    assert all(torch.equal(mask, their_masks[name]) for name, mask in our_masks.items())
    assert all(torch.equal(tensor, theirs[name]) for name, tensor in ours.items())


def test_processes_that_share_a_batch_grow_what_one_process_grows() -> None:
    half, settings = batch(0, size=3), DynamicConfig(end=40, interval=5, chunks=2)
    twice = {key: torch.cat([value, value]) if isinstance(value, Tensor) else value * 2 for key, value in half.items()}

    def reduce(tensors: Iterable[Tensor]) -> None:
        for tensor in tensors:
            tensor.mul_(2)  # the other process had the same half

    nets = []
    for data, options in ((twice, {}), (half, {"reduce": reduce, "processes": 2})):
        nets.append(conv_net())
        optimizer = torch.optim.Adam(nets[-1].parameters())
        run = DynamicInputs(nets[-1], optimizer, settings, 90, LOSSES, WEIGHTS, seed=0, **options)
        begin("disparse_dynamic", run).before_step(0, data)
    alone, together = map(masks_of, nets)
    assert all(torch.equal(mask, together[name]) for name, mask in alone.items())


def test_growth_looks_at_the_gradient_of_each_chunk() -> None:
    training = Training("disparse_dynamic", chunks=2)
    data = batch(0)
    assert isinstance(training.sparsifier, PruneAndGrow)
    ours = training.sparsifier.gradients(split(data, 2))
    halves = [{key: value[part] for key, value in data.items()} for part in (slice(0, 2), slice(2, 4))]
    plain = conv_net()
    load_state(plain, dense_state(training.net)[0])
    # The network is masked here; a dense one of the masked weights has the same gradients where weights are.
    with torch.no_grad():
        for name, layer in weight_layers(plain).items():
            if name in masks_of(training.net):
                layer.weight.mul_(masks_of(training.net)[name])
    for task, scores in zip(LOSSES, ours, strict=True):
        expected = gradient_magnitudes(plain, halves, {task: LOSSES[task]})[task]
        for name, score in scores.items():
            present = masks_of(training.net).get(name, torch.ones_like(score, dtype=torch.bool))
            torch.testing.assert_close(score[present], expected[name][present])


def test_a_loss_that_is_not_finite_names_task_and_iteration() -> None:
    training = Training("disparse_dynamic")
    data = batch(5)
    data["b"][0] = math.nan
    with pytest.raises(UserError, match=r"iteration 5: the loss of task 'b' is nan"):
        training.sparsifier.before_step(5, data)
    assert all(mask.any() and not mask.all() for mask in masks_of(training.net).values())  # masks are back


def test_linear_networks_have_no_first_convolution() -> None:
    net = MultitaskNet(nn.Linear(20, 10), {"a": nn.Linear(10, 4)})
    optimizer = torch.optim.Adam(net.parameters())
    begin("rigl", DynamicInputs(net, optimizer, DynamicConfig(end=10), 90, FEATURES, WEIGHTS, seed=0))
    assert sum(kept for kept, _ in kept_counts(net).values()) == 24
