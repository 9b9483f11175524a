"""What the files of a run are called, in one place."""

from pathlib import Path

from runtime.setup import Setup

BASELINE = "baseline"


def run_name(setup: Setup, method: str, ratio: int | None) -> str:
    """``<dataset>_<method>``, ``_<ratio>`` unless dense, the tasks unless they are all the data set has."""
    parts = [setup.config.name, method.replace(":", "-")]  # a user's own method is module:attribute
    if method != BASELINE:
        parts.append(str(ratio))
    if list(setup.tasks) != list(setup.known_tasks):
        parts += setup.tasks
    return "_".join(parts)


def pruned_path(setup: Setup, method: str, ratio: int | None) -> Path:
    """Where ``create_pruned_net.py`` writes its network and ``launch_training.py`` finds it."""
    return setup.dest / f"{run_name(setup, method, ratio)}.pth"


def best_path(dest: Path, run: str) -> Path:
    """The checkpoint of the best validation so far."""
    return dest / f"best_{run}.pth"


def last_path(dest: Path, run: str) -> Path:
    """The checkpoint to go on from."""
    return dest / f"last_{run}.pth"


def final_path(dest: Path, run: str) -> Path:
    """The checkpoint after the last iteration."""
    return dest / f"final_{run}.pth"
