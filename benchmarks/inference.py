"""Time an image of dense, weight-pruned and channel-pruned networks, side by side.

They are pruned by magnitude as they are initialised, since weights do not change a time.
"""

import copy
from collections.abc import Callable, Mapping
from functools import partial

import torch
from torch import Tensor, nn

from benchmarks.timing import Row
from configs import Config, load_config
from models import build_network
from prune_utils.apply import apply_masks
from prune_utils.channels.removal import without_idle_channels
from prune_utils.sparsifiers.base import OneShotInputs
from prune_utils.sparsifiers.registry import build_sparsifier
from runtime.device import Runtime, choose_device
from training.exporting.timing import side_by_side

NETWORKS = {"dense": ("baseline", 90), "90 % of weights": ("disparse_static", 90)} | {
    f"{ratio} % of channels": ("disparse_channel", ratio) for ratio in (50, 70)
}
"""Method and ratio; of channels the ratio is that of the multiply-adds."""
WIDTHS = (16, 32, 64)
"""Of the sample rooms' network; 16 is its own."""
MULTIPLES = (1, 16)
"""Channels that go at a time; kernels of AVX-512 work on 16 numbers at once."""
SAMPLE, FULL_SIZE = (128, 128), (240, 320)
Nets = Mapping[str, nn.Module]


def measure() -> list[Row]:
    """Times an image over the dense network's."""
    rows = []
    for width in WIDTHS:
        for multiple in MULTIPLES:
            nets = networks(load_config("sample", [f"model.width={width}"]), SAMPLE, multiple)
            rows += everywhere(f"sample, width {width}, multiples of {multiple}", nets, torch.randn(1, 3, *SAMPLE), 15)
    nets = networks(load_config("nyuv2"), FULL_SIZE, 1)
    return rows + everywhere(
        "full size", nets, torch.randn(1, 3, *FULL_SIZE), 3, asked={"50 % of channels": ">= 1.6 x"}
    )


def everywhere(what: str, nets: Nets, frame: Tensor, repeats: int, asked: Mapping[str, str] | None = None) -> list[Row]:
    """On every device in fp32 and bf16; a large image in bf16 on a GPU only: a CPU without bf16 units takes minutes."""
    small = frame.shape[-2:] == SAMPLE
    return [
        row
        for device in devices()
        for precision in (("fp32", "bf16") if small or device.type == "cuda" else ("fp32",))
        for row in times(what, nets, frame, Runtime(device, precision), repeats, asked or {})
    ]


def devices() -> list[torch.device]:
    """The CPU, and the GPU where there is one."""
    return [torch.device("cpu"), *([choose_device("cuda")] if torch.cuda.is_available() else [])]


def networks(config: Config, size: tuple[int, int], multiple: int) -> Nets:
    """The data set's network, dense and pruned by magnitude."""
    torch.manual_seed(0)
    net = build_network(config.model, {name: task.channels for name, task in config.tasks.items()}).eval()
    example = torch.zeros(1, 3, *size)
    nets: dict[str, nn.Module] = {"dense": net}
    for name, (method, ratio) in list(NETWORKS.items())[1:]:
        by_channel = "channel" in method
        by_size = build_sparsifier(
            "magnitude_channel" if by_channel else "magnitude", config, {"multiple": multiple} if by_channel else {}
        )
        inputs = OneShotInputs(net, list(net.heads), ratio, None, 0, partial(dict), partial(dict), lambda: example)
        pruned = copy.deepcopy(net)
        apply_masks(pruned, by_size.masks(inputs)[0])
        nets[name] = without_idle_channels(pruned, example)[0].eval() if by_channel else pruned
    return nets


def times(what: str, nets: Nets, frame: Tensor, runtime: Runtime, repeats: int, asked: Mapping[str, str]) -> list[Row]:
    """Time an image of each network on one device in one precision."""
    works: dict[str, Callable[[], object]] = {}
    for name, net in nets.items():
        moved = net.to(runtime.device).to(memory_format=torch.contiguous_format)
        works[name] = partial(runtime.arrange(moved), frame.to(runtime.device))
    with torch.no_grad(), runtime.autocast():
        seconds = side_by_side(works, repeats, runtime.device)
    place = f"{what}, {runtime.device.type} {runtime.precision}"
    dense = seconds["dense"]
    rows = [Row("inference", f"{place}: dense, an image", f"{1e3 * dense:.1f} ms")]
    for name in list(nets)[1:]:
        target = asked.get(name, "") if runtime.precision == "fp32" else ""
        rows.append(
            Row("inference", f"{place}: {name} gone, as fast as dense", f"{dense / seconds[name]:.2f} x", target)
        )
    return rows
