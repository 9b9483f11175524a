"""The table of evidence: what it trains, what it keeps in gains.json, and what it takes as given."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_evidence import estimate
from small_tables import leave_evaluation, names, plans, rooms_at

from configs import UserError
from reports.gains import GainsFile, relative_gains
from reports.relatedness.file import RelatednessFile
from reproduce.plan import TablePlan
from reproduce.planned import PlannedStudy, PlannedTraining
from reproduce.progress import results_of, steps_of
from reproduce.running.execution import write_tables
from reproduce.tables import evidence, find_table

TASKS = ["edge", "depth", "keypoint"]
ESTIMATORS = ["labels", "dominance", "probe+iterations=2"]


def planned(rooms: Path, dest: Path, *words: object, **wanted: Any) -> TablePlan:
    flags = ["--tasks", ",".join(TASKS), "--dest", dest, *rooms_at(rooms), "--set", "data.crop=40",
             "--set", "data.batch_size=2", "--set", "scoring.relatedness_batches=2"]  # fmt: skip
    wanted = {"tables": ["evidence"], "estimators": ESTIMATORS, "replicates": 2, "trained_replicates": 1, **wanted}
    return plans("sample", *flags, *words, **wanted)["evidence"]


def section_of(plan: TablePlan) -> Any:
    return find_table("evidence").fill(plan, None)


def leave_run(run: PlannedTraining) -> None:
    """A finished run: a task's error is 1 alone, and with a partner less by 0.1 for each of the partner's letters."""
    partner = {task: "".join(other for other in run.tasks if other != task) for task in run.tasks}
    main = {task: next(iter(run.setup.tasks[task].higher_is_better)) for task in run.tasks}
    leave_evaluation(run, {f"{task} {main[task]}": 1 - 0.1 * len(partner[task]) for task in run.tasks})


def leave_estimates(study: PlannedStudy, replicates: int) -> None:
    labels = study.words[2].split(",")
    values = np.arange(9.0).reshape(3, 3)
    study.path.parent.mkdir(parents=True)
    RelatednessFile(
        dataset="sample",
        tasks=TASKS,
        replicates=replicates,
        num_batches=2,
        config={},
        provenance={},
        estimators={label: estimate(*[values] * replicates) for label in labels},
        identity=dict(study.identity),
    ).write(study.path)


def test_it_needs_every_task_alone_every_pair_and_the_estimates(rooms: Path, tmp_path: Path) -> None:
    plan = planned(rooms, tmp_path, num_seeds=2)
    assert names(plan.runs)[:6] == [f"sample_baseline_{name}" for name in
                                    ("edge", "depth", "keypoint", "edge_depth", "edge_keypoint", "depth_keypoint")]
    assert len(plan.runs) == 12 and plan.runs[6].setup.dest == tmp_path / "seed_1"
    cheap, dear = (study.command() for study in plan.studies)
    assert cheap[:7] == ["task_relatedness.py", "--estimators", "labels,dominance", "--replicates", "2",
                         "--num_batches", "2"]  # fmt: skip
    assert dear[2:5] == ["probe+iterations=2", "--replicates", "1"]
    assert [study.path.parent.name for study in plan.studies] == ["estimates", "estimates_trained"]
    assert cheap[cheap.index("--warmup") + 1] == "20" and cheap[cheap.index("--dest") + 1] == f"{tmp_path}/estimates"
    shorter = planned(rooms, tmp_path, max_iters=100).studies[0].words
    assert shorter[shorter.index("--warmup") + 1] == "5", "5 % of the runs' iterations"


def test_every_estimator_in_each_state_is_judged_unless_some_are_named(rooms: Path, tmp_path: Path) -> None:
    labels = [label for study in planned(rooms, tmp_path, estimators=()).studies for label in study.words[2].split(",")]
    assert {"snip", "dominance@init", "readout@warm", "tag", "short_cotraining"} <= set(labels)


def test_it_is_made_only_when_it_is_asked_for(rooms: Path, tmp_path: Path) -> None:
    found = plans("sample", "--dest", tmp_path, *rooms_at(rooms))
    assert "evidence" not in found and "cotraining" in found
    with pytest.raises(UserError, match="--table evidence.*two or more"):
        planned(rooms, tmp_path, "--tasks", "edge")


def test_gains_are_kept_as_runs_end(rooms: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan, path = planned(rooms, tmp_path, num_seeds=2), tmp_path / "gains.json"
    draw, drawn = evidence.draw_evidence, []
    monkeypatch.setattr(evidence, "draw_evidence", lambda *arguments: drawn.append(arguments))
    for count, run in enumerate(plan.runs, start=1):
        leave_run(run)
        write_tables(plan.setup, [plan])
        assert path.exists() == (count >= 3), "not before each task was trained alone"
        assert count < 3 or len(GainsFile.read(path).runs) == count
    file = GainsFile.read(path)
    gains = relative_gains(file)[frozenset(("edge", "depth"))]
    assert gains["edge"] == pytest.approx([0.5, 0.5]) and gains["depth"] == pytest.approx([0.4, 0.4])
    assert file.passes == 2 * 12 * 400 and set(file.metric.values()) == {"err", "abs_err"}
    section = section_of(plan)
    assert (section.finished, section.planned, section.estimated) == (12, 12, False)
    assert section.judgement.seeds == [0, 1] and len(section.judgement.scores) == 2, "baselines only"
    assert drawn and not (tmp_path / "evidence.png").exists()
    draw(*drawn[-1])
    assert (tmp_path / "evidence.png").exists()


def test_runs_in_gains_json_are_not_trained_again(
    rooms: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evidence, "draw_evidence", lambda *arguments: None)
    plan = planned(rooms, tmp_path)
    for run in plan.runs[:4]:
        leave_run(run)
    write_tables(plan.setup, [plan])
    for run in plan.runs[:4]:
        run.path.unlink()  # as are the networks, which nobody needs any more
    again = planned(rooms, tmp_path)
    assert names(again.runs) == names(plan.runs)[4:]
    assert section_of(again).finished == 4
    more = planned(rooms, tmp_path, num_seeds=2)
    assert len(more.runs) == 2 + 6
    for run in more.runs:
        leave_run(run)
    write_tables(more.setup, [more])
    assert section_of(more).judgement.seeds == [0, 1]
    fewer = planned(rooms, tmp_path)
    assert fewer.runs == [] and section_of(fewer).judgement.seeds == [0], "as many seeds as are asked for"
    assert len(GainsFile.read(tmp_path / "gains.json").runs) == 12, "the others are kept"


def test_runs_of_other_settings_or_by_hand_are_not_written_over(rooms: Path, tmp_path: Path) -> None:
    plan, path = planned(rooms, tmp_path), tmp_path / "gains.json"
    for run in plan.runs:
        leave_run(run)
    write_tables(plan.setup, [plan])
    assert planned(rooms, tmp_path, "--set", "scoring.num_batches=3").runs == [], "training has no part in that"
    before = path.read_bytes()
    with pytest.raises(UserError, match="seed 0, is of other settings or data.*--gains.*--dest"):
        planned(rooms, tmp_path, "--set", "train.lr=0.5")
    content = json.loads(before)
    for run in content["runs"]:
        del run["identity"]
    path.write_text(json.dumps(content))
    with pytest.raises(UserError, match="written by hand"):
        planned(rooms, tmp_path)
    assert json.loads(path.read_text()) == content
    given = planned(rooms, tmp_path, gains=path)
    assert given.runs == [] and section_of(given).judgement.seeds == [0]
    assert json.loads(path.read_text()) == content


def test_given_gains_are_named_and_train_nothing(rooms: Path, tmp_path: Path) -> None:
    plan = planned(rooms, tmp_path / "first")
    for run in plan.runs:
        leave_run(run)
    write_tables(plan.setup, [plan])
    path = tmp_path / "first" / "gains.json"
    given = planned(rooms, tmp_path / "second", gains=path)
    assert [step.kind for step in steps_of([*given.studies, *given.runs], False)] == ["study", "study"]
    section = section_of(given)
    assert section.gains_file.startswith(f"{path}, sha256 ") and section.finished == section.planned == 6
    assert section.judgement.gains == section_of(plan).judgement.gains
    assert not (tmp_path / "second" / "gains.json").exists()
    assert "nothing was trained for them here" in find_table("evidence").text(section)


def test_given_gains_of_other_tasks_are_refused(rooms: Path, tmp_path: Path) -> None:
    path = tmp_path / "gains.json"
    runs = [{"tasks": [task], "value": {task: 1}} for task in ("edge", "sn")]
    content = {"schema": 1, "dataset": "d", "tasks": ["edge", "sn"], "metric": {"edge": "e", "sn": "e"},
               "higher_is_better": {"edge": False, "sn": False}, "runs": runs}  # fmt: skip
    path.write_text(json.dumps(content))
    with pytest.raises(UserError, match="--gains: .*edge, sn, the table of edge, depth, keypoint"):
        planned(rooms, tmp_path, gains=path)
    with pytest.raises(UserError, match="no such file"):
        planned(rooms, tmp_path, gains=tmp_path / "nowhere.json")


def test_given_gains_in_another_order_of_the_tasks(rooms: Path, tmp_path: Path) -> None:
    plan = planned(rooms, tmp_path)
    for run in plan.runs:
        leave_run(run)
    write_tables(plan.setup, [plan])
    content = json.loads((tmp_path / "gains.json").read_text())
    content["tasks"].reverse()
    (tmp_path / "turned.json").write_text(json.dumps(content))
    turned = planned(rooms, tmp_path / "second", gains=tmp_path / "turned.json")
    assert section_of(turned).judgement.gains == section_of(plan).judgement.gains


def test_estimates_are_judged_when_they_are_of_these_settings(rooms: Path, tmp_path: Path) -> None:
    plan = planned(rooms, tmp_path)
    for run in plan.runs:
        leave_run(run)
    cheap, dear = plan.studies
    leave_estimates(cheap, 2)
    assert results_of(cheap) is not None and results_of(dear) is None
    half = section_of(plan)
    labels = [score.label for score in half.judgement.scores]
    assert labels == ["labels", "dominance", "partner's mean", "target's mean"]
    assert not half.estimated
    leave_estimates(dear, 1)
    whole = section_of(plan)
    assert whole.estimated and whole.judgement.scores[2].label == "probe+iterations=2"
    assert [score.replicates for score in whole.judgement.scores[:3]] == [2, 2, 1]
    made_of = (write_tables(plan.setup, [plan]).identity or {})["made_of"]
    assert {"estimates/relatedness.json", "estimates_trained/relatedness.json"} <= set(made_of)
    given = tmp_path / "gains.json"
    for words, wanted in (([], {"replicates": 3}), (["--seed", 1], {}), (["--set", "model.width=8"], {})):
        assert results_of(planned(rooms, tmp_path, *words, gains=given, **wanted).studies[0]) is None
