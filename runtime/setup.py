"""From a script's flags to everything it works with."""

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from configs import Config, flags
from configs.paths import prepare_folder
from dataloaders import open_dataset
from models import MultitaskNet, build_network
from runtime import device
from runtime.device import Runtime, seed_everything
from tasks import Task, build_tasks


@dataclass(frozen=True)
class Setup:
    """What every script works with.

    Attributes:
        config: settings, with only the tasks asked for and with the data root filled in.
        tasks: the tasks by name, in the order asked for.
        known_tasks: names of all tasks of the data set, in the settings' order.
        runtime: device, precision and processes.
        seed: of every random generator.
        num_workers: processes that read images.
        dest: an existing folder for results.
    """

    config: Config
    tasks: dict[str, Task]
    known_tasks: list[str]
    runtime: Runtime
    seed: int
    num_workers: int
    dest: Path

    @property
    def keys(self) -> list[str]:
        """Keys of a sample that the tasks read, without repeats."""
        return list(dict.fromkeys(key for task in self.tasks.values() for key in task.targets))

    @property
    def losses(self) -> dict[str, Any]:
        """Each task's loss, not multiplied by its weight."""
        return {name: task.loss for name, task in self.tasks.items()}

    def network(self, seed: int | None = None) -> MultitaskNet:
        """A new network on the device, initialised from the seed (the flag's where none is given)."""
        seed_everything(self.seed if seed is None else seed)
        channels = {name: task.channels for name, task in self.tasks.items()}
        return build_network(self.config.model, channels, self.config.source.parent).to(self.runtime.device)


def prepare(arguments: argparse.Namespace) -> Setup:
    """Check flags, settings, device, destination and data, in this order, before any work is done.

    Raises:
        UserError: something is wrong with one of them.
    """
    config = flags.load_settings(arguments)
    place = device.start(arguments.device, arguments.precision)
    dest = prepare_folder(flags.destination(arguments, config))
    if not place.is_main:
        place.wait()  # the main process may have the sample data to render first
    root = open_dataset(config, "train", keys=()).root
    if place.is_main:
        place.wait()
    config = config.model_copy(update={"data": config.data.model_copy(update={"root": root})})
    known = list(flags.load_config(arguments.dataset, arguments.overrides).tasks)
    return Setup(config, build_tasks(config, root), known, place, arguments.seed, arguments.num_workers, dest)
