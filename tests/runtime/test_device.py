"""Devices, seeds, what a result came from, and keys of cached work."""

import random
from contextlib import nullcontext
from dataclasses import replace

import numpy as np
import pytest
import torch

from configs import UserError
from runtime.device import Runtime, choose_device, seed_everything, start
from runtime.provenance import Stopwatch, git_revision, peak_memory_mb, provenance

CPU = Runtime(torch.device("cpu"), "fp32")


def test_devices_that_are_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose_device("auto") == choose_device("cpu") == torch.device("cpu")
    for name in ("cuda", "cuda:0"):
        with pytest.raises(UserError, match="torch finds no CUDA device here; use --device cpu"):
            choose_device(name)
    for name in ("gpu", "mps", "cuda:x", ""):
        with pytest.raises(UserError, match="none of auto, cpu, cuda, cuda:N"):
            choose_device(name)


def test_each_local_rank_has_a_gpu_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert choose_device("auto", local_rank=1) == torch.device("cuda", 1)
    assert choose_device("cuda") == torch.device("cuda", 0)
    assert choose_device("cuda:1", local_rank=0) == torch.device("cuda", 1)
    with pytest.raises(UserError, match="there is no cuda:2; torch finds 2"):
        choose_device("cuda", local_rank=2)


def test_a_seed_seeds_every_generator() -> None:
    def draw() -> tuple[float, float, float]:
        seed_everything(5)
        return random.random(), float(np.random.random()), torch.rand(1).item()

    assert draw() == draw()


def test_autocast_is_bf16_only_where_asked() -> None:
    layer = torch.nn.Linear(2, 2)
    for precision, expected in (("fp32", torch.float32), ("bf16", torch.bfloat16)):
        with Runtime(torch.device("cpu"), precision).autocast():
            assert layer(torch.ones(1, 2)).dtype == expected


def test_placing_moves_tensors_and_leaves_the_rest() -> None:
    placed = Runtime(torch.device("meta"), "fp32").place({"img": torch.ones(2), "name": ["a", "b"]})
    assert placed["img"].device.type == "meta" and placed["name"] == ["a", "b"]


def test_provenance_tells_versions_device_revision_time_and_memory() -> None:
    watch = Stopwatch()
    for _ in range(2):
        with watch.stage("sum"):
            sum(range(10_000))
    told = provenance(CPU, watch.seconds)
    assert told["versions"]["torch"] == torch.__version__
    assert told["device"].startswith("cpu")
    assert list(told["seconds"]) == ["sum"] and watch.seconds["sum"] > 0
    assert told["peak_memory_mb"] == pytest.approx(peak_memory_mb(), rel=0.2)
    assert told["git_revision"] == git_revision()


GPU = Runtime(torch.device("cuda", 0), "fp32")
"""Only its name is asked; nothing is calculated on it."""


def test_on_a_gpu_weights_are_channels_last_in_every_precision() -> None:
    def order(runtime: Runtime) -> bool:
        net = runtime.arrange(torch.nn.Conv2d(2, 2, 3))
        return net.weight.is_contiguous(memory_format=torch.channels_last)

    assert order(GPU) and order(replace(CPU, precision="bf16")) and not order(CPU)


def test_cudnn_looks_for_the_fastest_kernel_only_inside_fixed_shapes_on_a_gpu() -> None:
    seen = {}
    for name, runtime in (("gpu", GPU), ("cpu", CPU)):
        with pytest.raises(ZeroDivisionError), runtime.fixed_shapes():
            seen[name] = torch.backends.cudnn.benchmark
            raise ZeroDivisionError
        assert not torch.backends.cudnn.benchmark, "put back, whatever happens"
    assert seen == {"gpu": True, "cpu": False}


@pytest.mark.parametrize(("precision", "rounded"), [("fp32", False), ("tf32", True), ("bf16", False)])
def test_convolutions_round_to_tf32_only_where_that_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, precision: str, rounded: bool
) -> None:
    chosen: list[torch.device] = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "set_device", chosen.append)
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", not rounded)
    before = torch.backends.cuda.matmul.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = True
    try:
        runtime = start("cuda:1", precision)
        assert torch.backends.cudnn.allow_tf32 is rounded and not torch.backends.cuda.matmul.allow_tf32
    finally:
        torch.backends.cuda.matmul.allow_tf32 = before
    assert runtime == Runtime(torch.device("cuda", 1), precision) and chosen == [runtime.device]
    if precision == "bf16":
        assert runtime.autocast.args == ("cuda",) and runtime.autocast.keywords == {"dtype": torch.bfloat16}  # type: ignore[attr-defined]
    else:
        assert runtime.autocast is nullcontext


def test_tf32_is_refused_where_there_is_no_gpu() -> None:
    with pytest.raises(UserError, match="tf32 is a precision of CUDA devices, and this is cpu; use fp32 or bf16"):
        start("cpu", "tf32")


def test_a_batch_is_copied_while_the_device_works(monkeypatch: pytest.MonkeyPatch) -> None:
    """From pinned memory (tests/dataloaders/test_loading.py) that is so; from other memory the copy is waited for."""
    asked: list[tuple] = []
    monkeypatch.setattr(torch.Tensor, "to", lambda tensor, *where, **how: asked.append((where, how)) or tensor)
    GPU.place({"img": torch.ones(1), "seg": torch.ones(1), "name": ["a"]})
    assert asked == [((GPU.device,), {"non_blocking": True})] * 2
