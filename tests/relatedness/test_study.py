"""One replicate: its batches, its networks, and that numbers depend on nothing else."""

from pathlib import Path

import numpy as np
import pytest
import torch
from small_studies import study_for
from small_training import assert_same

from prune_utils.initialisation import xavier_copy
from relatedness.estimators.gradient_cosine import GradientCosine
from relatedness.estimators.snip import Snip
from relatedness.study import Plan, Study

PARTS = ("first", "held_out")


def test_held_out_pictures_are_in_no_first_batch(rooms: Path, tmp_path: Path) -> None:
    study = study_for(rooms, tmp_path, plan=Plan(3))  # of 8 pictures, in batches of 2
    assert list(study.numbers("first")) == [0, 1, 2] and list(study.numbers("held_out")) == [3]
    first, held_out = ([name for _, batch in study.batches(part) for name in batch["name"]] for part in PARTS)
    assert len(first) == 6 and len(held_out) == 2
    assert not set(first) & set(held_out)
    assert list(study_for(rooms, tmp_path, plan=Plan(1)).numbers("held_out")) == [1]


def test_where_no_picture_is_left_it_says_what_to_lower(rooms: Path, tmp_path: Path) -> None:
    assert study_for(rooms, tmp_path, plan=Plan(3)).held_out_problem() is None
    problem = study_for(rooms, tmp_path, plan=Plan(4)).held_out_problem()
    assert problem is not None and "8 pictures" in problem and "--num_batches" in problem


def test_the_network_at_initialisation_is_the_one_that_the_published_score_sees(rooms: Path, tmp_path: Path) -> None:
    study = study_for(rooms, tmp_path, replicate=3)
    assert study.seed == 3
    plain = xavier_copy(study.setup.network(3), 3).state_dict()
    state = study.network("init").state_dict()
    assert_same({name: state[name] for name in plain}, plain)


def test_a_shuffled_role_has_its_tasks_head_and_a_twin_another(rooms: Path, tmp_path: Path) -> None:
    heads = study_for(rooms, tmp_path).network("init").heads
    assert heads["seg~shuffled"] is heads["seg"]
    own, twin = (next(heads[name].parameters()) for name in ("seg", "seg~twin"))
    assert own.shape == twin.shape and not torch.equal(own, twin)


def estimates(study: Study) -> list[np.ndarray]:
    found = [Snip().estimate(study), GradientCosine().estimate(study)]
    return [matrix[:2, :2] for matrix in found]


def test_numbers_of_tasks_do_not_depend_on_stand_ins_workers_or_order(rooms: Path, tmp_path: Path) -> None:
    with_controls = estimates(study_for(rooms, tmp_path))
    without = estimates(study_for(rooms, tmp_path, plan=Plan(2, controls=False)))
    np.testing.assert_array_equal(with_controls[0], without[0])
    np.testing.assert_allclose(with_controls[1], without[1], rtol=1e-12)  # products of more rows, rounded otherwise
    other_order = study_for(rooms, tmp_path, "--num_workers", "1")
    later = [GradientCosine().estimate(other_order), Snip().estimate(other_order)]
    np.testing.assert_array_equal([matrix[:2, :2] for matrix in reversed(later)], with_controls)
    alone = study_for(rooms, tmp_path)
    alone.with_scores = False
    np.testing.assert_array_equal(GradientCosine().estimate(alone)[:2, :2], with_controls[1])


def test_replicates_differ(rooms: Path, tmp_path: Path) -> None:
    one, other = (estimates(study_for(rooms, tmp_path, replicate=replicate)) for replicate in (0, 1))
    assert not np.array_equal(one, other)


def test_one_pass_serves_all(rooms: Path, tmp_path: Path) -> None:
    study = study_for(rooms, tmp_path)
    _, snip = study.products.measured(lambda: Snip().estimate(study))
    _, cosine = study.products.measured(lambda: GradientCosine().estimate(study))
    assert (snip.forward_passes, snip.backward_passes) == (2, 12)
    assert (cosine.forward_passes, cosine.backward_passes) == (2, 12)
    assert cosine.seconds > 0


def test_scores_have_to_be_announced(rooms: Path, tmp_path: Path) -> None:
    study = study_for(rooms, tmp_path)
    study.with_scores = False
    with pytest.raises(RuntimeError, match="uses_scores"):
        study.scores()


def test_features_and_targets_are_of_the_same_cells(rooms: Path, tmp_path: Path) -> None:
    study = study_for(rooms, tmp_path)
    features = study.features("init", "held_out")
    targets = study.pooled("held_out", features.grid)
    assert features.values.shape == (4, features.grid[0] * features.grid[1], 32)
    assert features.values.shape[:2] == targets.values["seg"].shape[:2]
    buffers = [buffer.clone() for buffer in study.network("init").buffers()]
    study.features("init", "first")
    assert_same(dict(enumerate(buffers)), dict(enumerate(study.network("init").buffers())))


def test_a_warm_backbone_does_not_depend_on_the_stand_ins(rooms: Path, tmp_path: Path) -> None:
    with_twins = study_for(rooms, tmp_path, plan=Plan(2, True, warmup=3)).network("warm")
    study = study_for(rooms, tmp_path, plan=Plan(2, False, warmup=3))
    without = study.network("warm")
    assert_same(with_twins.backbone.state_dict(), without.backbone.state_dict())
    assert_same(with_twins.heads["seg"].state_dict(), without.heads["seg"].state_dict())
    cold = study.setup.network(study.seed)
    assert not torch.equal(next(cold.backbone.parameters()), next(without.backbone.parameters()))
    assert study.products.measured(lambda: study.network("warm"))[1].backward_passes == 3


def test_twins_learn_beside_their_tasks(rooms: Path, tmp_path: Path) -> None:
    cold, warm = (study_for(rooms, tmp_path, plan=Plan(2, True, warmup=steps)).network("warm") for steps in (0, 2))
    assert not torch.equal(*(next(net.heads["seg~twin"].parameters()) for net in (cold, warm)))


def test_a_warm_network_gives_gradients_too(rooms: Path, tmp_path: Path) -> None:
    study = study_for(rooms, tmp_path, plan=Plan(2, True, warmup=2))
    warm = GradientCosine(state="warm").estimate(study)
    assert np.isfinite(warm[study.wanted]).all()
    assert not np.array_equal(warm[:2, :2], GradientCosine().estimate(study)[:2, :2])
