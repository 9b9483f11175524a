"""What channels are worth and which go, on two small layers by hand."""

import numpy as np
import pytest
import torch

from configs import UserError
from prune_utils.channels.graph import ChannelSet, Slices
from prune_utils.channels.selection import (
    Block,
    Work,
    blocks,
    channel_masks,
    channel_scores,
    for_share_removed,
    ranks,
)

ALL = torch.arange(3)
SHAPES = {"one": torch.Size([3, 2]), "two": torch.Size([2, 3]), "head": torch.Size([1, 3])}
SETS = [ChannelSet("one", 3, (Slices("one", 0, True, ALL, ALL), Slices("two", 1, False, ALL, ALL)))]
SCORES = {"one": torch.tensor([[1.0, 1.0], [2.0, 2.0], [0.0, 3.0]]), "two": torch.tensor([[10.0, 0, 0], [0, 5, 0]])}


def test_a_channels_score_is_the_mean_of_its_shares_of_the_layers() -> None:
    # one: 2, 4, 3 over their mean 3; two: 10, 5, 0 over their mean 5.
    expected = torch.tensor([(2 / 3 + 2) / 2, (4 / 3 + 1) / 2, (1 + 0) / 2], dtype=torch.float64)
    torch.testing.assert_close(channel_scores(SETS[0], SCORES), expected)
    torch.testing.assert_close(channel_scores(SETS[0], {n: 7 * s for n, s in SCORES.items()}), expected)
    assert channel_scores(SETS[0], {"other": torch.ones(2, 2)}) is None
    assert channel_scores(SETS[0], {"one": torch.zeros(3, 2)}).tolist() == [0, 0, 0]


def test_several_inputs_belong_to_a_channel() -> None:
    flattened = ChannelSet("x", 2, (Slices("x", 1, False, torch.arange(4), torch.tensor([0, 0, 1, 1])),))
    assert channel_scores(flattened, {"x": torch.tensor([[1.0, 2.0, 3.0, 6.0]])}).tolist() == [0.5, 1.5]


def test_a_channel_ranks_by_the_task_that_needs_it_most() -> None:
    one = [ChannelSet("one", 3, (Slices("one", 0, True, ALL, ALL),))]
    a, b = torch.tensor([[3.0], [2.0], [1.0]]), torch.tensor([[1.0], [2.0], [3.0]])
    best = ranks(one, {"a": {"one": a}, "b": {"one": b}})[0]
    assert best.tolist() == pytest.approx([1, 2 / 3, 1])
    # Of equal scores the last channel goes first.
    assert ranks(one, {"a": {"one": torch.ones(3, 1)}})[0].tolist() == pytest.approx([1, 2 / 3, 1 / 3])


def test_a_heads_channels_are_ranked_by_their_own_task_among_all_that_it_has() -> None:
    sets = [
        ChannelSet("shared", 2, (Slices("shared", 0, True, ALL[:2], ALL[:2]),)),
        ChannelSet("own", 2, (Slices("own", 0, True, ALL[:2], ALL[:2]),)),
    ]
    shared, own = torch.tensor([[1.0], [3.0]]), torch.tensor([[0.1], [1.9]])  # over their means: .5 1.5, .1 1.9
    scores = {"a": {"shared": shared, "own": own}, "b": {"shared": shared.flip(0)}}
    best = ranks(sets, scores)
    assert [values.tolist() for values in best] == [[1.0, 0.75], [0.25, 1.0]]


def test_channels_go_in_blocks_and_one_at_least_stays() -> None:
    best = [np.array([0.2, 0.6, 0.4]), np.array([0.5]), np.array([0.3, 0.1, 0.9, 0.7, 0.8])]
    assert [(b.of, b.channels, b.rank) for b in blocks(best)] == [
        (2, [1], 0.1), (0, [0], 0.2), (2, [0], 0.3), (0, [2], 0.4), (2, [3], 0.7), (2, [4], 0.8),
    ]  # fmt: skip
    assert [(b.of, b.channels, b.rank) for b in blocks(best, 2)] == [
        (2, [1, 0], 0.3), (0, [0, 2], 0.4), (2, [3, 4], 0.8),
    ]  # fmt: skip


def test_work_counts_what_is_left_of_both_layers() -> None:
    work = Work(SETS, SHAPES, {"one": 10, "two": 5, "head": 1})
    assert work.total == 10 * 6 + 5 * 6 + 3
    work.remove(Block(0, [1], 0.1))
    assert work.total == 10 * 4 + 5 * 4 + 3


def test_the_share_is_met_to_the_nearest_channel() -> None:
    order = [Block(0, [0], 0.1), Block(0, [1], 0.2)]  # 93, 63, 33 multiply-adds

    def chosen(percent: float) -> int:
        return len(for_share_removed(order, Work(SETS, SHAPES, {"one": 10, "two": 5, "head": 1}), percent))

    assert [chosen(percent) for percent in (1, 15, 17, 32, 47, 50, 64)] == [0, 0, 1, 1, 1, 2, 2]
    with pytest.raises(UserError, match=r"--ratio: channels can take 64\.5 % of the multiply-adds away at most"):
        chosen(70)


def test_masks_take_out_what_makes_a_channel_and_what_reads_it() -> None:
    masks = channel_masks(SETS, [Block(0, [1], 0.1)], SHAPES)
    assert masks["one"].tolist() == [[True, True], [False, False], [True, True]]
    assert masks["two"].tolist() == [[True, False, True]] * 2
    assert masks["head"].all()
