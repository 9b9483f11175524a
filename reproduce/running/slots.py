"""Threads and GPUs of one machine, shared out among runs at the same time."""

import os

import torch


def slots(jobs: int, threads: int, device: str, named: bool = False) -> list[dict[str, str]]:
    """What is different for each of so many runs at a time: its threads, and its GPU where there are several.

    Args:
        threads: of each run.
        device: as the flag names it; one with a number is that of all runs.
        named: say which GPUs there are even where all runs have the same.
    """
    found = [{"OMP_NUM_THREADS": str(threads)} for _ in range(jobs)]
    visible = _gpus() if torch.cuda.is_available() else []
    shared_out = len(visible) > 1 and device in ("auto", "cuda")
    for number, slot in enumerate(found):
        if shared_out:
            slot["CUDA_VISIBLE_DEVICES"] = visible[number % len(visible)]
        elif named:
            slot["CUDA_VISIBLE_DEVICES"] = ",".join(visible)
    return found


def _gpus() -> list[str]:
    """Names of the GPUs that this process may use, for ``CUDA_VISIBLE_DEVICES``."""
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    return named.split(",") if named else [str(number) for number in range(torch.cuda.device_count())]
