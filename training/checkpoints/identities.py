"""The identities of pruned networks, training runs and evaluations: of files on disk, and of planned ones."""

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from configs.affects import affecting, flatten
from configs.errors import UserError
from configs.schema import Config, DynamicConfig, TrainConfig
from dataloaders import open_dataset
from prune_utils.keep_ratio import KeepRatio, stated_keep_ratio
from prune_utils.sparsifiers.base import OneShot
from runtime.contents import Rows, rows_of
from runtime.identity import Identity, differing_requests, differing_settings, identity_of
from runtime.passes import scored_samples
from runtime.setup import Setup
from training.checkpoints.checkpoint import Checkpoint, read_identity
from training.costs import image_size
from training.job import Job
from training.names import pruned_path

FIXED = "the iteration that fixes the masks (see --max_iters, dynamic.end)"


@dataclass(frozen=True)
class Planned:
    """A network that is not there yet: of which work, and after how many iterations; None: merely pruned."""

    identity: Identity
    iteration: int | None


def pruning_identity(
    setup: Setup,
    name: str,
    method: OneShot,
    *,
    ratio: int,
    keep_ratio: KeepRatio,
    num_batches: int,
    source: Checkpoint | Planned | None = None,
) -> Identity:
    """Of the network that ``create_pruned_net.py`` writes.

    Args:
        name: of the method.
        ratio: sparsity in percent.
        source: the trained network that is pruned; None: the one at initialisation.
    """
    published = setup.config.scoring.keep_ratios.get(method.published, {}) if method.published else {}
    after, network = (None, {}) if source is None else _network(source)
    further = {
        "method": name,
        "ratio": ratio,
        "keep_ratio": stated_keep_ratio(keep_ratio, ratio, published) or "exact",
        "scoring.num_batches": num_batches,
        "seed": setup.seed,
        **{f"pruning.{name}.{option}": value for option, value in method.model_dump().items()},
        **network,
    }
    if method.ratio_of == "multiply-adds":
        further["image"] = list(image_size(setup))
    samples = scored_samples(setup, num_batches, setup.seed)
    entry = ("training.pruning", type(method).__module__)
    return identity_of("scores", setup, sources=samples, entry=entry, further=further, after=after)


def other_than(path: Path, tasks: Sequence[str], now: Identity) -> str:
    """In words, why the pruned network in a file is another one than that which is about to be written; "" if not.

    Args:
        path: of the network; there may be none.
        tasks: the network's, in their order.
        now: of the network to write.
    """
    if not path.exists():
        return ""
    try:
        then = read_identity(path, tasks)
    except UserError:
        return "it is no network that can be read"
    if then is None:
        return "an earlier version made it"
    return "" if then.request == now.request else "; ".join(differing_requests(then, now))


def training_identity(job: Job, start: Identity | None = None) -> Identity:
    """Of a training run, whatever its length: a network of it is told by the iteration as well.

    Args:
        start: of the pruned network that training starts from; None: it starts from initialisation.
    """
    section = "train" if isinstance(job.schedule, TrainConfig) else "retrain"
    schedule = affecting(type(job.schedule), job.schedule.model_dump(), "training", where_used=True)
    further: dict[str, Any] = {
        "method": job.method,
        "ratio": job.ratio,
        "seed": job.setup.seed,
        **{f"{section}.{name}": value for name, value in schedule.items()},
    }
    if job.schedule.schedule == "cosine":  # then the length is in every rate
        further[f"{section}.max_iters"] = job.schedule.max_iters
    entry = ["training.loop.trainer"]
    if job.sparsifier is not None:
        entry.append(type(job.sparsifier).__module__)
    if job.sparsifier is not None and job.dynamic is not None:
        further |= {f"dynamic.{name}": value for name, value in job.dynamic.model_dump(exclude={"end"}).items()}
        for name, value in job.sparsifier.model_dump().items():
            further[f"dynamic.{name}" if name in DynamicConfig.model_fields else f"pruning.{job.method}.{name}"] = value
        further[FIXED] = job.dynamic.end
    samples = _whole_split(job.setup, "train")
    return identity_of("training", job.setup, sources=samples, entry=entry, further=further, after=start)


def evaluation_identity(setup: Setup, network: Checkpoint | Planned) -> Identity:
    """Of the metrics of a network over the test split."""
    after, further = _network(network)
    further["images a batch"] = setup.config.train.eval_batch_size or setup.config.data.batch_size
    entry = ("training.evaluation", "training.describing", "training.constant")
    samples = _whole_split(setup, "test")
    return identity_of("evaluation", setup, sources=samples, entry=entry, further=further, after=after)


def pruned_start(job: Job) -> Identity | None:
    """Of the pruned network that a run begins with; None where it begins at initialisation, or nothing tells."""
    if job.ratio is None or not isinstance(job.sparsifier, OneShot):
        return None
    path = pruned_path(job.setup, job.method, job.ratio)
    return read_identity(path, list(job.setup.tasks)) if path.exists() else None


def begun_as(job: Job) -> Identity:
    """Of a training that begins now, on every process; the main one reads what it depends on."""
    return job.setup.runtime.from_main(lambda: training_identity(job, pruned_start(job)))


def differing_from_earlier_version(job: Job, checkpoint: Checkpoint, now: Identity) -> list[str]:
    """In words, what else was asked for where a checkpoint has no identity; from its settings, as they were written.

    Args:
        now: of the run.
    """
    current, old = job.setup.config.model_dump(mode="json"), checkpoint.config
    with suppress(ValidationError):  # settings that there were not yet had the effect of their defaults
        old = Config(**{**old, "source": job.setup.config.source}).model_dump(mode="json")
    run = checkpoint.training.get("run", {}) if checkpoint.training is not None else {}
    then = {**flatten(old), "tasks": checkpoint.tasks, **run}
    ours = {**flatten(current), "tasks": list(job.setup.tasks), **{key: now.settings.get(key) for key in run}}
    counting = {*now.settings, *run, *affecting(Config, {**then, **ours}, "training")}
    return differing_settings(*({key: flat.get(key) for key in flat if key in counting} for flat in (then, ours)))


def saved_at(checkpoint: Checkpoint) -> int | None:
    """After how many iterations of training a network was saved; None: it was not trained, or this is not known."""
    if checkpoint.training is not None:
        return checkpoint.training["iteration"]
    return checkpoint.details.get("iteration")


def _network(network: Checkpoint | Planned) -> tuple[Identity | None, dict[str, Any]]:
    """Whose work a network is, and what else tells it from others of the same work."""
    if isinstance(network, Planned):
        return network.identity, {"iteration": network.iteration}
    if network.identity is not None:
        return network.identity, {"iteration": saved_at(network)}
    return None, {"weights": _digest(network)}  # published, or of an earlier version


def _digest(checkpoint: Checkpoint) -> str:
    hashed = hashlib.sha256()
    for tensors in (checkpoint.weights, checkpoint.masks):
        for name in sorted(tensors):
            hashed.update(f"{name} {list(tensors[name].shape)}".encode())
            hashed.update(tensors[name].contiguous().numpy().tobytes())
    return hashed.hexdigest()[:16]


def _whole_split(setup: Setup, split: str) -> Rows | None:
    dataset = open_dataset(setup.config, split, setup.keys)
    return rows_of(dataset, range(len(dataset)))
