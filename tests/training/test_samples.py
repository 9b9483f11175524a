"""Which samples are shown: the best, the worst and those between, each task counting alike."""

from pathlib import Path

import numpy as np
import pytest
import torch
from small_training import setup_for

from dataloaders import open_dataset
from training import samples
from training.evaluation import evaluate
from training.samples import SampleLosses, choose, draw_evaluated

NAN = float("nan")


def test_the_best_the_worst_and_quarters_between() -> None:
    losses = np.arange(101.0)[::-1, None]  # sample 100 is the best
    found = choose(losses)
    assert found == {
        100: "best", 99: "2nd best", 75: "25 %", 50: "median", 25: "75 %", 1: "2nd worst", 0: "worst"
    }  # fmt: skip
    assert list(found)[0] == 100 and list(found)[-1] == 0


def test_a_task_does_not_count_more_because_its_losses_are_large() -> None:
    losses = np.array([[1.0, 900.0], [2.0, 100.0], [3.0, 400.0]])  # mean ranks .5, .25, .75
    assert choose(losses) == {1: "1 of 3", 0: "2 of 3", 2: "3 of 3"}


def test_what_has_no_target_counts_for_no_task_and_comes_last() -> None:
    losses = np.array([[NAN, NAN], [NAN, 1.0], [0.5, 2.0]])
    assert list(choose(losses)) == [1, 2, 0]  # of 0; of 0 and 1; of none


def test_losses_are_gathered_while_a_network_is_evaluated(rooms: Path, tmp_path: Path) -> None:
    setup = setup_for(rooms, tmp_path, "--tasks", "seg,depth", "--set", "train.eval_batch_size=2")
    net = setup.network(0).eval()
    losses = SampleLosses(setup)
    evaluate(net, setup, watch=losses.add)
    dataset = open_dataset(setup.config, "test", setup.keys)
    places, found = losses.gathered(dataset)
    assert places == [0, 1, 2] and found.shape == (3, 2)
    one = {key: dataset.target(1, key)[None] for key in setup.keys}
    with torch.no_grad():
        prediction = net(dataset.normalisation(dataset.read(1, "img"))[None])["depth"]
    assert found[1, 1] == pytest.approx(float(setup.tasks["depth"].loss(prediction, one)), rel=1e-4)


def test_the_picture_shows_what_the_network_says(
    rooms: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    setup = setup_for(rooms, tmp_path, "--tasks", "seg,sn")
    net, losses, drawn = setup.network(0), SampleLosses(setup), {}
    evaluate(net, setup, watch=losses.add)
    monkeypatch.setattr(samples, "draw_samples", lambda path, title, rows, styles: drawn.update(rows=rows, path=path))
    assert draw_evaluated(setup, net, losses, tmp_path / "eval_x.png") == []
    assert len(drawn["rows"]) == 3
    row = drawn["rows"][0]
    target, prediction = row.cells["seg"]
    assert row.image.shape == (48, 48, 3) and target.values.shape == prediction.values.shape == (1, 48, 48)
    assert prediction.text.startswith("loss ")
    lengths = np.linalg.norm(row.cells["sn"][1].values, axis=0)
    assert lengths == pytest.approx(np.ones((48, 48)), abs=1e-4)
