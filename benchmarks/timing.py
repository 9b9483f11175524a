"""What all benchmarks share: timing, the machine's own rates, and a row of the printed table."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Row:
    """One measured figure; ``target`` is what DESIGN asks for, empty where it asks for nothing."""

    part: str
    figure: str
    value: str
    target: str = ""


def seconds(work: Callable[[], object], repeats: int = 3) -> float:
    """Median time of ``work`` after one run to warm up."""
    work()
    return statistics.median(_once(work) for _ in range(repeats))


def interleaved(*works: Callable[[], object], repeats: int = 5) -> tuple[float, ...]:
    """Median times of pieces of work that take turns, so that what else the machine does meets all alike."""
    for work in works:
        work()
    times = [[_once(work) for work in works] for _ in range(repeats)]
    return tuple(map(statistics.median, zip(*times, strict=True)))


def sgemm_rate(size: int = 3000) -> float:
    """Float32 operations a second of a large matrix product on this machine."""
    a, b = torch.randn(size, size), torch.randn(size, size)
    return 2 * size**3 / seconds(lambda: a @ b)


def _once(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
