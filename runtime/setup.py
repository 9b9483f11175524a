"""From a script's flags to everything it works with."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from torch import Tensor
from tqdm import tqdm

from configs import Config
from configs.flags import SharedFlags
from configs.paths import prepare_folder
from configs.plugins import users_code
from dataloaders import open_dataset
from dataloaders.registry import asked_for, validation_split
from models import MultitaskNet, Pretrained, build_network, pretrained
from prune_utils.initialisation import Init
from runtime import device
from runtime.device import Runtime, seed_everything
from runtime.precision import AUTO, with_fastest
from runtime.sizes import check_sizes
from tasks import Task, build_tasks

VALIDATION = "validation"


@dataclass(frozen=True)
class Setup:
    """What every script works with.

    Attributes:
        config: settings, with only the tasks asked for and with the data root filled in.
        tasks: the tasks by name, in the order asked for.
        known_tasks: names of all tasks of the data set, in the settings' order.
        runtime: device, precision and processes.
        flags: as given, for commands that a user may run next.
        dest: the folder for results.
    """

    config: Config
    tasks: dict[str, Task]
    known_tasks: list[str]
    runtime: Runtime
    flags: SharedFlags
    dest: Path

    @property
    def seed(self) -> int:
        """Of every random generator."""
        return self.flags.seed

    @property
    def num_workers(self) -> int:
        """Processes that read images."""
        return self.flags.num_workers

    @property
    def keys(self) -> list[str]:
        """Keys of a sample that the tasks read, without repeats."""
        return list(dict.fromkeys(key for task in self.tasks.values() for key in task.targets))

    @property
    def losses(self) -> dict[str, Any]:
        """Each task's loss, not multiplied by its weight."""
        return {name: task.loss for name, task in self.tasks.items()}

    @cached_property
    def pretrained(self) -> Pretrained | None:
        """The weights that the backbone begins with, read when they are first asked for; None: as it is built."""
        return pretrained(self.config.model, self.config.source.parent)

    @property
    def init(self) -> Init:
        """Which weights are scored at initialisation; a user's own are not redrawn unless that is asked for."""
        return self.config.scoring.init or ("xavier" if self.config.model.weights is None else "own")

    def network(self, seed: int | None = None, with_weights: bool = True) -> MultitaskNet:
        """A new network on the device, initialised from the seed (the flag's where none is given).

        Args:
            with_weights: False where a checkpoint will take the place of the backbone's pretrained weights.
        """
        seed_everything(self.seed if seed is None else seed)
        channels = {name: task.channels for name, task in self.tasks.items()}
        heads = {name: task.head_name for name, task in self.tasks.items() if task.head_name is not None}
        net = build_network(self.config.model, channels, self.config.source.parent, heads)
        if with_weights and self.pretrained is not None and (remark := self.pretrained.give(net.backbone)):
            scored = "are of them" if self.init == "own" else "are of Xavier-normal weights in their place"
            if self.runtime.is_main:
                told = f"{remark}; scores at initialisation {scored} (scoring.init={self.init})"
                tqdm.write(told, file=sys.stderr)
        return net.to(self.runtime.device)


def prepare(shared: SharedFlags, make_folder: bool = True, splits: Sequence[str] = ("train",)) -> Setup:
    """Check flags, settings, device, destination and data, in this order, before any work is done.

    Args:
        make_folder: False where nothing will be written to the destination.
        splits: those whose images will be read; ``VALIDATION``: the one on which the best network is chosen.

    Raises:
        UserError: something is wrong with one of them.
    """
    every = shared.settings(all_tasks=True)
    config = every.select_tasks(shared.tasks)
    runtime = device.start(shared.device, shared.precision)
    dest = shared.destination(config)
    if make_folder:
        prepare_folder(dest)
    if not runtime.is_main:
        runtime.wait()  # the main process may have the sample data to render first
    root = open_dataset(config, "train", keys=()).root
    if runtime.is_main:
        runtime.wait()
    config = config.model_copy(update={"data": config.data.model_copy(update={"root": root})})
    tasks = build_tasks(config, root)
    keys = tuple(dict.fromkeys(key for task in tasks.values() for key in task.targets))
    for split in splits if make_folder else ():
        split = validation_split(config) if split == VALIDATION else split
        runtime.from_main(partial(check_sizes, config, split, keys, runtime.world, dest))
    tasks = {name: task.with_data(partial(_targets, config, task)) for name, task in tasks.items()}
    setup = Setup(config, tasks, list(every.tasks), runtime, shared, dest)
    return with_fastest(setup, keep=make_folder) if shared.precision == AUTO else setup


def _targets(config: Config, task: Task) -> Iterator[dict[str, Tensor]]:
    """The targets of a task in the training split, of one picture after another, images left unread."""
    dataset = open_dataset(config, "train", task.targets)
    for index in tqdm(range(len(dataset)), desc=f"training targets of {task.name}", unit="img", disable=None):
        with users_code(f"{asked_for(config)}, sample {index}", config.data.dataset):
            yield {key: dataset.target(index, key)[None] for key in task.targets}
