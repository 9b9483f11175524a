"""What a run cost, in words."""

from collections.abc import Mapping
from typing import Any

from reports.wording import counted


def memory_text(provenance: Mapping[str, Any]) -> str:
    """Peak memory, on the GPU as well where there is one: "2.3 GiB"."""
    text = f"{provenance['peak_memory_mb'] / 1024:.1f} GiB"
    if provenance["peak_device_memory_mb"] is not None:
        text += f", {provenance['peak_device_memory_mb'] / 1024:.1f} GiB on the GPU"
    return text


def scoring_text(provenance: Mapping[str, Any], batches: int, tasks: int) -> str:
    """Seconds of each stage, memory and passes, in two lines.

    Args:
        batches: that were scored with, of all seeds together.
        tasks: how many ran backwards through the backbone on each batch.
    """
    stages = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in provenance["seconds"].items())
    return (
        f"Cost: {stages}; peak memory {memory_text(provenance)}.\n"
        f"  {counted(batches, 'batch')}: the backbone {counted(batches, 'time')} forwards and "
        f"{counted(batches * tasks, 'time')} backwards, each head {counted(batches, 'time')}"
    )


def duration(seconds: float) -> str:
    """A time for a person: "40 s", "12 min", "3 h 05 min", "2.5 days"."""
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 100:
        return f"{minutes} min"
    if minutes < 48 * 60:
        return f"{minutes // 60} h {minutes % 60:02} min"
    return f"{minutes / 1440:.1f} days"
