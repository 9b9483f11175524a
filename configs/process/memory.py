"""Out of memory, in one line: what was being allocated, where, and which settings make it smaller."""

import re
import traceback
from pathlib import Path

from configs.paths import REPOSITORY

ADVICE = "a smaller data.batch_size, data.crop, model.width or model.head_channels, or fewer --num_workers, need less"
BYTES = re.compile(r"allocate (\d+) bytes")
SIZE = re.compile(r"allocate ([\d.]+ [KMGTPE]?i?B)")
EXHAUSTED = ("can't allocate memory", "out of memory", "Cannot allocate memory", "not enough memory")
"""What torch says on a CPU, on a GPU, and where the system refuses."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory was not to be had."""
    if isinstance(error, MemoryError):
        return True
    return isinstance(error, RuntimeError | OSError) and any(words in str(error) for words in EXHAUSTED)


def out_of_memory_text(error: BaseException) -> str:
    """The error in one line."""
    asked = _asked(str(error))
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if _is_ours(frame.filename)]
    place = f" in {Path(frames[-1].filename).resolve().relative_to(REPOSITORY)}, {frames[-1].name}" if frames else ""
    return f"out of memory{place}{asked}; {ADVICE}"


def _asked(text: str) -> str:
    exact, given = BYTES.search(text), SIZE.search(text)
    if exact:
        return f", which asked for {int(exact[1]) / 2**30:.2f} GiB"
    return f", which asked for {given[1]}" if given else ""


def _is_ours(file: str) -> bool:
    path = Path(file).resolve()
    if not path.is_relative_to(REPOSITORY):
        return False
    return not any(part.startswith(".") for part in path.relative_to(REPOSITORY).parts)
