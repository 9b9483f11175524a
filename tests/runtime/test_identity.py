"""When two pieces of work are the same, and how it is said that they are not."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import REPOSITORY
from small_training import setup_for

from relatedness.snip.running import SimilarityStudy
from runtime import closure, identity
from runtime.identity import Identity, differing, differing_making, differing_requests, gone_on
from runtime.setup import Setup

WORK = Identity(
    stage="scores",
    settings={"data.crop": [97, 97], "seed": 0},
    data="d",
    stamps="",
    code={"the project": "c", "mine": "m"},
    versions={"torch": "2.3", "device": "cpu"},
)
NEXT = WORK.model_copy(update={"stage": "training", "settings": {"train.lr": 1.0}, "after": WORK})


def changed(work: Identity = WORK, **parts: object) -> Identity:
    return work.model_copy(update=parts)


@pytest.mark.parametrize(
    ("parts", "words", "asked"),
    [
        ({"settings": {"data.crop": [161, 161], "seed": 0}}, ["data.crop was [97, 97] and is [161, 161]"], True),
        ({"settings": {"data.crop": [97, 97]}}, ["seed was 0 and is None"], True),
        ({"data": "e"}, ["the data have changed"], True),
        ({"code": {"the project": "x", "mine": "m"}}, ["the code has changed"], False),
        ({"code": {"the project": "c", "mine": "x"}}, ["your module mine has changed"], False),
        ({"versions": {"torch": "2.4", "device": "cpu"}}, ["torch was 2.3 and is 2.4"], False),
        ({"versions": {"torch": "2.3", "device": "cuda"}}, ["device was cpu and is cuda"], False),
        ({"stamps": "s"}, ["the data files have been written or moved"], False),
    ],
)
def test_every_part_counts_and_is_named(parts: dict, words: list[str], asked: bool) -> None:
    other = changed(**parts)
    assert other.key != WORK.key
    assert (other.request != WORK.request) == asked
    assert differing(WORK, other) == words
    assert differing_requests(WORK, other) == (words if asked else [])
    assert differing_making(WORK, other) == ([] if asked else words)
    later = changed(NEXT, after=other)
    assert later.key != NEXT.key and (later.request != NEXT.request) == asked
    assert differing(NEXT, later) == words, "it is said of what came before as well"


def test_a_setting_that_an_earlier_version_had_not_yet_is_as_one_without_a_value() -> None:
    later = changed(settings={**WORK.settings, "model.weights": None})
    assert later.request == WORK.request and differing_requests(WORK, later) == []
    assert changed(settings={**WORK.settings, "model.weights": "w"}).request != WORK.request


def test_the_same_work_has_the_same_key_in_json_and_back() -> None:
    assert Identity.model_validate_json(NEXT.model_dump_json()) == NEXT
    assert Identity.model_validate(NEXT.model_dump(mode="json")).key == NEXT.key
    assert len(NEXT.key) == 16 and int(NEXT.key, 16)
    assert differing(NEXT, NEXT) == []
    shuffled = changed(settings=dict(reversed(WORK.settings.items())))
    assert shuffled.key == WORK.key


def test_work_that_begins_with_something_is_not_that_which_begins_with_nothing() -> None:
    assert changed(NEXT, after=None).request != NEXT.request
    assert differing(NEXT, changed(NEXT, after=None)) == ["what it begins with has changed"]


def test_work_on_unknown_data_is_never_the_same_but_may_go_on() -> None:
    first, second = changed(data=None, stamps="1"), changed(data=None, stamps="2")
    assert not first.complete and not changed(NEXT, after=first).complete and NEXT.complete
    assert first.key != second.key and first.request == second.request
    assert differing_making(first, second)[0].startswith("whether the data have changed is not known")


def test_work_that_went_on_with_other_code_is_of_neither_key() -> None:
    newer = changed(versions={"torch": "2.4", "device": "cpu"})
    assert gone_on(WORK, WORK) == WORK
    mixed = gone_on(WORK, newer)
    assert mixed.key not in (WORK.key, newer.key) and mixed.request == WORK.request
    assert differing_making(mixed, newer) == [], "it is said once"
    assert gone_on(mixed, newer) == mixed
    assert gone_on(mixed, WORK).key not in (mixed.key, newer.key, WORK.key)
    assert gone_on(None, WORK).key != WORK.key


@pytest.fixture
def setup(rooms: Path, tmp_path: Path) -> Setup:
    return setup_for(rooms, tmp_path)


def scores(setup: Setup) -> Identity:
    return SimilarityStudy(setup, 2, 1, (90,), "published", setup.dest).identity([0])


def edited(path: Path) -> Callable[[Path], bytes]:
    """Reads source files as they are, but for one that has a line more."""
    return lambda file: file.read_bytes() + (b"\nX = 1\n" if file == REPOSITORY / path else b"")


@pytest.mark.parametrize(
    "file",
    ["runtime/passes.py", "runtime/device.py", "tasks/depth.py", "tasks/segmentation.py", "prune_utils/scores.py",
     "prune_utils/masks.py", "models/aspp.py", "dataloaders/batches/augmentation.py",
     "dataloaders/datasets/taskonomy.py", "relatedness/snip/statistics.py"],
)  # fmt: skip
def test_a_line_of_what_makes_scores_changes_their_identity(
    setup: Setup, monkeypatch: pytest.MonkeyPatch, file: str
) -> None:
    before = scores(setup)
    monkeypatch.setattr(closure, "read_source", edited(Path(file)))
    assert differing(before, scores(setup)) == ["the code has changed"]


@pytest.mark.parametrize(
    "file", ["dataloaders/rooms/palette.py", "dataloaders/rooms/room.py", "reports/similarity/figures.py",
             "training/loop/trainer.py", "configs/flags.py", "static_similarity.py"]
)  # fmt: skip
def test_a_sofas_colour_and_a_pictures_do_not(setup: Setup, monkeypatch: pytest.MonkeyPatch, file: str) -> None:
    before = scores(setup)
    assert (REPOSITORY / file).is_file()
    monkeypatch.setattr(closure, "read_source", edited(Path(file)))
    assert scores(setup).key == before.key


@pytest.mark.parametrize(
    ("words", "same"),
    [
        (["--set", "train.lr=0.5"], True),
        (["--set", "scoring.iou_batches=3"], True),
        (["--set", "dynamic.interval=7"], True),
        (["--set", "pruning.disparse_pt={criterion: l1}"], True),
        (["--num_workers", "1"], True),
        (["--dest", "elsewhere"], True),
        (["--set", "data.mirror=0.25"], False),
        (["--set", "scoring.batch_size=1"], False),
        (["--set", "model.dropout=0.25"], False),
        (["--set", "tasks.edge.weight=2"], False),
        (["--set", "tasks.depth.ignore_value=254"], False),
        (["--set", "tasks.seg.class_weights=null"], False),
        (["--tasks", "sn,seg"], False),
        (["--tasks", "sn,seg,depth,keypoint,edge"], False),
        (["--precision", "bf16"], False),
    ],
)
def test_settings_that_scores_depend_on(
    rooms: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], same: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    before, after = (scores(setup_for(rooms, tmp_path, *more)) for more in ([], words))
    assert (after.key == before.key) == same, differing(before, after)


def test_what_a_task_read_from_its_file_counts(setup: Setup) -> None:
    task = setup.tasks["seg"].model_copy(update={"class_weights": (2.0,) * 17})
    one, two = scores(setup), scores(replace(setup, tasks={**setup.tasks, "seg": task}))
    [difference] = differing(one, two)
    assert difference.startswith("tasks.seg.class_weights was [0.") and difference.endswith("2.0, 2.0]")


def test_what_json_cannot_hold_counts_by_its_content() -> None:
    assert identity._plain(np.arange(3)) == identity._plain(np.arange(3)) != identity._plain(np.arange(3)[::-1])
    assert identity._plain(torch.zeros(2)) != identity._plain(torch.zeros(1, 2))
    assert identity._plain(Path("a/b")) == "a/b"


def test_libraries_that_compute_are_named_with_their_versions(setup: Setup) -> None:
    assert set(scores(setup).versions) == {"torch", "torchvision", "numpy", "PIL", "device"}
    assert set(identity.LIBRARIES) >= {"scipy"}
