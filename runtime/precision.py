"""``--precision auto``: which precision is the fastest on the machine at hand, measured once and kept."""

import platform
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from tqdm import tqdm

from reports.training.precision import MeasuredPrecision, PrecisionFile
from runtime import device

if TYPE_CHECKING:
    from runtime.setup import Setup

AUTO = "auto"
CANDIDATES = {"cpu": ("fp32", "bf16"), "cuda": ("fp32", "tf32", "bf16")}
KEPT = "precision.json"
"""In the folder of results, so that whatever is made there is made in one precision."""
ENOUGH, ATTEMPTS = 3.0, 4
"""A slow batch is timed once; of fast ones so many, until so many seconds have passed, and the first does not count."""
FEATURES = ("amx_bf16", "avx512_bf16", "avx512f", "avx2")
"""What a processor has for bf16, the best first: AMX makes it faster than fp32, AVX-512 BF16 alone may not."""


def with_fastest(setup: "Setup", keep: bool) -> "Setup":
    """The setup with the precision that is fastest, by a measurement now or an earlier one kept with the results.

    Args:
        keep: write down what was measured.
    """
    found = setup.runtime.from_main(lambda: _fastest(setup, keep))
    runtime = replace(setup.runtime, precision=found)
    device.settle(runtime)
    return replace(setup, runtime=runtime, flags=replace(setup.flags, precision=found))


def seconds_of_batch(setup: "Setup", precision: str) -> float:
    """Seconds of one batch of training crops, forwards and backwards; nothing is read and nothing learned."""
    runtime = replace(setup.runtime, precision=precision)
    device.settle(runtime)
    net = runtime.arrange(setup.network()).train()
    size = setup.config.data.batch_size // runtime.world or 1
    images = torch.randn(size, 3, *setup.config.data.crop, device=runtime.device)
    times: list[float] = []
    while len(times) < ATTEMPTS and sum(times) < ENOUGH:
        begun = _now(runtime.device)
        with runtime.fixed_shapes():
            with runtime.autocast():
                predictions = net(images)
            torch.stack([prediction.float().square().mean() for prediction in predictions.values()]).sum().backward()
        net.zero_grad(set_to_none=True)
        times.append(_now(runtime.device) - begun)
    return min(times[1:] or times)


def machine_name(where: torch.device) -> str:
    """Processor, what it has for bf16, and its threads; or the GPU; with torch's version."""
    if where.type == "cuda":
        return f"{torch.cuda.get_device_name(where)}, torch {torch.__version__}"
    facts = _cpu_facts()
    flags = facts.get("flags", "").split()
    feature = next((name for name in FEATURES if name in flags), "")
    parts = [facts.get("model name", platform.machine()), *([feature] if feature else [])]
    return ", ".join([*parts, f"{torch.get_num_threads()} threads", f"torch {torch.__version__}"])


def _fastest(setup: "Setup", keep: bool) -> str:
    path, config = setup.dest / KEPT, setup.config
    work: dict[str, Any] = {
        "model": config.model.model_dump(mode="json"),
        "crop": list(config.data.crop),
        "batch_size": config.data.batch_size,
        "processes": setup.runtime.world,
    }
    machine, kept = machine_name(setup.runtime.device), PrecisionFile.read_if_usable(path)
    before = kept.measured if kept is not None else []
    known = next((one for one in before if (one.machine, one.work) == (machine, work)), None)
    if known is None:
        seconds = _measured(setup)
        taken = min(seconds, key=seconds.__getitem__)
        known = MeasuredPrecision(machine=machine, work=work, seconds=seconds, taken=taken)
        if keep:
            PrecisionFile(measured=[*before, known]).write(path)
    _say(known, before, path if keep else None)
    return known.taken


def _measured(setup: "Setup") -> dict[str, float]:
    """Seconds of a batch in each precision that the machine has; fp32 is one of them everywhere."""
    first, *others = CANDIDATES[setup.runtime.device.type]
    seconds = {first: seconds_of_batch(setup, first)}
    for name in others:
        with suppress(RuntimeError):  # torch's, where a GPU is too old for bf16
            seconds[name] = seconds_of_batch(setup, name)
    return seconds


def _say(found: MeasuredPrecision, before: Sequence[MeasuredPrecision], path: Path | None) -> None:
    times = ", ".join(f"{seconds:.3g} s in {name}" for name, seconds in found.seconds.items())
    text = f"--precision auto: {found.taken}; a batch takes {times} ({found.machine})"
    if len(found.seconds) == 1:
        text += "; it has no other"
    if path is not None:
        text += f"; measured before, {path}" if found in before else f"; kept in {path}"
    tqdm.write(text, file=sys.stderr)


def _cpu_facts() -> dict[str, str]:
    """Of the first processor, as Linux tells them; none elsewhere."""
    try:
        first = Path("/proc/cpuinfo").read_text(encoding="utf-8").split("\n\n")[0]
    except OSError:
        return {}
    pairs = (line.partition(":") for line in first.splitlines())
    return {name.strip(): value.strip() for name, _, value in pairs}


def _now(where: torch.device) -> float:
    if where.type == "cuda":
        torch.cuda.synchronize(where)
    return time.perf_counter()
