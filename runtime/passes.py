"""Scoring with the batches of a data set, alone or shared among processes."""

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import torch
from torch import nn
from tqdm import tqdm

from configs.errors import UserError
from dataloaders import Loader, training_loader
from prune_utils.layers import Scores
from prune_utils.scores import gradient_magnitudes, joint_magnitudes
from reports.wording import counted
from runtime.contents import Rows, rows_of
from runtime.setup import Setup

SEED_STRIDE = 1_000_003
"""Distance between the dropout seeds of two scoring seeds: a prime above any number of batches."""


def task_magnitudes(setup: Setup, net: nn.Module, *, num_batches: int, seed: int, bar: tqdm) -> dict[str, Scores]:
    """For each task, the sum over batches of |dL_t/dw|, over all processes.

    Which samples are in a batch, their augmentation and dropout depend on the seed and the number of the batch
    alone, so that the result does not depend on how the batches are shared.

    Args:
        net: on the runtime's device.
        num_batches: of all processes together.
        seed: of data order, augmentation and dropout.
        bar: advanced by one for each batch.

    Raises:
        UserError: fewer batches than processes; a loss that is not finite; unreadable data.
    """
    return over_batches(gradient_magnitudes, setup, net, num_batches, seed, bar)


def joint_loss_magnitudes(setup: Setup, net: nn.Module, *, num_batches: int, seed: int, bar: tqdm) -> Scores:
    """The sum over batches of |dL/dw|, L the tasks' weighted sum; all else is as for ``task_magnitudes``."""
    factors = {name: task.weight for name, task in setup.tasks.items()}

    def measure(net: nn.Module, batches: Iterable[dict], losses: dict, **options: Any) -> dict[str, Scores]:
        return {"joint": joint_magnitudes(net, batches, losses, factors, **options)}

    return over_batches(measure, setup, net, num_batches, seed, bar)["joint"]


def over_batches(
    measure: Callable[..., dict[str, Scores]], setup: Setup, net: nn.Module, num_batches: int, seed: int, bar: tqdm
) -> dict[str, Scores]:
    """What ``measure`` gives for a network on the batches of a seed, over all processes.

    Args:
        measure: a function of (network, batches, losses) and the options ``precision`` and ``before_batch`` of
            ``prune_utils.scores.task_gradients``; it sees this process's batches, and the processes' scores are summed.
        net, num_batches, seed, bar: as for ``task_magnitudes``.
    """
    runtime = setup.runtime
    check_shared(setup, num_batches)
    mine = range(runtime.rank, num_batches, runtime.world)
    loader = scoring_loader(setup, mine, seed)
    # Convolutions run faster on this memory layout (bf16 on the CPU by a fifth); scores come back in the usual one.
    net.to(memory_format=torch.channels_last)
    try:
        with runtime.fixed_shapes():
            magnitudes = measure(
                net,
                placed(loader, setup, bar),
                setup.losses,
                precision=runtime.autocast,
                before_batch=lambda number: seed_batch(seed, mine[number]),
            )
    finally:
        net.to(memory_format=torch.contiguous_format)
    report_skipped(loader, bar)
    for scores in magnitudes.values():
        for name, score in scores.items():
            scores[name] = score.contiguous()
        runtime.sum_over_processes(scores.values())
    return magnitudes


def seed_batch(seed: int, number: int) -> None:
    """Seed dropout for the batch with this number."""
    torch.manual_seed(seed * SEED_STRIDE + number)


def report_skipped(loader: Loader, bar: tqdm) -> None:
    """Say beside the bar which samples were left out, if any."""
    if loader.skipped:
        samples = counted(len(loader.skipped), "unreadable sample")
        bar.write(f"skipped {samples}: {'; '.join(loader.skipped[:5])}", sys.stderr)


def check_shared(setup: Setup, num_batches: int) -> None:
    """Raise a UserError if there are fewer batches than processes."""
    if num_batches < setup.runtime.world:
        raise UserError(f"--num_batches: {num_batches} is too few for {setup.runtime.world} processes; ask for more")


def scored_samples(setup: Setup, num_batches: int, seed: int) -> Rows | None:
    """The files that scoring with these batches reads; None if the data set does not name them.

    How many processes and workers there are does not count: they do not change the scores.
    """
    loader = scoring_loader(setup, range(num_batches), seed)
    indices = loader.indices()
    if setup.config.data.on_error == "skip":  # then any sample may take the place of an unreadable one
        indices += range(len(loader.dataset))
    return rows_of(loader.dataset, indices)


def scoring_batch_size(setup: Setup) -> int:
    """Images in a batch when scoring."""
    return setup.config.scoring.batch_size or setup.config.data.batch_size


def scoring_loader(setup: Setup, batches: Sequence[int], seed: int) -> Loader:
    """The training batches of a seed that have these numbers."""
    size, workers = scoring_batch_size(setup), setup.num_workers
    return training_loader(setup.config, setup.keys, batches, batch_size=size, seed=seed, num_workers=workers)


def placed(loader: Iterable[dict], setup: Setup, bar: tqdm) -> Iterator[dict]:
    """Each batch on the device, its images in the memory layout that scoring uses; the bar advances after it."""
    for batch in loader:
        on_device = setup.runtime.place(batch)
        on_device["img"] = on_device["img"].contiguous(memory_format=torch.channels_last)
        yield on_device
        bar.update(setup.runtime.world)
