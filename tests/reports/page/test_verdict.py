"""The two sentences follow from the numbers."""

from pathlib import Path

from small_pages import evaluation, gains, relatedness, write

from reports.page.found import Found, read_folder
from reports.page.verdict import can_tell, cannot_tell


def found(folder: Path, **files: object) -> Found:
    return read_folder(write(folder, **files))  # type: ignore[arg-type]


def test_an_estimator_that_sees_the_twin(tmp_path: Path) -> None:
    results = found(tmp_path, relatedness=relatedness())
    assert can_tell(results) == (
        "What these numbers can tell: labels tells a task's exact twin from noise on these data, with 3 of 3 "
        "neighbouring partners in a clear order."
    )
    assert cannot_tell(results) == (
        "What they cannot tell: what training together really gains, since only training would measure it."
    )


def test_an_estimator_below_a_sensitivity_of_two(tmp_path: Path) -> None:
    results = found(tmp_path, relatedness=relatedness(blind=True))
    assert "labels tells a task's exact twin from noise" in can_tell(results) and "snip" not in can_tell(results)
    assert (
        "snip cannot tell a twin from noise on these data (sensitivity below 2), so its order means nothing"
        in cannot_tell(results)
    )


def test_orders_that_are_not_resolved_are_uncertain(tmp_path: Path) -> None:
    contents = relatedness()
    for replicate, step in enumerate((-5.0, 0.0, 5.0)):
        contents["estimators"]["labels"]["values"][replicate][0] = [None, step, -step]
    results = found(tmp_path, relatedness=contents)
    assert "with 2 of 3 neighbouring partners in a clear order" in can_tell(results)
    assert "uncertain is the order of 1 of 3 neighbouring partners;" in cannot_tell(results)


def test_without_controls_or_replicates_nothing_is_known(tmp_path: Path) -> None:
    results = found(tmp_path, relatedness=relatedness(replicates=1, controls=False))
    assert can_tell(results) == "What these numbers can tell: nothing yet on which tasks belong together."
    assert "what labels is worth on these data is not known" in cannot_tell(results)


def test_measured_gains_and_their_intervals(tmp_path: Path) -> None:
    results = found(tmp_path, gains=gains())
    assert can_tell(results) == (
        "What these numbers can tell: 6 of 6 measured gains of pairs differ from training alone by their whole 95 % "
        "interval, "
        "4 for the better and 2 for the worse (chance alone would give about 0)."
    )
    assert cannot_tell(results) == "Beyond that, nothing is left open here."
    one = found(tmp_path, gains=gains(seeds=1))
    assert "nothing yet" in can_tell(one) and "the gains are of one seed" in cannot_tell(one)


def test_gains_of_unknown_sign(tmp_path: Path) -> None:
    contents = gains()
    for run in contents["runs"]:
        if len(run["tasks"]) == 2:
            run["value"] = dict.fromkeys(run["tasks"], 1.0 + (-1) ** run["seed"])
    results = found(tmp_path, gains=contents)
    assert "whether 6 of 6 measured gains are for the better or the worse" in cannot_tell(results)
    assert "nothing yet" in can_tell(results)


def test_the_weakness_of_the_published_score(tmp_path: Path, make_json) -> None:
    results = found(
        tmp_path, similarity=make_json(by_seed=[[0.9, 0.9], [0.6, 0.61], [0.4, 0.8]], values=[0.9, 0.605, 0.6])
    )
    assert "the published score puts 1 of 2 neighbouring pairs in a clear order" in can_tell(results)
    assert "uncertain is the order of 1 of 2 neighbouring pairs by the published score" in cannot_tell(results)
    assert "does not see what targets mean, and can rank random labels as high as a twin" in cannot_tell(results)
    one = found(tmp_path, similarity=make_json(seeds=1))
    assert "nothing yet" in can_tell(one) and "the published score is of one seed" in cannot_tell(one)


def test_evaluations_alone_say_nothing_of_kinship(tmp_path: Path) -> None:
    results = found(tmp_path, eval_a=evaluation())
    assert can_tell(results) == "What these numbers can tell: how well these networks do on the test split."
