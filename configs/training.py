"""The settings of training: length, rate, optimiser, and what changes masks while a network trains."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from configs.affects import Affects
from configs.bounds import NUMBER, Factor, Images, Iterations, NotNegative, Positive, Share
from configs.sections import NOTHING, Section, since


class ScheduleConfig(Section):
    """Length and learning rate of one kind of training run."""

    AFFECTS: ClassVar = Affects(("training",), where_used=True)

    max_iters: Annotated[Positive, NOTHING]  # a run may be made longer
    lr: Factor
    decay_every: Positive = 4000
    decay_rate: Annotated[float, NUMBER, Field(gt=0, le=1)] = 0.5
    schedule: Annotated[Literal["step", "cosine"], since("step", where_used=True)] = Field(
        "step", description="step: lr times decay_rate every decay_every; cosine: down to 0 at max_iters"
    )
    warmup: Annotated[Iterations, since(0, where_used=True)] = Field(0, description="iterations in which lr rises")


class DynamicConfig(Section):
    """Dynamic sparse training (DiSparse, RigL)."""

    AFFECTS: ClassVar = Affects(("training",), where_used=True)

    end: Positive = Field(15000, description="iteration after which the masks are fixed")
    interval: Positive = 50
    prune_rate: Share = 0.5
    chunks: Images = Field(2, description="parts of the current batch whose gradients are summed for growth")
    regrow: Literal["stored", "zero"] = "stored"
    erk_power: Annotated[float, NUMBER, Field(ge=0, le=10)] = 0.9


class TrainConfig(ScheduleConfig):
    weight_decay: Annotated[NotNegative, Affects(("training",))] = 5e-4
    optimizer: Annotated[Literal["adam", "adamw", "sgd"], since("adam")] = "adam"
    momentum: Annotated[Share, since(0.9)] = Field(0.9, description="of sgd")
    clip: Annotated[Factor | None, since(None)] = Field(None, description="largest norm of a step's gradient")
    balance: Annotated[str, since("sum")] = Field(
        "sum", description="how the tasks' gradients become one: their sum, a name from training/balancing.py, or "
        "module:attribute; short trainings of task_relatedness.py take the sum"
    )  # fmt: skip
    log: Annotated[Literal["csv", "tensorboard"], NOTHING] = Field("csv", description="tensorboard: beside the CSV log")
    eval_interval: Annotated[Positive, NOTHING] = 50
    save_interval: Annotated[Positive, NOTHING] = 1000
    # Some metrics are means over batches.
    eval_batch_size: Annotated[Images | None, Affects(("evaluation",))] = Field(None, description="none: as training")
