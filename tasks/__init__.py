"""One file for each kind of task, with its loss and its metrics. A new kind: one file, one line here."""

import inspect
from pathlib import Path

from pydantic import ValidationError

from configs.errors import UserError
from configs.plugins import resolve, users_code
from configs.schema import Config, TaskConfig, describe
from tasks.base import Batch, Metrics, Task
from tasks.classification import ClassificationTask
from tasks.depth import DepthTask
from tasks.maps import MapTask
from tasks.multilabel import MultilabelTask
from tasks.normals import NormalsTask
from tasks.regression import RegressionTask
from tasks.segmentation import SegmentationTask

__all__ = ["TASKS", "Batch", "Metrics", "Task", "build_tasks", "own_heads"]

TASKS: dict[str, type[Task]] = {
    "segmentation": SegmentationTask,
    "normals": NormalsTask,
    "depth": DepthTask,
    "map": MapTask,
    "classification": ClassificationTask,
    "multilabel": MultilabelTask,
    "regression": RegressionTask,
}


def build_tasks(config: Config, root: Path | None) -> dict[str, Task]:
    """The tasks of the settings, by name and in their order.

    Args:
        config: the settings.
        root: the data root, for tasks that read a file there (class weights).

    Raises:
        UserError: an unknown kind, an option that the kind does not have, an impossible value, or a file that
            is missing or malformed; the message names the YAML file and the key.
    """
    return {name: _build(config, name, task, root) for name, task in config.tasks.items()}


def own_heads(config: Config) -> dict[str, str]:
    """The heads of those tasks of the settings that do not have ``model.head``, by the tasks' names.

    Raises:
        UserError: an unknown kind of task.
    """
    names = {
        name: task.head or _find_kind(config, name, task.kind).usual_head for name, task in config.tasks.items()
    }
    return {name: head for name, head in names.items() if head is not None}


def _build(config: Config, name: str, settings: TaskConfig, root: Path | None) -> Task:
    kind = _find_kind(config, name, settings.kind)
    options = settings.model_dump(exclude={"kind"}, exclude_unset=True)
    if "name" in options:
        raise UserError(f"{config.source}: tasks.{name}.name: unknown key; the task's name is '{name}'")
    with users_code(_asked_for(config, name), settings.kind):
        try:
            return kind(name=name, **options).with_files(root)
        except ValidationError as error:
            raise UserError(f"{config.source}: {describe(error, f'tasks.{name}')}") from error
        except UserError as error:
            raise UserError(f"{config.source}: {error}") from error


def _asked_for(config: Config, name: str) -> str:
    return f"kind of task ({config.source}: tasks.{name}.kind)"


def _find_kind(config: Config, name: str, kind: str) -> type[Task]:
    where = f"{config.source}: tasks.{name}.kind"
    found = resolve(kind, TASKS, _asked_for(config, name), folder=config.source.parent)
    if not (inspect.isclass(found) and issubclass(found, Task)):
        raise UserError(f"{where}: '{kind}' is not a subclass of tasks.Task; make it one")
    if inspect.isabstract(found):
        missing = ", ".join(sorted(found.__abstractmethods__))
        raise UserError(f"{where}: '{kind}' lacks {missing}; add that to the class")
    if not getattr(found, "higher_is_better", None):
        raise UserError(f"{where}: '{kind}' does not say which metrics are better high; add higher_is_better")
    return found
