"""Time an image, of several networks side by side."""

import statistics
import time
from collections.abc import Callable, Mapping

import torch


def side_by_side(works: Mapping[str, Callable[[], object]], repeats: int, device: torch.device) -> dict[str, float]:
    """Median seconds of several pieces of work that take turns, so that what else the machine does meets all alike.

    Args:
        works: each is run once before, to warm up.
        repeats: turns, 1 or more.
        device: where they run; a GPU is waited for.
    """
    times: dict[str, list[float]] = {name: [] for name in works}
    for turn in range(repeats + 1):
        for name, work in works.items():
            start = time.perf_counter()
            work()
            if device.type == "cuda":
                torch.cuda.synchronize(device)
            if turn:
                times[name].append(time.perf_counter() - start)
    return {name: statistics.median(found) for name, found in times.items()}
