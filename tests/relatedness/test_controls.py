"""Stand-ins for tasks, and what floor and ceiling are read from."""

from pathlib import Path

import numpy as np
import pytest
import torch
from small_studies import study_for

from relatedness.controls import derangement, make_roles, shuffled_key, split_controls, wanted_pairs, with_shuffled
from relatedness.study import Plan
from tasks.maps import MapTask

TASKS = [MapTask(name=name, channels=1) for name in ("a", "b")]


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_tasks_come_first_then_their_stand_ins() -> None:
    assert [role.name for role in make_roles(TASKS, True)] == ["a", "b", "a~shuffled", "b~shuffled", "a~twin", "b~twin"]
    assert [role.name for role in make_roles(TASKS, False)] == ["a", "b"]


def test_looked_at_are_partners_the_other_tasks_stand_ins_and_the_own_twin() -> None:
    roles = make_roles(TASKS, True)
    pairs = {(roles[i].name, roles[j].name) for i, j in zip(*wanted_pairs(roles).nonzero(), strict=True)}
    assert pairs == {
        ("a", "b"), ("a", "b~shuffled"), ("a", "a~twin"),
        ("b", "a"), ("b", "a~shuffled"), ("b", "b~twin"),
    }  # fmt: skip


def test_floor_and_ceiling_are_read_from_the_places_of_the_stand_ins() -> None:
    matrix = np.arange(36.0).reshape(6, 6)
    values, floor, ceiling = split_controls(matrix, 2)
    np.testing.assert_equal(values, [[np.nan, 1], [6, np.nan]])
    np.testing.assert_equal(floor, [[np.nan, 3], [8, np.nan]])
    np.testing.assert_equal(ceiling, [4, 11])
    by_layer = split_controls(np.stack([matrix, matrix + 100]), 2)
    np.testing.assert_equal(by_layer[2], [[4, 11], [104, 111]])
    assert split_controls(matrix[:2, :2], 2)[1:] == (None, None)


@pytest.mark.parametrize("seed", range(20))
def test_no_sample_keeps_its_place(seed: int) -> None:
    for size in (2, 3, 8):
        order = derangement([str(place) for place in range(size)], generator(seed))
        assert sorted(order.tolist()) == list(range(size))
        assert all(place != other for place, other in enumerate(order.tolist()))


@pytest.mark.parametrize("seed", range(20))
def test_a_picture_that_is_twice_in_a_batch_does_not_meet_itself(seed: int) -> None:
    names = ["x", "y", "x", "z", "y", "x"]
    order = derangement(names, generator(seed)).tolist()
    assert sorted(order) == list(range(6))
    assert all(names[place] != names[other] for place, other in enumerate(order))
    assert all(place != other for place, other in enumerate(derangement(["x"] * 4, generator(seed)).tolist()))


def test_orders_differ_from_seed_to_seed() -> None:
    names = [str(place) for place in range(8)]
    assert len({tuple(derangement(names, generator(seed)).tolist()) for seed in range(10)}) == 10


def test_a_shuffled_role_sees_other_targets_and_the_same_images() -> None:
    batch = {"img": torch.tensor([1.0, 2.0]), "a": torch.tensor([10.0, 20.0]), "b": torch.tensor([5.0, 6.0])}
    full = with_shuffled(batch, batch, ["a", "b"], torch.tensor([1, 0]))
    roles = {role.name: role for role in make_roles(TASKS, True)}
    real, shuffled, twin = roles["a"], roles["a~shuffled"], roles["a~twin"]
    assert real.view(full)["a"].tolist() == twin.view(full)["a"].tolist() == [10, 20]
    assert shuffled.view(full)["a"].tolist() == [20, 10]
    assert shuffled.view(full)["img"].tolist() == [1, 2]
    assert full[shuffled_key("b")].tolist() == [6, 5]


def test_shuffled_targets_of_a_study_are_those_of_other_pictures(rooms: Path, tmp_path: Path) -> None:
    study = study_for(rooms, tmp_path, "--set", "data.batch_size=4", plan=Plan(1))
    (_, batch), = study.batches("first")
    own, others = batch["depth"], batch[shuffled_key("depth")]
    for place in range(4):
        matches = [bool(torch.equal(others[place], own[other])) for other in range(4)]
        assert sum(matches) == 1 and not matches[place]


def test_of_batches_of_one_picture_the_next_gives_the_targets(rooms: Path, tmp_path: Path) -> None:
    study = study_for(rooms, tmp_path, "--set", "data.batch_size=1", plan=Plan(3))
    batches = [batch for _, batch in study.batches("first")]
    for place, batch in enumerate(batches):
        assert torch.equal(batch[shuffled_key("depth")], batches[(place + 1) % 3]["depth"])
