"""Devices, seeds, what a result came from, and keys of cached work."""

import random

import numpy as np
import pytest
import torch

from configs import UserError
from runtime.device import Runtime, choose_device, seed_everything
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
