"""Threads and GPUs shared out among runs."""

import pytest
import torch

from reproduce.running.execution import Means
from reproduce.running.slots import slots


@pytest.fixture
def gpus(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Three GPUs are said to be there."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return monkeypatch


def visible(found: list[dict[str, str]]) -> list[str | None]:
    return [slot.get("CUDA_VISIBLE_DEVICES") for slot in found]


def test_threads_are_shared_out_and_none_gets_less_than_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: 8)
    assert [Means(jobs).threads_of_each for jobs in (1, 2, 3, 8, 20)] == [8, 4, 2, 1, 1]
    assert Means(4, threads=5).threads_of_each == 5
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert slots(2, 4, "auto") == [{"OMP_NUM_THREADS": "4"}] * 2


@pytest.mark.parametrize("device", ["auto", "cuda"])
def test_each_run_has_a_gpu_of_its_own_as_long_as_there_are_any(gpus: pytest.MonkeyPatch, device: str) -> None:
    assert visible(slots(2, 1, device)) == ["0", "1"]
    assert visible(slots(5, 1, device)) == ["0", "1", "2", "0", "1"]


def test_gpus_that_this_process_may_use_are_shared_out_under_their_names(gpus: pytest.MonkeyPatch) -> None:
    gpus.setenv("CUDA_VISIBLE_DEVICES", "4,GPU-8f2a")
    assert visible(slots(3, 1, "auto")) == ["4", "GPU-8f2a", "4"]


@pytest.mark.parametrize("device", ["cpu", "cuda:1"])
def test_a_device_that_is_named_is_that_of_all_runs(gpus: pytest.MonkeyPatch, device: str) -> None:
    assert visible(slots(2, 1, device)) == [None, None]
    assert visible(slots(2, 1, device, named=True)) == ["0,1,2", "0,1,2"], "a job that outlives this process"


def test_a_single_gpu_is_that_of_all_runs(gpus: pytest.MonkeyPatch) -> None:
    gpus.setattr(torch.cuda, "device_count", lambda: 1)
    assert visible(slots(2, 1, "auto")) == [None, None]
