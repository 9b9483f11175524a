"""The settings of one data set: read from YAML, checked, and overridable from the command line.

A YAML file states only what differs from the defaults here. ``extends: nyuv2`` starts from another file.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator
from pydantic_core import PydanticCustomError

from configs.affects import Affects
from configs.errors import UserError

CONFIG_FOLDER = Path(__file__).parent


def _pair(value: Any) -> Any:
    return (value, value) if isinstance(value, int) and not isinstance(value, bool) else value


Positive = Annotated[int, Field(gt=0)]
Factor = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1)]
Size = Annotated[tuple[Positive, Positive], BeforeValidator(_pair)]

EVERYTHING = Affects(("scores", "training", "evaluation"))
LEARNING = Affects(("scores", "training"))  # what is seen in training batches, which scoring uses too
NOTHING = Affects()


class Section(BaseModel):
    """A part of the settings: unknown keys are errors, values do not change after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class DataConfig(Section):
    AFFECTS: ClassVar = EVERYTHING

    dataset: str = Field(description="a name from dataloaders/ or the user's own class as module:attribute")
    root: Annotated[Path | None, NOTHING] = Field(None, description="the folder of the index JSON; its contents count")
    crop: Annotated[Size, LEARNING] = Field(description="training crop, height and width; one number means a square")
    batch_size: Positive
    on_error: Annotated[Literal["raise", "skip"], NOTHING] = Field("raise", description="at an unreadable sample")
    scale: Annotated[tuple[Factor, Factor], LEARNING] = Field((0.5, 1.5), description="range of random scaling")
    mirror: Annotated[Share, LEARNING] = Field(0.5, description="probability of mirroring left and right")
    options: dict[str, Any] = Field(default_factory=dict, description="further arguments of the data set's class")

    @field_validator("scale")
    @classmethod
    def _in_order(cls, value: tuple[float, float]) -> tuple[float, float]:
        if value[0] > value[1]:
            raise PydanticCustomError("scale", "the smallest factor comes first")
        return value


class ModelConfig(Section):
    AFFECTS: ClassVar = EVERYTHING

    backbone: str = Field("deeplab_resnet", description="a name from models/ or module:attribute")
    depth: Positive = Field(34, description="18 or 34 for deeplab_resnet")
    width: Positive = Field(64, description="channels of deeplab_resnet's first stage; the others follow")
    head: str = Field("aspp", description="a name from models/ or module:attribute")
    head_channels: Positive = Field(1024, description="channels inside each ASPP branch")
    rates: tuple[Positive, ...] = Field((6, 12, 18, 24), min_length=1, description="dilation of each ASPP branch")
    dropout: Annotated[float, Field(ge=0, lt=1), LEARNING] = 0.5


class TaskConfig(BaseModel):
    """One task; what else a kind of task can be told (ignore_index, min_depth, ...) is checked by the kind itself."""

    model_config = ConfigDict(extra="allow", frozen=True)
    AFFECTS: ClassVar = EVERYTHING

    kind: str = Field(description="a name from tasks/ or module:attribute")
    channels: Positive = Field(description="channels of the prediction")
    weight: Annotated[float, LEARNING] = Field(1.0, ge=0, allow_inf_nan=False, description="factor of the task's loss")


class ScoringConfig(Section):
    AFFECTS: ClassVar = Affects(("scores",), where_used=True)

    batch_size: Annotated[Positive | None, Affects(("scores",))] = Field(None, description="none: as in training")
    num_batches: Positive = Field(50, description="batches for pruning scores")
    iou_batches: Positive = Field(50, description="batches for the IoU analysis")
    iou_keep_ratio: Share = 0.078
    keep_ratios: dict[Literal["static", "pretrained"], dict[int, Share]] = Field(
        default_factory=dict, description="published keep ratio for each sparsity in percent"
    )


class ScheduleConfig(Section):
    """Length and learning rate of one kind of training run."""

    AFFECTS: ClassVar = Affects(("training",), where_used=True)

    max_iters: Annotated[Positive, NOTHING]  # a run may be made longer
    lr: Factor
    decay_every: Positive = 4000
    decay_rate: Annotated[float, Field(gt=0, le=1)] = 0.5


class DynamicConfig(Section):
    """Dynamic sparse training (DiSparse, RigL)."""

    AFFECTS: ClassVar = Affects(("training",), where_used=True)

    end: Positive = Field(15000, description="iteration after which the masks are fixed")
    interval: Positive = 50
    prune_rate: Share = 0.5
    chunks: Positive = Field(2, description="parts of the current batch whose gradients are summed for growth")
    regrow: Literal["stored", "zero"] = "stored"
    erk_power: Annotated[float, Field(ge=0)] = 0.9


