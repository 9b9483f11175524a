"""The estimators that train or take steps, on rendered rooms and a real network, with all stand-ins."""

from pathlib import Path

import numpy as np
import pytest
from small_training import setup_for

from configs import UserError
from relatedness.base import Estimator
from relatedness.estimators.tag import Tag
from relatedness.registry import build_estimators
from relatedness.study import Plan, Study

OPTIONS = ("probe.iterations=1", "tag.step=0.001", "gradient_cosine.head=closed_form")
LABELS = ["tag", "probe", "short_cotraining", "gradient_cosine@warm"]


def study_and_estimators(rooms: Path, dest: Path) -> tuple[Study, dict[str, Estimator]]:
    """Two tasks, two batches of two pictures, and one iteration of training."""
    sets = [word for option in OPTIONS for word in ("--set", f"relatedness.{option}")]
    setup = setup_for(rooms, dest, "--tasks", "depth,seg", *sets)
    return Study(setup, Plan(2, warmup=1), 0), build_estimators(LABELS, setup.config)


@pytest.mark.parametrize("label", LABELS)
def test_all_that_is_wanted_is_there(rooms: Path, tmp_path: Path, label: str) -> None:
    study, estimators = study_and_estimators(rooms, tmp_path)
    assert estimators[label].problem(study) is None
    found = estimators[label].estimate(study)
    assert np.isfinite(found[study.wanted]).all()
    floor = found[study.wanted & (np.array([role.kind for role in study.roles]) == "shuffled")]
    assert not np.isin(floor, found[:2, :2]).any(), "shuffled partners are others than the tasks"


def test_steps_are_judged_with_the_same_dropout(rooms: Path, tmp_path: Path) -> None:
    study, _ = study_and_estimators(rooms, tmp_path)
    found = [Tag(step=step, state="init").estimate(study)[study.wanted] for step in (1e-2, 1e-2, 1e-9)]
    np.testing.assert_array_equal(found[0], found[1])
    assert np.abs(found[0]).min() > 1e-5 and np.abs(found[2]).max() < 1e-5


def test_options_are_checked_where_they_are_set(rooms: Path, tmp_path: Path) -> None:
    for option, words in (("probe.iterations=0", "greater than 0"), ("tag.steps=1", "unknown key"),
                          ("short_cotraining.state=warm", "choose from pairs")):  # fmt: skip
        setup = setup_for(rooms, tmp_path, "--set", f"relatedness.{option}")
        key = option.partition("=")[0]
        with pytest.raises(UserError, match=rf"relatedness\.{key.replace('.', '[.]')}.*{words}"):
            build_estimators([key.partition(".")[0]], setup.config)


def test_what_is_dear_is_left_to_be_asked_for(rooms: Path, tmp_path: Path) -> None:
    config = setup_for(rooms, tmp_path).config
    assert not {"tag", "probe", "short_cotraining"} & build_estimators(None, config).keys()
