"""What a channel is worth to each task, and which channels go for a share of the multiply-adds.

The score of a channel c for a task: let S(l, c) be the sum of the task's scores over the weights that layer l has of
the channel (its filter where l makes the channel; what reads it where l reads it). In each layer it is divided by the
layer's mean over the channels, so that a layer with many or with large weights is not favoured:

    score(c) = mean over layers l of  n_l * S(l, c) / sum over c' of S(l, c')

Each task ranks the channels of the backbone and of its own head by it, and lets the same share of them go, the last
ones first. A channel goes only if every task that has it lets it go, as a weight does in DiSparse (Sun et al., CVPR
2022). So a channel goes the later the higher the best of its ranks is, and the share follows from the multiply-adds.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from configs.errors import UserError
from prune_utils.channels.graph import ChannelSet
from prune_utils.layers import Masks, Scores


@dataclass(frozen=True)
class Block:
    """Channels that go together: one, or as many as a layer's number of channels is to be a multiple of.

    Attributes:
        of: number of their set.
        channels: which.
        rank: the best of their ranks, above 0 and at most 1: the share of channels that goes when they do.
    """

    of: int
    channels: list[int]
    rank: float


def channel_scores(channels: ChannelSet, scores: Scores) -> Tensor | None:
    """One task's score of each channel of a set, [channels]; None if the task has none of its layers."""
    parts = []
    for slices in channels.slices:
        if slices.layer in scores:
            score = scores[slices.layer].transpose(0, slices.dim)
            sums = score.flatten(1).sum(1, dtype=torch.float64).cpu()
            own = torch.zeros(channels.channels, dtype=torch.float64).index_add_(0, slices.channel, sums[slices.index])
            parts.append(own / own.mean() if own.any() else own)
    return torch.stack(parts).mean(0) if parts else None


def ranks(sets: Sequence[ChannelSet], scores: Mapping[str, Scores]) -> list[np.ndarray]:
    """For each set, the best rank of every channel among the tasks, [channels]; the best channel of a task has 1.

    Where scores tie, the channels that come last in the network rank lower.
    """
    best = [np.zeros(channels.channels) for channels in sets]
    for task_scores in scores.values():
        found = [channel_scores(channels, task_scores) for channels in sets]
        flat = np.concatenate([np.empty(0), *(score.numpy() for score in found if score is not None)])
        ranked = np.empty(len(flat))
        ranked[np.lexsort((-np.arange(len(flat)), flat))] = np.arange(1, len(flat) + 1) / max(len(flat), 1)
        for number, score in enumerate(found):
            if score is not None:
                own, ranked = np.split(ranked, [len(score)])
                best[number] = np.maximum(best[number], own)
    return best


def blocks(best: Sequence[np.ndarray], size: int = 1) -> list[Block]:
    """What may go, in the order of going; of each set at least one channel stays.

    Args:
        best: for each set, the rank of every channel.
        size: channels go so many at a time.
    """
    found = []
    for number, of_set in enumerate(best):
        order = np.argsort(of_set, kind="stable")
        for start in range(0, (len(order) - 1) // size * size, size):
            chosen = order[start : start + size]
            found.append(Block(number, chosen.tolist(), float(of_set[chosen].max())))
    return sorted(found, key=lambda block: block.rank)


class Work:
    """Multiply-adds of a network while channels go.

    Args:
        sets: of the network.
        shapes: of every Conv and Linear weight.
        positions: how often each is used (``prune_utils.positions``).
    """

    def __init__(
        self, sets: Sequence[ChannelSet], shapes: Mapping[str, Sequence[int]], positions: Mapping[str, int]
    ) -> None:
        self._alive = {name: list(shape[:2]) for name, shape in shapes.items()}
        self._each = {name: positions.get(name, 0) * int(np.prod(shape[2:])) for name, shape in shapes.items()}
        self._counts = [
            [(s.layer, s.dim, np.bincount(s.channel.numpy(), minlength=channels.channels)) for s in channels.slices]
            for channels in sets
        ]
        self.total = sum(self._of(name) for name in shapes)

    def remove(self, block: Block) -> None:
        """Take the block's channels out of the count."""
        for layer, dim, counts in self._counts[block.of]:
            before = self._of(layer)
            self._alive[layer][dim] -= int(counts[block.channels].sum())
            self.total -= before - self._of(layer)

    def _of(self, layer: str) -> int:
        rows, columns = self._alive[layer]
        return rows * columns * self._each[layer]


def for_share_removed(order: Sequence[Block], work: Work, percent: float) -> list[Block]:
    """The first blocks of an order, as many as bring the multiply-adds nearest to what the share leaves.

    Args:
        percent: of the multiply-adds, to remove.

    Raises:
        UserError: all of them together are not enough.
    """
    dense = work.total
    wanted = dense * (1 - percent / 100)
    for number, block in enumerate(order):
        before = work.total
        work.remove(block)
        if work.total <= wanted:
            nearer = before - wanted > wanted - work.total
            return list(order[: number + nearer])
    most = 100 * (1 - work.total / dense)
    raise UserError(f"--ratio: channels can take {most:.1f} % of the multiply-adds away at most; ask for less")


def channel_masks(sets: Sequence[ChannelSet], gone: Iterable[Block], shapes: Mapping[str, torch.Size]) -> Masks:
    """Masks of every weight, false in all slices of the channels that go, on the CPU.

    Both what makes a channel and what reads it is masked: so it has no effect, whatever biases and normalisation make
    of it, and the network computes what the smaller one would.
    """
    masks = {name: torch.ones(shape, dtype=torch.bool) for name, shape in shapes.items()}
    lost = [torch.zeros(channels.channels, dtype=torch.bool) for channels in sets]
    for block in gone:
        lost[block.of][block.channels] = True
    for channels, chosen in zip(sets, lost, strict=True):
        for slices in channels.slices:
            masks[slices.layer].index_fill_(slices.dim, slices.index[chosen[slices.channel]], False)
    return masks