class TrainConfig(ScheduleConfig):
    weight_decay: Annotated[float, Field(ge=0), Affects(("training",))] = 5e-4
    eval_interval: Annotated[Positive, NOTHING] = 50
    save_interval: Annotated[Positive, NOTHING] = 1000
    # Some metrics are means over batches.
    eval_batch_size: Annotated[Positive | None, Affects(("evaluation",))] = Field(None, description="none: as training")


class Config(Section):
    """Everything that is set for one data set; ``source`` is the file it came from."""

    name: Annotated[str, NOTHING] = Field(pattern=r"^[\w.-]+$", description="stands in the names of files")
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


def available() -> list[str]:
    """Names of the settings that come with the project."""
    return sorted(path.stem for path in CONFIG_FOLDER.glob("*.yaml"))


def find_config(name_or_path: str) -> Path:
    """The YAML file for ``--dataset``: a name from configs/ or the path of the user's own file."""
    if name_or_path in available():
        return CONFIG_FOLDER / f"{name_or_path}.yaml"
    path = Path(name_or_path)
    if path.suffix in {".yaml", ".yml"}:
        if path.is_file():
            return path.resolve()
        raise UserError(f"--dataset: no such file: {path}; choose from {', '.join(available())}, or a .yaml file")
    choices = ", ".join(available())
    raise UserError(f"--dataset: unknown data set '{name_or_path}'; choose from {choices}, or a .yaml file")


def load_config(name_or_path: str, overrides: list[str] | None = None) -> Config:
    """Read, override and check the settings of a data set.

    Args:
        name_or_path: a name from configs/ or the path of a YAML file.
        overrides: ``section.key=value`` strings; values are read as YAML.

    Raises:
        UserError: naming the file and the key.
    """
    path = find_config(name_or_path)
    settings = _read(path)
    for text in overrides or []:
        _override(settings, text)
    settings.setdefault("name", path.stem)
    try:
        config = Config(**settings, source=path)
    except ValidationError as error:
        where = f"{path} with --set {' --set '.join(overrides)}" if overrides else f"{path}"
        raise UserError(f"{where}: {describe(error)}") from error
    for task in config.tasks:
        if not task.isidentifier():
            raise UserError(f"{path}: tasks.{task}: a task's name is made of letters, digits and underscores")
    if not config.tasks:
        raise UserError(f"{path}: tasks: name at least one task")
    return config


def describe(error: ValidationError, prefix: str = "") -> str:
    """One line for the first problem pydantic found: the key, what is wrong, the value given."""
    first = error.errors()[0]
    key = ".".join([prefix] * bool(prefix) + [str(part) for part in first["loc"]])
    if first["type"] == "extra_forbidden":
        return f"{key}: unknown key; check its spelling"
    if first["type"] == "missing":
        return f"{key}: missing; add it"
    return f"{key}: {first['msg']} (it is {first['input']!r})"


def _read(path: Path, extended_by: tuple[Path, ...] = ()) -> dict[str, Any]:
    try:
        settings = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UserError(f"{path}: cannot be read as YAML: {error}") from error
    if not isinstance(settings, dict) or not all(isinstance(key, str) for key in settings):
        raise UserError(f"{path}: expected a mapping of settings (name, data, model, tasks, ...)")
    base = settings.pop("extends", None)
    if base is None:
        return settings
    base_path = path.parent / f"{base}" if f"{base}".endswith((".yaml", ".yml")) else CONFIG_FOLDER / f"{base}.yaml"
    base_path, chain = base_path.resolve(), (*extended_by, path.resolve())
    if base_path in chain:
        raise UserError(f"{path}: extends: the file extends itself, perhaps by way of others; name another")
    if not base_path.is_file():
        choices = ", ".join(available())
        raise UserError(f"{path}: extends: no settings '{base}'; choose from {choices}, or a .yaml file beside it")
    settings.setdefault("name", path.stem)
    return _merge(_read(base_path, chain), settings)


def _merge(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """``changes`` over ``base``, section by section; a ``tasks`` section replaces the base's whole."""
    merged = dict(base)
    for key, value in changes.items():
        nested = isinstance(value, dict) and isinstance(merged.get(key), dict) and key != "tasks"
        merged[key] = _merge(merged[key], value) if nested else value
    return merged


def _override(settings: dict[str, Any], text: str) -> None:
    key, equals, value = text.partition("=")
    *sections, last = key.strip().split(".")
    if not equals or not sections or not last:
        raise UserError(f"--set: '{text}' is not section.key=value, for instance data.crop=161")
    place = settings
    for section in sections:
        place = place.setdefault(section, {})
        if not isinstance(place, dict):
            raise UserError(f"--set: {key}: '{section}' is a value, not a section")
    try:
        place[last] = yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise UserError(f"--set: {key}: '{value}' is not a YAML value") from error
