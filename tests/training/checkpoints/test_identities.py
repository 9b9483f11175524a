"""The identity that a plan expects is the one that the scripts write, and it counts what it should."""

import json
from pathlib import Path

import pytest
from conftest import Script, tiny
from small_training import job_for, setup_for, short

from configs.affects import affecting, flatten
from configs.schema import Config
from prune_utils.sparsifiers.base import OneShot
from runtime.identity import Identity, differing
from runtime.setup import Setup
from training.checkpoints.checkpoint import Checkpoint, read_checkpoint
from training.checkpoints.identities import Planned, evaluation_identity, pruning_identity, saved_at, training_identity
from training.names import final_path, pruned_path

METHOD = ["--method", "disparse_pt", "--ratio", "90"]


def planned_pruning(setup: Setup, source: Planned | Checkpoint | None, num_batches: int = 1) -> Identity:
    method = job_for(setup, "disparse_pt").sparsifier
    assert isinstance(method, OneShot)
    wanted = {"ratio": 90, "keep_ratio": "exact", "num_batches": num_batches}
    return pruning_identity(setup, "disparse_pt", method, **wanted, source=source)


def test_what_is_planned_is_what_the_scripts_write(rooms: Path, tmp_path: Path, run_script: Script) -> None:
    """A dense network, the one that is pruned from it, trained and evaluated: all known before the first is there."""
    flags = [*tiny(rooms), *short("retrain.max_iters=2"), "--tasks", "edge", "--device", "cpu", "--dest", tmp_path]
    setup = setup_for(rooms, tmp_path, "--tasks", "edge", "--set", "retrain.max_iters=2")
    dense = training_identity(job_for(setup, max_iters=2))
    pruned = planned_pruning(setup, Planned(dense, 2))
    sparse = training_identity(job_for(setup, "disparse_pt"), pruned)
    evaluated = evaluation_identity(setup, Planned(sparse, 2))

    for script, *words in (
        ["launch_training.py", "--max_iters", "2"],
        ["create_pruned_net.py", *METHOD, "--num_batches", "1"],
        ["launch_training.py", *METHOD],
        ["eval_pruned_net.py", *METHOD],
    ):
        done = run_script(script, *words, *flags)
        assert done.returncode == 0, done.stderr
    written = json.loads((tmp_path / "eval_sample_disparse_pt_90_edge.json").read_text())["identity"]
    found = Identity.model_validate(written)
    assert differing(evaluated, found) == [] and found == evaluated
    assert found.after == sparse and sparse.after == pruned and pruned.after == dense
    assert read_checkpoint(pruned_path(setup, "disparse_pt", 90), []).identity == pruned
    assert read_checkpoint(final_path(tmp_path, "sample_baseline_edge"), []).identity == dense


@pytest.fixture
def setup(rooms: Path, tmp_path: Path) -> Setup:
    return setup_for(rooms, tmp_path, "--tasks", "edge")


def of_method(rooms: Path, dest: Path, method: str, *words: str) -> Identity:
    return training_identity(job_for(setup_for(rooms, dest, "--tasks", "edge", *words), method))


@pytest.mark.parametrize(
    ("method", "setting", "counts"),
    [
        ("baseline", "train.lr=0.5", True),
        ("baseline", "train.weight_decay=0.5", True),
        ("baseline", "train.max_iters=9", False),
        ("baseline", "train.eval_batch_size=1", False),
        ("baseline", "retrain.lr=0.5", False),
        ("baseline", "dynamic.interval=7", False),
        ("baseline", "dynamic.end=3", False),
        ("baseline", "scoring.num_batches=7", False),
        ("disparse_pt", "retrain.lr=0.5", True),
        ("disparse_pt", "train.weight_decay=0.5", True),
        ("disparse_pt", "train.lr=0.5", False),
        ("disparse_dynamic", "dynamic.interval=3", True),
        ("disparse_dynamic", "dynamic.end=3", True),
        ("disparse_dynamic", "dynamic.regrow=zero", True),
        ("disparse_dynamic", "pruning.disparse_dynamic={regrow: zero}", True),
        ("disparse_dynamic", "pruning.rigl={erk_power: 0.5}", False),
    ],
)
def test_settings_count_in_the_runs_that_read_them(
    rooms: Path, tmp_path: Path, method: str, setting: str, counts: bool
) -> None:
    before, after = (of_method(rooms, tmp_path, method, *words) for words in ([], ["--set", setting]))
    assert (before.key != after.key) == counts, differing(before, after)


def test_every_setting_that_counts_where_it_is_used_is_used(rooms: Path, tmp_path: Path) -> None:
    """None that affects training is forgotten: together, the kinds of runs hand in all of them."""
    setup = setup_for(rooms, tmp_path, "--tasks", "edge")
    flat = flatten(setup.config.model_dump(mode="json"))
    wanted = set(affecting(Config, flat, "training", where_used=True)) - {"dynamic.end", "pruning"}
    used = {key for method in ("baseline", "disparse_pt", "disparse_dynamic")
            for key in training_identity(job_for(setup, method)).settings}  # fmt: skip
    assert wanted <= used, wanted - used


def test_an_evaluation_is_of_one_network_and_one_way_of_batching(setup: Setup, rooms: Path, tmp_path: Path) -> None:
    dense = training_identity(job_for(setup))
    key = evaluation_identity(setup, Planned(dense, 4)).key
    assert evaluation_identity(setup, Planned(dense, 5)).key != key
    other = setup_for(rooms, tmp_path, "--tasks", "edge", "--set", "train.eval_batch_size=1")
    assert differing(evaluation_identity(setup, Planned(dense, 4)), evaluation_identity(other, Planned(dense, 4))) == [
        "train.eval_batch_size was None and is 1", "images a batch was 2 and is 1",
    ]  # fmt: skip


def test_networks_of_unknown_origin_count_by_their_weights(setup: Setup) -> None:
    net = setup.network()
    state = dict(net.state_dict())
    published = Checkpoint("", ["edge"], "published", None, {}, state, {})
    key = evaluation_identity(setup, published).key
    assert evaluation_identity(setup, published).key == key
    name = next(iter(state))
    other = Checkpoint("", ["edge"], "published", None, {}, {**state, name: state[name] + 1}, {})
    assert evaluation_identity(setup, other).key != key
    assert planned_pruning(setup, other).key != planned_pruning(setup, published).key


def test_when_a_network_was_saved() -> None:
    parts = ("sample", ["edge"], "baseline", None, {}, {}, {})
    assert saved_at(Checkpoint(*parts, training={"iteration": 4})) == 4
    assert saved_at(Checkpoint(*parts, details={"iteration": 3})) == 3
    assert saved_at(Checkpoint(*parts)) is None
