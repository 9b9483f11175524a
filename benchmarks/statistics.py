"""Statistics of a full-size network's scores: seconds and memory, for 3 and 25 tasks."""

import torch

from benchmarks.timing import Row, seconds
from configs import load_config
from models import build_network
from prune_utils.layers import Scores, head_weights, shared_weights
from relatedness.snip.statistics import pair_statistics
from runtime.provenance import peak_memory_mb

RATIOS = [0.675, 0.46, 0.257, 0.08]


def measure(num_tasks: int) -> list[Row]:
    """Time and peak memory of one seed's statistics at four sparsities; memory includes the scores themselves."""
    with torch.device("meta"):
        net = build_network(load_config("nyuv2").model, {f"task{i}": 3 for i in range(num_tasks)})
    generator = torch.Generator().manual_seed(0)
    shared = shared_weights(net)
    scores: dict[str, Scores] = {}
    for task in net.heads:
        layers = {**shared, **head_weights(net, task)}
        scores[task] = {name: torch.rand(p.shape, generator=generator).pow_(8) for name, p in layers.items()}
    before = peak_memory_mb() / 1024
    time = seconds(lambda: pair_statistics(scores, list(shared), RATIOS), repeats=1)
    total = sum(p.numel() for p in net.parameters()) / 1e6
    pairs = num_tasks * (num_tasks - 1) // 2
    name = f"{num_tasks} tasks, {pairs} pairs, {total:.1f} M weights"
    three = num_tasks == 3
    return [
        Row("statistics", f"{name}: a seed", f"{time:.1f} s", "< 5 s" if three else ""),
        Row("statistics", f"{name}: peak memory", f"{peak_memory_mb() / 1024:.1f} GiB", "< 3 GB" if three else ""),
        Row("statistics", f"{name}: of which the scores", f"{before:.1f} GiB"),
    ]
