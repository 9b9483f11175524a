"""Statistics of scores drawn at random."""

import torch

from prune_utils.layers import Scores
from relatedness.snip.statistics import Statistics, pair_statistics

RATIOS = [0.675, 0.46, 0.257, 0.08]


def random_scores(tasks: int, seed: int, sizes=(60, 90, 5, 40)) -> tuple[dict[str, Scores], list[str]]:
    generator = torch.Generator().manual_seed(seed)
    shared = [f"layer{i}" for i in range(len(sizes))]
    return {
        f"t{t}": {
            **{name: torch.rand(n, generator=generator) ** 6 for name, n in zip(shared, sizes, strict=True)},
            f"heads.t{t}": torch.rand(30, generator=generator),
        }
        for t in range(tasks)
    }, shared


def statistics_of(seed: int) -> Statistics:
    scores, shared = random_scores(3, seed)
    return pair_statistics(scores, shared, RATIOS)
