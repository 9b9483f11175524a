"""Scoring with the batches of a data set, alone or shared among processes."""

from collections.abc import Iterable, Iterator

import torch
from torch import nn
from tqdm import tqdm

from configs.errors import UserError
from dataloaders import training_loader
from prune_utils.layers import Scores
from prune_utils.scores import gradient_magnitudes
from training.setup import Setup

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
    config, runtime = setup.config, setup.runtime
    if num_batches < runtime.world:
        raise UserError(f"--num_batches: {num_batches} batches cannot be shared by {runtime.world} processes; ask for more")
    mine = range(runtime.rank, num_batches, runtime.world)
    size = config.scoring.batch_size or config.data.batch_size
    loader = training_loader(
        config, setup.keys, mine, batch_size=size, seed=seed, num_workers=min(setup.num_workers, len(mine))
    )
    magnitudes = gradient_magnitudes(
        net,
        _placed(loader, setup, bar),
        setup.losses,
        precision=runtime.autocast,
        before_batch=lambda number: torch.manual_seed(seed * SEED_STRIDE + mine[number]),
    )
    if loader.skipped:
        bar.write(f"skipped {len(loader.skipped)} unreadable samples: {', '.join(loader.skipped[:5])}")
    for scores in magnitudes.values():
        runtime.sum_over_processes(scores.values())
    return magnitudes


def _placed(loader: Iterable[dict], setup: Setup, bar: tqdm) -> Iterator[dict]:
    for batch in loader:
        yield setup.runtime.place(batch)
        bar.update(setup.runtime.world)
