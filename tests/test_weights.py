"""Weights of the user's own in the scripts: never redrawn without a word, and results are of their content."""

import json
from pathlib import Path

import pytest
import torch
from conftest import Script, assert_user_error, tiny
from small_training import job_for, setup_for, short

from prune_utils.initialisation import scores_at_initialisation
from prune_utils.scores import gradient_magnitudes, snip_scores
from runtime.passes import placed, scoring_loader
from training.checkpoints.identities import begun_as
from training.checkpoints.networks import open_network
from training.job import starting_network

SIMILARITY = ["--num_batches", 1, "--num_seeds", 1, "--sparsities", 50, "--device", "cpu", "--dest", "out"]


@pytest.fixture
def weights(rooms: Path, tmp_path: Path) -> str:
    """A file with the backbone of seed 7, under our own names."""
    setup = setup_for(rooms, tmp_path / "made")
    torch.save(setup.network(7).backbone.state_dict(), tmp_path / "w.pth")
    return f"model.weights={tmp_path / 'w.pth'}"


def css(folder: Path) -> dict[str, float]:
    return json.loads((folder / "out" / "similarity.json").read_text())["table"]["equal_X_sals"]


def test_scores_are_of_the_users_weights_unless_redrawing_is_asked_for(
    run_script: Script, rooms: Path, tmp_path: Path, weights: str
) -> None:
    found = {}
    for name, settings in {"none": [], "own": [weights], "xavier": [weights, "scoring.init=xavier"]}.items():
        words = [part for text in settings for part in ("--set", text)]
        done = run_script("static_similarity.py", *tiny(rooms), *SIMILARITY, "--tasks", "seg,depth", *words)
        assert done.returncode == 0, done.stderr
        assert "0 seeds kept" in done.stdout
        found[name] = css(tmp_path)
        said = {"own": "scores at initialisation are of them (scoring.init=own)", "xavier": "Xavier-normal weights in"}
        assert said.get(name, "") in done.stderr and done.stderr.count("the backbone has") == len(settings[:1])
    assert found["own"] != found["none"] == pytest.approx(found["xavier"])


def test_own_scores_are_those_of_the_weights(rooms: Path, tmp_path: Path, weights: str) -> None:
    more = ["--tasks", "depth", "--set", weights, "--set", "model.dropout=0"]
    setup = setup_for(rooms, tmp_path / "out", *more)

    class Bar:
        def update(self, count: int) -> None: ...

    def magnitudes(net: torch.nn.Module) -> dict:
        return gradient_magnitudes(net, placed(scoring_loader(setup, [0], 0), setup, Bar()), setup.losses)

    net = setup.network(3)
    plain = snip_scores(net, magnitudes(net))["depth"]
    scored, scores = scores_at_initialisation(net, 3, magnitudes, setup.init)
    assert scored is net
    first = scores["depth"]["backbone.conv1.weight"]
    torch.testing.assert_close(first, plain["backbone.conv1.weight"])
    assert torch.equal(net.backbone.conv1.weight, torch.load(tmp_path / "w.pth")["conv1.weight"])


def test_training_begins_with_them_and_its_identity_is_of_their_content(
    rooms: Path, tmp_path: Path, weights: str
) -> None:
    def job(*more: str):
        return job_for(setup_for(rooms, tmp_path / "run", *more))

    without, first = begun_as(job()), begun_as(job("--set", weights))
    assert "model.weights" not in without.settings and first.settings["model.weights"]
    assert without.request != first.request
    started = starting_network(job("--set", weights)).backbone.conv1.weight
    assert torch.equal(started, torch.load(tmp_path / "w.pth")["conv1.weight"])
    torch.save(setup_for(rooms, tmp_path / "made").network(8).backbone.state_dict(), tmp_path / "w.pth")
    assert begun_as(job("--set", weights)).request != first.request


def test_a_checkpoint_needs_the_file_no_more(run_script: Script, rooms: Path, tmp_path: Path, weights: str) -> None:
    flags = [*tiny(rooms), "--device", "cpu", "--dest", "out", "--tasks", "depth", "--set", weights]
    trained = run_script("launch_training.py", *flags, *short(), "--max_iters", 1)
    assert trained.returncode == 0, trained.stderr
    pruned = run_script("create_pruned_net.py", *flags, "--method", "random", "--num_batches", 1)
    assert f"weights: {tmp_path / 'w.pth'}, heads of seed 0" in pruned.stdout
    (tmp_path / "w.pth").unlink()
    setup = setup_for(rooms, tmp_path / "out", "--tasks", "depth", "--set", weights)
    assert open_network(setup, tmp_path / "out" / "final_sample_baseline_depth.pth")[0].heads.keys() == {"depth"}
    assert_user_error(run_script("static_similarity.py", *flags[:-4], "--set", weights), "model.weights", "w.pth")
