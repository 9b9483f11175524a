"""Studies of networks of a few weights, on batches that are written down, for estimates worked out by hand."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from configs.schema import ModelConfig, TrainConfig
from models import MultitaskNet
from relatedness.materials import short_training
from relatedness.study import Part, Plan, Study
from runtime.device import Runtime
from tasks.maps import MapTask

Picture = Mapping[str, Sequence[float]]
"""One picture of one pixel: "img" and the targets of the tasks."""


def pass_on(in_channels: int, out_channels: int, _: ModelConfig) -> nn.Module:
    """A head without a weight."""
    return nn.Identity()


class SmallStudy(Study):
    """A study whose backbone is a linear map of a pixel's channels, and whose heads hand its one feature on.

    The loss of a task is the mean of |feature - target|. A batch is one picture; the batches held out are as many as
    the first, or what is given.

    Args:
        weights: of the backbone.
        pictures: the first batches, then those held out.
        tasks: name -> weight of its loss.
        controls: whether there are stand-ins; a shuffled role sees the targets of the next picture.
        place: rank and world of the process.
    """

    def __init__(
        self,
        weights: Sequence[float],
        pictures: Sequence[Picture],
        tasks: Mapping[str, float],
        num_batches: int | None = None,
        controls: bool = False,
        place: tuple[int, int] = (0, 1),
        lr: float = 0.5,
    ) -> None:
        self.weights, self.batched = weights, [batch(picture, f"{n}") for n, picture in enumerate(pictures)]
        config = SimpleNamespace(
            train=TrainConfig(max_iters=40, lr=lr, weight_decay=0),
            data=SimpleNamespace(batch_size=1),
            scoring=SimpleNamespace(batch_size=1, relatedness_warmup=None),
            model=ModelConfig(head="small_relatedness:pass_on"),
            source=Path("small.yaml"),
        )
        setup: Any = SimpleNamespace(
            config=config,
            tasks={name: MapTask(name=name, channels=1, weight=weight) for name, weight in tasks.items()},
            keys=list(tasks),
            seed=0,
            num_workers=0,
            runtime=Runtime(torch.device("cpu"), "fp32", *place),
            network=lambda seed: self.linear(),
        )
        super().__init__(setup, Plan(num_batches or len(pictures), controls), 0)
        self.gathered: list[dict[int, Any]] = []

    def linear(self) -> MultitaskNet:
        backbone = nn.Conv2d(len(self.weights), 1, kernel_size=1, bias=False)
        with torch.no_grad():
            backbone.weight.copy_(torch.tensor(self.weights).reshape(backbone.weight.shape))
        return MultitaskNet(backbone, {name: nn.Identity() for name in self.setup.tasks})

    def network(self, state: str) -> MultitaskNet:
        net = self.linear()
        return MultitaskNet(net.backbone, {name: nn.Identity() for name in self.names})

    def numbers(self, part: Part) -> range:
        first = self.plan.num_batches
        return range(first) if part == "first" else range(first, len(self.batched))

    def read(self, part: Part, numbers: Sequence[int]) -> Iterator[tuple[int, dict[str, Any]]]:
        for number in numbers:
            following = self.batched[(number + 1) % len(self.batched)]
            yield number, self.batched[number] | {f"{key}~shuffled": following[key] for key in self.setup.keys}

    def held_out_pictures(self) -> list[int]:
        return list(self.numbers("held_out"))

    def from_all(self, found: Mapping[int, Any]) -> list[Any]:
        """Keeps what this process found, for a test to put together."""
        self.gathered.append(dict(found))
        return [found[number] for number in sorted(found)]


def batch(picture: Picture, name: str) -> dict[str, Any]:
    """A batch of one picture of one pixel."""
    pixels: dict[str, Tensor] = {key: torch.tensor(values).reshape(1, -1, 1, 1) for key, values in picture.items()}
    return {**pixels, "name": [name]}


class Batches(list):
    """What a loader gives, nothing of it skipped."""

    skipped = ()


def train_on(monkeypatch: pytest.MonkeyPatch, pictures: Sequence[Picture]) -> list[dict[str, Any]]:
    """Short trainings see these pictures, over and over; returns what each of them asked its loader for."""
    asked: list[dict[str, Any]] = []

    def loader(config: object, keys: object, numbers: range, **options: Any) -> Batches:
        asked.append(options)
        return Batches(batch(pictures[number % len(pictures)], f"{number}") for number in numbers)

    monkeypatch.setattr(short_training, "training_loader", loader)
    return asked
