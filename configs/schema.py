"""The settings of one data set: what there is to set, its defaults and bounds.

A YAML file states only what differs from the defaults here. ``extends: nyuv2`` starts from another file.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic_core import PydanticCustomError

from configs.affects import Affects
from configs.bounds import (
    LONGEST_NAME,
    NUMBER,
    Brightness,
    Channels,
    Contrast,
    Depth,
    Factor,
    FileName,
    Images,
    NotNegative,
    Percent,
    Pixels,
    Positive,
    Share,
    Size,
)
from configs.errors import UserError
from configs.reading import find_config, override, read_settings
from configs.sections import EVERYTHING, LEARNING, NOTHING, Section
from configs.training import DynamicConfig, ScheduleConfig, TrainConfig

MOST_TASKS = 256
"""A network has a head for each, and every pair of them is compared."""
LONGEST_SHOWN = 200
"""Characters of a wrong value that a message repeats."""


class DataConfig(Section):
    AFFECTS: ClassVar = EVERYTHING

    dataset: str = Field(description="a name from dataloaders/ or the user's own class as module:attribute")
    root: Annotated[Path | None, NOTHING] = Field(None, description="the folder of the index JSON; its contents count")
    crop: Annotated[Size, LEARNING] = Field(description="training crop, height and width; one number means a square")
    batch_size: Images
    on_error: Annotated[Literal["raise", "skip"], NOTHING] = Field("raise", description="at an unreadable sample")
    scale: Annotated[tuple[Factor, Factor], LEARNING] = Field((0.5, 1.5), description="range of random scaling")
    mirror: Annotated[Share, LEARNING] = Field(0.5, description="probability of mirroring left and right")
    val_share: Annotated[float, NUMBER, Field(ge=0, lt=1), LEARNING] = Field(
        0.0, description="part of the training split that is held out to choose the best network on"
    )
    channels: Literal["bgr", "rgb"] | None = Field(None, description="order that networks see; none: the data set's")
    mean: tuple[Brightness, Brightness, Brightness] | None = Field(
        None, description="subtracted from pixels in 0..255, in the order of ``channels``; none: the data set's"
    )
    std: tuple[Contrast, Contrast, Contrast] | None = Field(
        None, description="what pixels are then divided by; none: the data set's"
    )
    options: dict[str, Any] = Field(default_factory=dict, description="further arguments of the data set's class")

    @field_validator("scale")
    @classmethod
    def _in_order(cls, value: tuple[float, float]) -> tuple[float, float]:
        if value[0] > value[1]:
            raise PydanticCustomError("scale", "the smallest factor comes first")
        if value[0] < 0.01 or value[1] > 100:
            raise PydanticCustomError("scale", "factors are from 0.01 to 100; beyond, a crop shows nothing")
        return value


class ModelConfig(Section):
    AFFECTS: ClassVar = EVERYTHING

    backbone: str = Field("deeplab_resnet", description="a name from models/ or module:attribute")
    depth: Depth = Field(34, description="18 or 34 for deeplab_resnet")
    width: Channels = Field(64, description="channels of deeplab_resnet's first stage; the others follow")
    head: str = Field("aspp", description="a name from models/ or module:attribute")
    head_channels: Channels = Field(1024, description="channels inside each ASPP branch")
    rates: tuple[Pixels, ...] = Field(
        (6, 12, 18, 24), min_length=1, max_length=100, description="dilation of each ASPP branch"
    )
    dropout: Annotated[float, NUMBER, Field(ge=0, lt=1), LEARNING] = 0.5
    weights: Annotated[str | None, NOTHING] = Field(
        None, min_length=1, description="of the backbone: a file, or torchvision:<name>; its content counts"
    )


class TaskConfig(BaseModel):
    """One task; what else a kind of task can be told (ignore_index, min_depth, ...) is checked by the kind itself."""

    model_config = ConfigDict(extra="allow", frozen=True)
    AFFECTS: ClassVar = EVERYTHING

    kind: str = Field(description="a name from tasks/ or module:attribute")
    channels: Channels = Field(description="channels of the prediction")
    weight: Annotated[NotNegative, LEARNING] = Field(1.0, description="factor of the task's loss in the sum")
    head: str | None = Field(None, description="a name from models/ or module:attribute; none: as its kind wants it")
    class_names: Annotated[tuple[str, ...] | None, NOTHING] = Field(None, description="of the classes, for people")


class ScoringConfig(Section):
    AFFECTS: ClassVar = Affects(("scores",), where_used=True)

    batch_size: Annotated[Images | None, Affects(("scores",))] = Field(None, description="none: as in training")
    num_batches: Positive = Field(50, description="batches for pruning scores")
    iou_batches: Positive = Field(50, description="batches for the IoU analysis")
    relatedness_batches: Positive = Field(5, description="batches that each network of task_relatedness.py is given")
    relatedness_warmup: Positive | None = Field(
        None, description="iterations of its short trainings; none: 5 % of the schedule"
    )
    iou_keep_ratio: Share = 0.078
    init: Literal["xavier", "own"] | None = Field(
        None, description="whose scores at initialisation: Xavier-normal weights (published), or the network's own; "
        "none: xavier, but own where model.weights is given"
    )
    keep_ratios: dict[Literal["static", "pretrained"], dict[Percent, Share]] = Field(
        default_factory=dict, description="published keep ratio for each sparsity in percent"
    )


class Config(Section):
    """Everything that is set for one data set; ``source`` is the file it came from."""

    name: Annotated[FileName, NOTHING] = Field(pattern=r"^\w[\w.-]*$", description="stands in the names of files")
    data: DataConfig
    model: ModelConfig = Field(default_factory=ModelConfig)
    tasks: dict[str, TaskConfig]
    scoring: ScoringConfig = Field(default_factory=ScoringConfig)
    train: TrainConfig
    retrain: ScheduleConfig | None = Field(None, description="training after pruning a trained network; none: as train")
    dynamic: DynamicConfig = Field(default_factory=DynamicConfig)
    pruning: Annotated[dict[str, dict[str, Any]], Affects(("scores", "training"), where_used=True)] = Field(
        default_factory=dict, description="options of pruning methods by name, checked by the method"
    )
    relatedness: Annotated[dict[str, dict[str, Any]], Affects(("scores",), where_used=True)] = Field(
        default_factory=dict, description="options of estimators of relatedness by name, checked by the estimator"
    )
    source: Annotated[Path, NOTHING] = Field(exclude=True)

    def select_tasks(self, names: Sequence[str] | None) -> "Config":
        """The same settings with only these tasks, in this order.

        Raises:
            UserError: an unknown or repeated name.
        """
        if names is None:
            return self
        unknown = [name for name in names if name not in self.tasks]
        if unknown or not names:
            raise UserError(
                f"--tasks: unknown task '{', '.join(unknown)}' for {self.source}; choose from {', '.join(self.tasks)}"
            )
        if len(set(names)) != len(names):
            raise UserError(f"--tasks: a task is named twice in '{','.join(names)}'; name each once")
        return self.model_copy(update={"tasks": {name: self.tasks[name] for name in names}})


def load_config(name_or_path: str, overrides: list[str] | None = None) -> Config:
    """Read, override and check the settings of a data set.

    Args:
        name_or_path: a name from configs/ or the path of a YAML file.
        overrides: ``section.key=value`` strings; values are read as YAML.

    Raises:
        UserError: naming the file and the key.
    """
    path = find_config(name_or_path)
    settings = read_settings(path)
    for text in overrides or []:
        override(settings, text)
    settings.setdefault("name", path.stem)
    where = " with --set ".join([str(path), *(overrides or [])])
    if "source" in settings:
        raise UserError(f"{where}: source: unknown key; check its spelling")
    try:
        config = Config(**settings, source=path)
    except ValidationError as error:
        raise UserError(f"{where}: {describe(error)}") from error
    _check_tasks(config, where)
    return config


def describe(error: ValidationError, prefix: str = "") -> str:
    """One line for the first problem pydantic found: the key, what is wrong, the value given."""
    first = error.errors()[0]
    key = ".".join([prefix] * bool(prefix) + [str(part) for part in first["loc"]])
    if first["type"] == "extra_forbidden":
        return f"{key}: unknown key; check its spelling"
    if first["type"] == "missing":
        return f"{key}: missing; add it"
    return f"{key}: {first['msg']} (it is {_shown(first['input'])})"


def _shown(value: Any) -> str:
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # a number of thousands of digits, a list that holds itself
        return f"a value of type {type(value).__name__} that cannot be shown"
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}..."


def _check_tasks(config: Config, where: str) -> None:
    for task in config.tasks:
        if not task.isidentifier():
            raise UserError(f"{where}: tasks.{task}: a task's name is made of letters, digits and underscores")
        if len(task.encode()) > LONGEST_NAME:
            raise UserError(f"{where}: tasks.{task}: too long for the names of files; at most {LONGEST_NAME} bytes")
    if not 0 < len(config.tasks) <= MOST_TASKS:
        raise UserError(f"{where}: tasks: there are {len(config.tasks)}; name at least one and at most {MOST_TASKS}")
