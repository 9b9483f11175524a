"""Parts of the networks: dropout, dilated convolutions, torchvision backbones, the user's own."""

from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from configs import ModelConfig, UserError
from models import build_network
from models.aspp import ByteDropout, DilatedConv2d


@pytest.mark.parametrize(("size", "dilation"), [((5, 7), 6), ((5, 7), 7), ((5, 7), 9), ((9, 9), 2)])
def test_skipping_the_padding_changes_neither_result_nor_gradients(size: tuple[int, int], dilation: int) -> None:
    torch.manual_seed(0)
    conv = DilatedConv2d(3, 4, dilation)
    x = torch.randn(2, 3, *size, requires_grad=True)
    plain = F.conv2d(x, conv.weight, conv.bias, padding=dilation, dilation=dilation)
    ours = conv(x)
    torch.testing.assert_close(ours, plain)
    upstream = torch.randn_like(plain)
    expected = torch.autograd.grad(plain, (x, conv.weight, conv.bias), upstream)
    for gradient, other in zip(torch.autograd.grad(ours, (x, conv.weight, conv.bias), upstream), expected, strict=True):
        torch.testing.assert_close(gradient, other)


@pytest.mark.parametrize("p", [0.5, 0.25, 0.1])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_dropout_drops_its_share_and_keeps_the_mean(p: float, layout: torch.memory_format) -> None:
    torch.manual_seed(0)
    x = torch.ones(4, 8, 33, 31).contiguous(memory_format=layout).requires_grad_()
    y = ByteDropout(p)(x)
    assert (y == 0).float().mean().item() == pytest.approx(p, abs=0.01)
    assert y[y != 0].unique().item() == pytest.approx(1 / (1 - p))
    y.sum().backward()
    assert torch.equal(x.grad, y.detach())


def test_dropout_follows_the_seed_and_is_off_in_evaluation() -> None:
    x, drop = torch.ones(3, 3), ByteDropout(0.5)
    torch.manual_seed(1)
    first = drop(x)
    second = drop(x)
    torch.manual_seed(1)
    assert torch.equal(drop(x), first)
    assert not torch.equal(first, second)
    assert torch.equal(drop.eval()(x), x)


@pytest.mark.parametrize(("name", "channels", "stride"), [("resnet18", 512, 32), ("resnet50", 2048, 8)])
def test_torchvision_backbones(name: str, channels: int, stride: int) -> None:
    with torch.device("meta"):
        net = build_network(ModelConfig(backbone=name, head_channels=8), {"depth": 1})
        assert net.backbone(torch.empty(2, 3, 64, 96)).shape == (2, channels, 64 // stride, 96 // stride)
        assert net(torch.empty(2, 3, 64, 96))["depth"].shape == (2, 1, 64 // stride, 96 // stride)


def test_width_and_head_channels_are_settings() -> None:
    net = build_network(ModelConfig(depth=18, width=4, head_channels=6, rates=(1, 2)), {"a": 2, "b": 5})
    predictions = net(torch.zeros(2, 3, 32, 48))
    assert {task: tuple(p.shape) for task, p in predictions.items()} == {"a": (2, 2, 5, 7), "b": (2, 5, 5, 7)}
    assert net.heads["a"].branches[0].conv1.weight.shape == (6, 32, 3, 3)


def test_the_users_own_backbone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_backbone.py").write_text(
        "from torch import nn\n"
        "def tiny(config):\n"
        "    net = nn.Conv2d(3, config.width, 3)\n"
        "    net.out_channels = config.width\n"
        "    return net\n"
        "def unfinished(config):\n"
        "    return nn.Conv2d(3, 4, 3).weight\n"
        "def no_head(features, channels, config):\n"
        "    return [features, channels]\n"
    )
    monkeypatch.chdir(tmp_path)
    net = build_network(ModelConfig(backbone="my_backbone:tiny", width=5, head_channels=4), {"a": 1}, tmp_path)
    assert isinstance(net.backbone, nn.Conv2d)
    assert net.heads["a"].branches[0].conv1.in_channels == 5
    with pytest.raises(UserError, match="no whole number out_channels"):
        build_network(ModelConfig(backbone="my_backbone:unfinished"), {"a": 1}, tmp_path)
    settings = ModelConfig(backbone="my_backbone:tiny", width=5, head="my_backbone:no_head")
    with pytest.raises(UserError, match=r"model\.head: 'my_backbone:no_head' made a list, not a torch\.nn\.Module"):
        build_network(settings, {"a": 1}, tmp_path)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"backbone": "resnet7"}, "unknown backbone.*choose from deeplab_resnet"),
        ({"head": "mlp"}, "unknown head.*choose from aspp"),
        ({"backbone": "os:path"}, "model.backbone: 'os:path' is not a function or class"),
        ({"head": ":x"}, "unknown head.*':x'"),
        ({"depth": 50}, "depth 18 or 34, not 50"),
    ],
)
def test_what_does_not_exist_is_named_with_the_choices(settings: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        build_network(ModelConfig(**settings), {"a": 1})


@pytest.mark.parametrize("p", [0.5, 0.25])
def test_dropout_of_a_relu_is_the_same_in_one_step(p: float) -> None:
    found = []
    for together in (False, True):
        torch.manual_seed(0)
        drop, x = ByteDropout(p), torch.randn(4, 6, 5, 5, requires_grad=True)
        y = drop.of_relu(x + 0) if together else drop(F.relu(x + 0, inplace=True))
        (gradient,) = torch.autograd.grad((y * torch.arange(5.0)).sum(), x)
        found.append((y.detach(), gradient))
    torch.testing.assert_close(found[0], found[1], rtol=0, atol=0)
    assert (found[0][0] == 0).float().mean() > p
