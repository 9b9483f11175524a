"""The network is the published one: names, shapes, outputs and saliency, against reference values."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from published_names import to_published
from torch import Tensor

from configs import ModelConfig, UserError
from models import MultitaskNet, build_network
from models.published import from_published, is_published
from prune_utils.scores import gradient_magnitudes, snip_scores

MASK = 2**32 - 1


def reference(shared: Path, name: str) -> dict:
    return json.loads((shared / "golden" / name).read_text())


def filled(channels: dict[str, int]) -> MultitaskNet:
    """The full network with the parameters of the reference's formula."""
    with torch.device("meta"):
        net = build_network(ModelConfig(), channels)
    state = net.state_dict()
    values = {key: fill(key, i, tensor.shape, state) for i, (key, tensor) in enumerate(state.items())}
    net.load_state_dict(values, assign=True)
    return net.eval()


def fill(key: str, position: int, shape: torch.Size, state: dict[str, Tensor]) -> Tensor:
    if key.endswith("num_batches_tracked"):
        return torch.tensor(0)
    k = np.arange(shape.numel(), dtype=np.uint64)
    prefix, last = key.rsplit(".", 1)
    if len(shape) > 1:
        h = (k * 2654435761 + position * 2246822519 + 3266489917) & MASK
        h = ((h ^ (h >> np.uint64(16))) * 0x85EBCA6B) & MASK
        h = ((h ^ (h >> np.uint64(13))) * 0xC2B2AE35) & MASK
        h ^= h >> np.uint64(16)
        values = (2 * h / 2**32 - 1) * np.sqrt(3 / (shape.numel() // shape[0]))
    elif f"{prefix}.running_mean" in state:
        angle = k.astype(float) + position
        values = {
            "weight": 1 + 0.1 * np.sin(angle),
            "bias": 0.1 * np.cos(angle),
            "running_mean": 0.05 * np.sin(angle),
            "running_var": 1 + 0.5 * np.abs(np.sin(angle)),
        }[last]
    else:
        values = 0.01 * np.cos(k.astype(float) + position)
    return torch.from_numpy(values.astype(np.float32)).reshape(shape)


def image(shape: list[int]) -> Tensor:
    k = np.arange(np.prod(shape), dtype=float)
    return torch.from_numpy(np.sin(0.01 * k).astype(np.float32)).reshape(shape)


@pytest.fixture(scope="module")
def net() -> MultitaskNet:
    return filled({"task1": 3, "task2": 1})


@pytest.mark.parametrize("key", ["[40,3,1]", "[19,1]", "[17,3,1,1,1]"])
def test_names_shapes_and_order_are_the_published_ones(shared: Path, key: str) -> None:
    expected = reference(shared, "state_dict.json")["nets"][key]
    tasks = [f"t{i}" for i in range(len(expected["num_classes"]))]
    with torch.device("meta"):
        net = build_network(ModelConfig(), dict(zip(tasks, expected["num_classes"], strict=True)))
    ours = [[to_published(name, tasks), list(tensor.shape)] for name, tensor in net.state_dict().items()]
    assert ours == expected["plain_state_dict"]
    assert sum(p.numel() for p in net.parameters()) == expected["num_parameters"]
    for case in expected["outputs"]:
        predictions = net(torch.empty(case["input"], device="meta"))
        assert [list(p.shape) for p in predictions.values()] == case["output_shapes"]


def test_the_formula_is_filled_in_as_meant(shared: Path, net: MultitaskNet) -> None:
    state = {to_published(name, ["task1", "task2"]): value for name, value in net.state_dict().items()}
    for check in reference(shared, "model.json")["fill_checks"]:
        first = state[check["key"]].flatten()[: len(check["first_values"])]
        assert first.tolist() == check["first_values"]


@pytest.mark.parametrize("size", ["small", "large"])
def test_outputs_are_those_of_the_published_network(shared: Path, net: MultitaskNet, size: str) -> None:
    expected = np.load(shared / "golden" / "model.npz")
    x = image(reference(shared, "model.json")["inputs"][size]["shape"])
    with torch.no_grad():
        predictions = net(x)
    for task, prediction in predictions.items():
        np.testing.assert_allclose(prediction.numpy(), expected[f"{size}.float64.{task}"], atol=1e-5)


@pytest.mark.parametrize("size", ["small", "large"])
def test_saliency_is_that_of_the_published_network(shared: Path, net: MultitaskNet, size: str) -> None:
    golden = reference(shared, "model.json")
    batch = {"img": image(golden["inputs"][size]["shape"])}
    losses = {task: lambda prediction, batch: prediction.mean() for task in net.heads}
    # The reference was made in evaluation mode; scoring turns training mode on, so keep norms and dropout from it.
    net.train = lambda mode=True: net  # type: ignore[method-assign]
    try:
        scores = snip_scores(net, gradient_magnitudes(net, [batch], losses))
    finally:
        del net.train
    for task, ours in scores.items():
        expected = golden["snip"]["inputs"][size][task]["float64"]
        names = [to_published(name, ["task1", "task2"]) for name in ours]
        assert names == [f"{layer['layer']}.weight" for layer in expected["layers"]]
        for score, layer in zip(ours.values(), expected["layers"], strict=True):
            assert score.double().sum().item() == pytest.approx(layer["sum"], rel=2e-4)
            values = score.flatten()[layer["flat_indices"]]
            np.testing.assert_allclose(values, layer["values"], atol=1e-4 * layer["max"])


def test_published_names_are_read_back_with_masks_and_module_prefix() -> None:
    with torch.device("meta"):
        net = build_network(ModelConfig(depth=18, width=4, head_channels=4), {"seg": 5, "sn": 3})
    state = {}
    for name, tensor in net.state_dict().items():
        published = "module." + to_published(name, ["seg", "sn"])
        if name.endswith("conv1.weight"):
            state[published + "_orig"] = torch.ones(tensor.shape)
            state[published + "_mask"] = torch.zeros(tensor.shape)
        else:
            state[published] = torch.zeros(tensor.shape)
    assert is_published(state)
    weights, masks = from_published(state, ["seg", "sn"])
    assert list(weights) == list(net.state_dict())
    assert all(not mask.any() for mask in masks.values())
    assert set(masks) == {name for name in weights if name.endswith("conv1.weight")}
    with pytest.raises(UserError, match="head for task 2"):
        from_published(state, ["seg"])
    with pytest.raises(UserError, match="not one of a published network"):
        from_published({"features.0.weight": torch.zeros(1)}, ["seg"])
