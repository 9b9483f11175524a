"""What is trained: a method, a sparsity, a schedule, and the network that training starts from."""

from dataclasses import dataclass
from pathlib import Path

from torch import nn
from torch.optim import Optimizer

from configs import UserError
from configs.schema import DynamicConfig, ScheduleConfig
from dataloaders import Loader, training_loader
from models import MultitaskNet
from prune_utils.sparsifiers.base import Dynamic, DynamicInputs, MaskUpdates, OneShot, Sparsifier
from prune_utils.sparsifiers.prune_and_grow import fitted
from prune_utils.sparsifiers.registry import build_sparsifier
from runtime.setup import Setup
from training import names
from training.checkpoints.checkpoint import Checkpoint, read_checkpoint, restore
from training.optim import schedule


@dataclass(frozen=True)
class Job:
    """A training run.

    Attributes:
        setup: settings, tasks, device, destination.
        method: ``baseline`` or the name of a pruning method.
        ratio: sparsity in percent; None for dense networks.
        schedule: length and learning rate.
        name: of the run's files.
        sparsifier: the method itself; None for dense networks.
    """

    setup: Setup
    method: str
    ratio: int | None
    schedule: ScheduleConfig
    name: str
    sparsifier: Sparsifier | None = None

    @property
    def best(self) -> Path:
        return names.best_path(self.setup.dest, self.name)

    @property
    def last(self) -> Path:
        return names.last_path(self.setup.dest, self.name)

    @property
    def final(self) -> Path:
        return names.final_path(self.setup.dest, self.name)

    @property
    def log(self) -> Path:
        return self.setup.dest / f"{self.name}.csv"

    @property
    def lock(self) -> Path:
        """Held while the run is trained."""
        return self.setup.dest / f".{self.name}.lock"

    @property
    def picture(self) -> Path:
        return self.setup.dest / f"{self.name}.png"

    def batches(self, start: int) -> Loader:
        """This process's share of the training batches from an iteration on."""
        setup, runtime = self.setup, self.setup.runtime
        return training_loader(
            setup.config,
            setup.keys,
            range(start, self.schedule.max_iters),
            batch_size=setup.config.data.batch_size,
            seed=setup.seed,
            num_workers=setup.num_workers,
            part=(runtime.rank, runtime.world),
        )

    @property
    def dynamic(self) -> DynamicConfig | None:
        """When a dynamic method changes the masks of this run; None for other methods."""
        if not isinstance(self.sparsifier, Dynamic):
            return None
        config = self.setup.config
        return fitted(config.dynamic, config.train.max_iters, self.schedule.max_iters)

    def masks_fixed(self, iteration: int) -> bool:
        """Whether the masks will not change any more after so many iterations."""
        return self.dynamic is None or iteration > self.dynamic.end or iteration == self.schedule.max_iters


def make_job(setup: Setup, method: str, ratio: int, max_iters: int | None) -> Job:
    """The run that the flags ask for; a dense network has no ratio, whatever is given.

    Raises:
        UserError: an unknown method, or an option of it that it cannot take.
    """
    sparsifier = None if method == names.BASELINE else build_sparsifier(method, setup.config)
    sparsity = None if sparsifier is None else ratio
    chosen = schedule(setup.config, sparsifier is not None and sparsifier.trained, max_iters)
    return Job(setup, method, sparsity, chosen, names.run_name(setup, method, sparsity), sparsifier)


def starting_network(job: Job) -> MultitaskNet:
    """A new network, or the one that ``create_pruned_net.py`` has pruned; on the device.

    Raises:
        UserError: there is no pruned network yet, or it is another one.
    """
    net = job.setup.network()
    if isinstance(job.sparsifier, OneShot):
        path = names.pruned_path(job.setup, job.method, job.ratio)
        if not path.exists():
            make = job.setup.flags.command("create_pruned_net.py", "--method", job.method, "--ratio", str(job.ratio))
            raise UserError(f"there is no {path} yet; first run: {make}")
        pruned = read_checkpoint(path, list(job.setup.tasks))
        check_origin(job, pruned, path)
        seed = pruned.details.get("seed", job.setup.seed)
        if seed != job.setup.seed:
            raise UserError(
                f"{path}: pruned with seed {seed}, and this run's is {job.setup.seed}; train with --seed {seed}, "
                f"or prune again with --seed {job.setup.seed}"
            )
        restore(net, pruned, path)
    return net


def begin_sparsifying(job: Job, net: nn.Module, optimizer: Optimizer) -> MaskUpdates | None:
    """What changes the masks during the run, if its method does; it masks a network that has no masks yet."""
    if not isinstance(job.sparsifier, Dynamic) or job.dynamic is None or job.ratio is None:
        return None
    setup, runtime = job.setup, job.setup.runtime
    inputs = DynamicInputs(
        net=net,
        optimizer=optimizer,
        settings=job.dynamic,
        sparsity=job.ratio,
        losses=setup.losses,
        weights={name: task.weight for name, task in setup.tasks.items()},
        seed=setup.seed,
        precision=runtime.autocast,
        reduce=runtime.sum_over_processes,
        processes=runtime.world,
    )
    return job.sparsifier.begin(inputs)


def check_origin(job: Job, checkpoint: Checkpoint, path: Path) -> None:
    """Raise a UserError if the checkpoint is of another data set, method or sparsity than the run's."""
    wanted = {"dataset": job.setup.config.name, "method": job.method, "ratio": job.ratio}
    for name, value in wanted.items():
        if getattr(checkpoint, name) != value:
            raise UserError(f"{path}: {name} is {getattr(checkpoint, name)} in this file, not {value}; remove the file")
