"""What a result came from and what it cost: versions, device, revision, seconds, memory."""

import platform
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
import torchvision

from configs.paths import REPOSITORY
from reports.wording import counted
from runtime.device import Runtime


class Stopwatch:
    """Seconds spent in each stage of a run."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Add the time inside to the stage."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start


def provenance(runtime: Runtime, seconds: dict[str, float]) -> dict[str, Any]:
    """Versions, device, git revision, seconds per stage and peak memory, ready for JSON."""
    cuda = runtime.device.type == "cuda"
    processor = f"cpu, {counted(torch.get_num_threads(), 'thread')}"
    return {
        "command": sys.argv,
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "torchvision": torchvision.__version__,
            "numpy": np.__version__,
        },
        "device": torch.cuda.get_device_name(runtime.device) if cuda else processor,
        "precision": runtime.precision,
        "processes": runtime.world,
        "git_revision": git_revision(),
        "seconds": {name: round(value, 3) for name, value in seconds.items()},
        "peak_memory_mb": round(peak_memory_mb()),
        "peak_device_memory_mb": round(torch.cuda.max_memory_allocated(runtime.device) / 2**20) if cuda else None,
    }


def peak_memory_mb() -> float:
    """The largest resident set of this process so far, in MiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10


def git_revision() -> str | None:
    """The commit of this checkout, with "+changes" where files differ from it; None outside a git checkout."""
    try:
        return _git("rev-parse", "HEAD") + ("+changes" if _git("status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.SubprocessError):
        return None


def _git(*command: str) -> str:
    run = ["git", *command]
    return subprocess.run(run, cwd=REPOSITORY, capture_output=True, text=True, timeout=10, check=True).stdout.strip()
