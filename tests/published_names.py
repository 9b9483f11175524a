"""Published checkpoints made from our networks: the way back of ``models.published``."""

import re
from collections.abc import Sequence


def to_published(name: str, tasks: Sequence[str]) -> str:
    """The published name of one of our parameters or buffers."""
    match = re.fullmatch(r"heads\.([^.]+)\.branches\.(\d+)\.(.+)", name)
    if match is None:
        return name
    task, branch, rest = match.groups()
    return f"task{list(tasks).index(task) + 1}_fc1_c{branch}.{rest}"
