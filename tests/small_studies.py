"""Studies of the rendered rooms that take a second or two."""

from pathlib import Path

from small_training import setup_for

from relatedness.study import Plan, Study


def study_for(rooms: Path, dest: Path, *more: str, plan: Plan | None = None, replicate: int = 0) -> Study:
    """A study of two batches of two pictures, of which two tasks take part; flags may say otherwise."""
    words = more if "--tasks" in more else ("--tasks", "depth,seg", *more)
    return Study(setup_for(rooms, dest, *words), plan or Plan(2), replicate)
