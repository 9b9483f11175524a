"""timm's networks as backbones: maps of features whatever the kind of network, and its own names of weights."""

import importlib
from pathlib import Path
from types import ModuleType

import pytest
import torch

from configs import ModelConfig, UserError
from models import MultitaskNet, build_network, library, pretrained
from prune_utils.layers import shared_weights


def network(name: str) -> MultitaskNet:
    return build_network(ModelConfig(backbone=f"timm:{name}", head_channels=2, rates=(1,)), {"depth": 1})


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("resnet18", (512, 8, 12)),  # dilated to stride 8
        ("mobilenetv3_small_050", (288, 2, 3)),  # with parts that features do not pass through
        ("vit_tiny_patch16_224", (192, 4, 6)),  # tokens, one of which stands for no place
        ("swin_tiny_patch4_window7_224", (768, 2, 3)),  # channels last
    ],
)
def test_any_kind_gives_a_map_and_every_weight_has_a_gradient(name: str, shape: tuple[int, ...]) -> None:
    pytest.importorskip("timm")
    net = network(name)
    x = torch.randn(2, 3, 64, 96)
    assert net.backbone(x).shape == (2, *shape)
    assert net.backbone.out_channels == shape[0]
    found = torch.autograd.grad(net(x)["depth"].sum(), list(shared_weights(net).values()))
    assert len(found) > 10


def test_its_weights_are_read_by_their_own_names(tmp_path: Path) -> None:
    timm = pytest.importorskip("timm")
    state = timm.create_model("resnet18").state_dict()
    torch.save(state, tmp_path / "w.pth")
    net = network("resnet18")
    weights = pretrained(ModelConfig(backbone="timm:resnet18", weights="w.pth"), tmp_path)
    assert weights is not None and "fc.weight" in weights.give(net.backbone)
    assert torch.equal(net.backbone.net.layer3[1].conv2.weight, state["layer3.1.conv2.weight"])
    assert "net.layer2.0.downsample.0.weight" in net.backbone.shortcut_layers


def test_an_unknown_name_and_a_missing_package_are_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    assert library(ModelConfig(backbone="timm:resnet18")) == "timm" and library(ModelConfig()) is None

    def none(name: str) -> ModuleType:
        raise ImportError(name)

    with monkeypatch.context() as patch:
        patch.setattr(importlib, "import_module", none)
        with pytest.raises(UserError, match="timm:resnet18: timm is not installed; run: pip install timm"):
            network("resnet18")
    pytest.importorskip("timm")
    with pytest.raises(UserError, match="timm has no network 'resnet19'; it has .*resnet"):
        network("resnet19")
