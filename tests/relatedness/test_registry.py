"""Finding estimators by name, and their options in the settings."""

from pathlib import Path

import pytest

from configs import UserError, load_config
from relatedness.estimators.gradient_cosine import GradientCosine
from relatedness.registry import DEFAULT, ESTIMATORS, build_estimators
from relatedness.store import kept_besides, kept_file
from runtime.identity import Identity


def settings(*overrides: str):
    return load_config("sample", list(overrides))


def test_every_estimator_of_the_registry_can_be_had() -> None:
    found = build_estimators(["all"], settings())
    assert list(found) == list(ESTIMATORS)
    for estimator in found.values():
        assert estimator.needs and isinstance(estimator.directed, bool)
        assert type(estimator).__doc__ and "Cost:" in type(estimator).__doc__


def test_options_come_from_the_settings() -> None:
    config = settings("relatedness.snip.sparsities=[30, 90]", "relatedness.labels.stride=4")
    found = build_estimators(["snip", "labels"], config)
    assert found["snip"].sparsities == (30, 90) and found["labels"].stride == 4


def test_by_default_what_labels_and_a_warm_up_give() -> None:
    usual = build_estimators(None, settings())
    assert list(usual) == list(DEFAULT)
    assert {label: estimator.need for label, estimator in usual.items()} == {
        "readout+readable=true": "init", "labels": "labels", "joint_alignment": "warm", "dominance": "warm",
    }  # fmt: skip


def test_the_state_is_an_option_too() -> None:
    named = build_estimators(["gradient_cosine"], settings("relatedness.gradient_cosine.state=warm"))
    assert named["gradient_cosine"].need == "warm"


def test_an_estimator_of_the_users_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "own_estimators.py").write_text(
        "from relatedness.estimators.gradient_cosine import GradientCosine\n"
        "class Turned(GradientCosine):\n    factor: float = -1.0\n"
        "class Half:\n    pass\n"
        "from relatedness.base import Estimator\n"
        "class Empty(Estimator):\n    pass\n"
    )
    config = settings("relatedness.own_estimators:Turned.factor=2")
    found = build_estimators(["snip", "own_estimators:Turned@warm"], config)
    turned = found["own_estimators:Turned@warm"]
    assert isinstance(turned, GradientCosine) and turned.factor == 2 and turned.need == "warm"
    with pytest.raises(UserError, match="no estimator"):
        build_estimators(["own_estimators:Half"], config)
    with pytest.raises(UserError, match="lacks estimate, needs, directed"):
        build_estimators(["own_estimators:Empty"], config)


@pytest.mark.parametrize(
    ("labels", "overrides", "words"),
    [
        (["spam"], [], ["--estimators", "spam", "gradient_cosine"]),
        (["snip", "snip"], [], ["--estimators", "once"]),
        ([], [], ["--estimators"]),
        (["snip@warm"], [], ["snip@warm", "init"]),
        (["gradient_cosine@hot"], [], ["gradient_cosine@hot", "hot"]),
        (None, ["relatedness.spam.x=1"], ["relatedness.spam", "gradient_cosine"]),
        (None, ["relatedness.snip.spam=1"], ["relatedness.snip.spam", "unknown key"]),
        (None, ["relatedness.snip.sparsities=[0]"], ["relatedness.snip.sparsities"]),
        (None, ["relatedness.snip.keep_ratio=2"], ["relatedness.snip.keep_ratio"]),
        (None, ["relatedness.labels.stride=0"], ["relatedness.labels.stride"]),
        (None, ["relatedness.labels.state=warm"], ["relatedness.labels.state", "labels"]),
    ],
)
def test_a_mistake_is_named(labels: list[str] | None, overrides: list[str], words: list[str]) -> None:
    with pytest.raises(UserError) as error:
        build_estimators(labels, settings(*overrides))
    for word in words:
        assert word in str(error.value)


def test_options_may_stand_in_a_label() -> None:
    labels = ["readout+depth=blocks.2.0@warm", "readout", "snip+sparsities=90", "probe+iterations=7"]
    with pytest.raises(UserError, match="sparsities"):
        build_estimators(labels, settings())
    labels[2] = "gradient_cosine+head=closed_form"
    found = build_estimators(labels, settings("relatedness.readout.symmetric=true"))
    deep, usual, cosine, probe = found.values()
    assert list(found) == labels
    assert (deep.depth, deep.need, deep.symmetric) == ("blocks.2.0", "warm", True)
    assert (usual.depth, usual.need) == (None, "init")
    assert cosine.head == "closed_form" and probe.iterations == 7


@pytest.mark.parametrize(
    ("label", "words"),
    [
        ("readout+depth", ["readout+depth", "'depth'", "option=value"]),
        ("readout+=3", ["'=3'", "option=value"]),
        ("readout+spam=3", ["--estimators: readout+spam=3", "relatedness.readout.spam", "unknown key"]),
        ("tag+step=0", ["--estimators: tag+step=0", "relatedness.tag.step"]),
        ("tag+step=[", ["--estimators: tag+step=[", "YAML"]),
    ],
)
def test_a_wrong_option_in_a_label_is_named(label: str, words: list[str]) -> None:
    with pytest.raises(UserError) as error:
        build_estimators([label], settings())
    for word in words:
        assert word in str(error.value)


def test_every_state_of_every_estimator() -> None:
    found = build_estimators(["every"], settings())
    assert set(ESTIMATORS) <= set(found) and {"dominance@init", "tag@init", "readout@warm"} <= set(found)
    needs = {name: type(found[name]).needs for name in ESTIMATORS}
    assert len(found) == sum(map(len, needs.values()))
    assert all(estimator.need in needs[label.partition("@")[0]] for label, estimator in found.items())


def test_kept_estimates_are_named_as_they_are_asked_for(tmp_path: Path) -> None:
    label = "readout+depth=0.5+readable=true@warm"
    identity = Identity(stage="scores", settings={}, data=None, stamps="", code={}, versions={})
    kept_file(tmp_path, label, 3, identity).touch()
    assert kept_besides(tmp_path, ["labels"]) == [label] and kept_besides(tmp_path, [label]) == []
    build_estimators(kept_besides(tmp_path, ["labels"]), settings())
