"""Scores of stand-ins that do not fit are thinned; tasks' stay whole, and what is compared hardly changes."""

from pathlib import Path

import numpy as np
import pytest
import torch
from small_studies import study_for
from small_training import assert_same

from relatedness.estimators.snip import Snip
from relatedness.materials import magnitudes
from relatedness.materials.magnitudes import STEP
from relatedness.study import Study

WIDER = ["--set", "model.width=16", "--set", "model.head_channels=16"]


@pytest.fixture
def studies(rooms: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Study, Study]:
    """The same study with whole and with thinned scores."""
    exact, thinned = study_for(rooms, tmp_path, *WIDER), study_for(rooms, tmp_path, *WIDER)
    exact.scores()
    monkeypatch.setattr(magnitudes, "EXACT_NUMBERS", 1000)
    thinned.scores()
    return exact, thinned


def test_tasks_stay_whole_and_of_stand_ins_every_seventh_weight_is_kept(studies: tuple[Study, Study]) -> None:
    exact, thinned = (study.scores() for study in studies)
    assert (exact.step, exact.thinned, thinned.step) == (1, {}, STEP) and exact.of_all() is exact.whole
    assert set(thinned.whole) == {"depth", "seg"} and len(exact.whole) == 6
    for task, scores in thinned.whole.items():
        assert_same(scores, exact.whole[task])
    everyone = thinned.of_all()
    assert list(everyone) == list(exact.whole)
    for role, scores in everyone.items():
        for name, score in scores.items():
            whole = exact.whole[role][name]
            last = whole.permute(0, 2, 3, 1) if whole.dim() == 4 else whole
            torch.testing.assert_close(score, last.reshape(-1)[::STEP], rtol=0, atol=0)


def test_what_snip_says_of_tasks_is_the_same_and_of_stand_ins_nearly(studies: tuple[Study, Study]) -> None:
    exact, thinned = (Snip().estimate(study) for study in studies)
    np.testing.assert_array_equal(thinned[:2, :2], exact[:2, :2])
    apart = ~np.eye(6, dtype=bool)
    assert 0 < np.abs(thinned - exact)[apart].max() < 0.02
    layers, detail = Snip().by_layer(studies[1])
    np.testing.assert_allclose(detail[:, :2, :2], Snip().by_layer(studies[0])[1][:, :2, :2], rtol=1e-6)
    assert len(layers) == len(detail)


def test_released_scores_are_gone_but_gradients_stay(studies: tuple[Study, Study]) -> None:
    study = studies[0]
    before = study.gradients("init")
    study.release_scores()
    assert study.gradients("init") is before
    with pytest.raises(RuntimeError, match="uses_scores"):
        study.scores()
