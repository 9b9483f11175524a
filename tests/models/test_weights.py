"""Weights that a backbone begins with: whose names are understood, what is left out, what is refused."""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.error import URLError

import pytest
import torch
import torchvision
from torch import Tensor

from configs import ModelConfig, UserError
from models import MultitaskNet, build_network, pretrained
from models.files import load_plain


def resnet18() -> dict[str, Tensor]:
    """torchvision's ResNet-18 with weights that nothing else has, its classifier among them."""
    torch.manual_seed(5)
    return torchvision.models.resnet18(weights=None).state_dict()


def saved(folder: Path, content: Any) -> Path:
    torch.save(content, folder / "weights.pth")
    return folder / "weights.pth"


def begun(config: ModelConfig, folder: Path = Path()) -> tuple[MultitaskNet, str]:
    """A network with the weights that the settings name, and the remark."""
    net, weights = build_network(config, {"depth": 1}), pretrained(config, folder)
    assert weights is not None
    return net, weights.give(net.backbone)


@pytest.mark.parametrize(
    "wrapped",
    [
        lambda state: state,
        lambda state: {"state_dict": {f"module.{name}": value for name, value in state.items()}, "epoch": 3},
        lambda state: {"model": {f"backbone.{n}": v for n, v in state.items()} | {"neck.w": torch.ones(1)}},
    ],
)
def test_torchvisions_names_reach_the_published_backbone(wrapped: Callable, tmp_path: Path) -> None:
    state = resnet18()
    config = ModelConfig(depth=18, head_channels=4, weights=str(saved(tmp_path, wrapped(state))))
    net, remark = begun(config)
    own = net.backbone.state_dict()
    assert torch.equal(own["conv1.weight"], state["conv1.weight"])
    assert torch.equal(own["blocks.2.1.conv2.weight"], state["layer3.1.conv2.weight"])
    assert torch.equal(own["blocks.3.0.bn1.running_var"], state["layer4.0.bn1.running_var"])
    assert torch.equal(own["ds.1.0.weight"], state["layer2.0.downsample.0.weight"])
    assert torch.equal(own["ds.3.1.bias"], state["layer4.0.downsample.1.bias"])
    assert "left out, since heads are new: " in remark and "fc.weight" in remark and "weights.pth" in remark


def test_the_remark_comes_once_and_the_weights_every_time(tmp_path: Path) -> None:
    config = ModelConfig(backbone="resnet18", head_channels=4, weights=str(saved(tmp_path, resnet18())))
    weights = pretrained(config, tmp_path)
    assert weights is not None
    nets = [build_network(config, {"depth": 1}) for _ in range(2)]
    assert [bool(weights.give(net.backbone)) for net in nets] == [True, False]
    assert torch.equal(nets[0].backbone.conv1.weight, nets[1].backbone.conv1.weight)


def test_a_file_beside_the_settings_is_found_and_told_by_its_content(tmp_path: Path) -> None:
    saved(tmp_path, resnet18())
    config = ModelConfig(backbone="resnet18", weights="weights.pth")
    first = pretrained(config, tmp_path)
    (tmp_path / "other").mkdir()
    (tmp_path / "weights.pth").rename(tmp_path / "other" / "weights.pth")
    moved = pretrained(config, tmp_path / "other")
    saved(tmp_path, resnet18() | {"fc.bias": torch.ones(1000)})
    changed = pretrained(config, tmp_path)
    assert first is not None and moved is not None and changed is not None
    assert first.digest == moved.digest != changed.digest


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda s: s.update({"layer9.0.conv1.weight": torch.ones(1)}), "has not, layer9.0.conv1.weight; check model."),
        (lambda s: s.pop("conv1.weight"), "lacks, of the backbone, conv1.weight"),
        (lambda s: s.update({"conv1.weight": torch.ones(64, 3, 3, 3)}), r"\(64, 3, 3, 3\), the backbone of shape"),
        (lambda s: s["conv1.weight"].fill_(float("nan")), "conv1.weight' is not finite"),
        (lambda s: s.update({"epoch": 3}), "holds no state dict"),
    ],
)
def test_what_does_not_fit_is_one_line(change: Callable[[dict], Any], words: str, tmp_path: Path) -> None:
    state: dict[str, Any] = resnet18()
    change(state)
    config = ModelConfig(backbone="resnet18", head_channels=4, weights=str(saved(tmp_path, state)))
    with pytest.raises(UserError, match=f"model.weights: .*{words}"):
        begun(config)


def test_a_file_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.pth").write_text("hello")
    for name, words in (("text.pth", "not a file of weights"), ("none.pth", "none.pth: cannot be read")):
        with pytest.raises(UserError, match=f"model.weights: .*{words}"):
            pretrained(ModelConfig(weights=name), tmp_path)


def test_safetensors_are_read_where_the_package_is(tmp_path: Path) -> None:
    library = pytest.importorskip("safetensors.torch")
    library.save_file({"w": torch.ones(2)}, tmp_path / "w.safetensors")
    assert load_plain(tmp_path / "w.safetensors", "file")["w"].tolist() == [1, 1]
    (tmp_path / "bad.safetensors").write_bytes(b"\xff" * 40)
    with pytest.raises(UserError, match="bad.safetensors: not a file"):
        load_plain(tmp_path / "bad.safetensors", "file")


def test_torchvisions_own_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    from torchvision.models import _api

    monkeypatch.setattr(_api, "load_state_dict_from_url", lambda url, **_: resnet18())
    config = ModelConfig(depth=18, head_channels=4, weights="torchvision:IMAGENET1K_V1")
    net, remark = begun(config)
    assert torch.equal(net.backbone.conv1.weight, resnet18()["conv1.weight"])
    assert "torchvision:IMAGENET1K_V1" in remark
    weights = pretrained(config, Path())
    assert weights is not None and weights.digest == "resnet18-f37072fd.pth"


def test_torchvisions_weights_without_a_network_and_for_other_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    from torchvision.models import _api

    def fail(url: str, **_: Any) -> None:
        raise URLError("no route")

    monkeypatch.setattr(_api, "load_state_dict_from_url", fail)
    with pytest.raises(UserError, match=r"cannot be fetched .*no route.*download https://.*resnet50-11ad3fa6.pth"):
        pretrained(ModelConfig(backbone="resnet50", weights="torchvision:IMAGENET1K_V2"), Path())
    with pytest.raises(UserError, match="torchvision's weights for resnet34 are IMAGENET1K_V1"):
        pretrained(ModelConfig(weights="torchvision:IMAGENET1K_V2"), Path())
    with pytest.raises(UserError, match="this backbone is none of torchvision's"):
        pretrained(ModelConfig(backbone="timm:resnet18", weights="torchvision:IMAGENET1K_V1"), Path())
