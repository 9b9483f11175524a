"""What the parts of a page say, as blocks of text."""

from collections.abc import Iterator, Sequence
from dataclasses import fields, replace
from pathlib import Path

import pandas as pd
import pytest
from small_evidence import GAINS, estimate, gains_file
from small_evidence import TASKS as EVIDENCE_TASKS
from small_pages import evaluation, gains, iou, log, relatedness, write

from configs.errors import UserError
from relatedness.evidence.judging import judge
from reports.colours import DIVERGING
from reports.groups.file import GroupsFile
from reports.page.found import Found, Published, PublishedRow, read_folder
from reports.page.sections import SECTIONS, sections
from reports.page.sections.base import Block, Details, Figure, Gallery, Section, Table, Text, alt
from reports.page.sections.gains import measured_gains, of_pairs, rank_agreement


def found(folder: Path, **files: object) -> Found:
    return read_folder(write(folder, **files))  # type: ignore[arg-type]


def section(results: Found, name: str) -> Section:
    return next(part for part in sections(results) if part.name == name)


def every(blocks: Sequence[Block]) -> Iterator[Block]:
    """All blocks, those inside of others too."""
    for block in blocks:
        yield block
        if isinstance(block, Details):
            yield from every(block.blocks)
        if isinstance(block, Gallery):
            yield from every(block.figures)


def words(part: Section) -> str:
    """All texts of a section."""
    texts = []
    for block in every(part.blocks):
        texts += [str(getattr(block, field.name)) for field in fields(block) if field.name != "drawing"]
        if isinstance(block, Figure):
            texts.append(" ".join(block.drawing.itertext()))
    return "\n".join(texts)


def tables(part: Section) -> list[Table]:
    return [block for block in every(part.blocks) if isinstance(block, Table)]


def groups_of(folder: Path, **changes: object) -> Found:
    """seg and sn share a network by gains of 20 and -10 %, depth is alone."""

    def group(tasks: list[str], values: dict[str, float]) -> dict[str, object]:
        ends = {task: [value - 0.01, value + 0.01] for task, value in values.items()}
        return {"tasks": tasks, "serves": tasks, "values": values, "intervals": ends, "cost": 1.0, "predicted": False}

    contents = {
        "schema": 1, "dataset": "rooms", "tasks": ["seg", "sn", "depth"], "source": "gains",
        "source_file": "gains.json",
        "replicates": 3, "by": "networks", "budget": 2.0, "cover": False, "max_size": 3, "value": 0.1 / 3, "cost": 2.0,
        "groups": [group(["seg", "sn"], {"seg": 0.2, "sn": -0.1}), group(["depth"], {"depth": 0.0})],
        "runner_up": None, "gap": None, "gap_interval": None, "stability": 0.9, "resamples": 100, "all_together": None,
        "all_alone": 0.0, "random_mean": -0.05, "random_count": 4, "over_budget": ["all_alone"], "blind": [],
        "evidence": {"level": 0.95, "tested": 6, "beyond_chance": False, "supported": []}, **changes,
    }  # fmt: skip
    GroupsFile.parse(contents, "groups.json")
    return found(folder, groups=contents, gains=gains())


def test_only_what_is_there_is_shown(tmp_path: Path) -> None:
    names = [part.name for part in sections(found(tmp_path, iou=iou()))]
    assert names == ["asked", "iou"]


def test_every_section_has_its_own_name(tmp_path: Path, make_json) -> None:
    write(tmp_path, similarity=make_json(), relatedness=relatedness(), iou=iou(), eval_a=evaluation())
    (tmp_path / "a.csv").write_text(log())
    results = groups_of(tmp_path)
    results = replace(results, predictions={"eval_a.png": "data:image/png;base64,AAAA"})
    names = [part.name for part in sections(results)]
    assert len(set(names)) == len(names) == len(SECTIONS) - 2  # all but the sheet of the data and the evidence


def test_what_was_asked_names_files_and_tasks(tmp_path: Path) -> None:
    text = words(section(found(tmp_path, relatedness=relatedness(), iou=iou()), "asked"))
    assert "relatedness.json: rooms, seg, sn, depth" in text and "iou.json" in text and "stop sharing weights" in text
    (table,) = tables(section(found(tmp_path, relatedness=relatedness()), "asked"))
    assert list(table.rows[0]) == ["seg", "map", "", "1", "2.0"]
    many = tuple(f"task_{index}" for index in range(25))
    assert "rooms, 25 tasks" in words(section(found(tmp_path, relatedness=relatedness(many)), "asked"))


def test_relatedness_shows_estimates_floors_ceilings_and_orders(tmp_path: Path) -> None:
    part = section(found(tmp_path, relatedness=relatedness(blind=True)), "relatedness")
    labels, snip = tables(part)
    assert labels.columns == ["helped task", "seg", "sn", "depth", "floor", "ceiling"]
    assert labels.rows[0][1] == "" and labels.rows[0][2].startswith("0.200 \N{PLUS-MINUS SIGN}0.025 (20 %)")
    assert labels.rows[0][4].startswith("0.000") and labels.rows[0][5].startswith("1.000")
    captions = [block.caption for block in every(part.blocks) if isinstance(block, Figure)]
    assert captions.count("seg is helped by") == 2
    # The estimator that tells a twin from noise is open, the other is not.
    open_texts = [block.text for block in part.blocks if isinstance(block, Text)]
    assert any(text.startswith("labels looks at") for text in open_texts)
    assert any(isinstance(block, Details) and block.summary.startswith("By snip: it cannot") for block in part.blocks)
    label = next(
        block.label for block in every(part.blocks) if isinstance(block, Figure) and block.caption.startswith("seg")
    )
    assert label == "Partners of seg by labels, most helpful first: depth 0.300, sn 0.200"


def test_what_is_recommended_stands_first(tmp_path: Path) -> None:
    head, lines, *_ = section(found(tmp_path, relatedness=relatedness()), "relatedness").blocks
    assert isinstance(head, Text) and head.text.startswith("Recommendation, by labels")
    assert "seg: depth, sn" in words(Section("", "", [lines]))
    blind = relatedness()
    blind["estimators"]["labels"]["sensitivity"] = 0.1
    assert "Recommendation: none" in words(section(found(tmp_path, relatedness=blind), "relatedness"))


def test_of_many_partners_the_most_helpful_are_drawn(tmp_path: Path) -> None:
    many = tuple(f"task_{index}" for index in range(25))
    part = section(found(tmp_path, relatedness=relatedness(many)), "relatedness")
    assert "Drawn are the 10 most helpful partners; 14 more are in the tables." in words(part)
    figure = next(
        block for block in every(part.blocks) if isinstance(block, Figure) and block.caption.startswith("task_0 ")
    )
    assert len([e for e in figure.drawing.iter() if "dot" in e.get("class", "").split()]) == 10


def test_gains_are_relative_to_training_alone(tmp_path: Path) -> None:
    results = found(tmp_path, gains=gains(), relatedness=relatedness())
    assert results.gains is not None
    pairs = of_pairs(results.gains, measured_gains(results.gains))
    # Alone 1 + 0.01 s, mean 1.01; in a pair 1.2 + 0.02 s: the difference is 0.2 + 0.01 s.
    assert (
        pairs["seg", "sn"].mean == pytest.approx(100 * 0.21 / 1.01)
        and pairs["sn", "seg"].mean == pairs["seg", "sn"].mean
    )
    assert pairs["sn", "depth"].mean == pytest.approx(-100 * 0.09 / 1.01)
    text = words(section(results, "gains"))
    assert "over 3 seeds; above 0 is better" in text and "mIoU \N{UPWARDS ARROW}" in text
    (table,) = tables(section(results, "gains"))
    row = next(row for row in table.rows if row[:2] == ["sn", "depth"])
    assert row[2].startswith("-8.9 % (-11.4 to -6.5)") and row[3] == "harm"
    assert "too few partners" in text


def test_agreement_of_orders(tmp_path: Path) -> None:
    tasks = ("a", "b", "c", "d")
    contents = gains(tasks)
    for run in contents["runs"]:  # the later the partner comes, the more it helps, as the estimates say
        if len(run["tasks"]) == 2:
            place = {task: tasks.index(task) for task in run["tasks"]}
            run["value"] = {task: 1.0 + 0.1 * (sum(place.values()) - place[task]) for task in run["tasks"]}
    results = found(tmp_path, gains=contents, relatedness=relatedness(tasks))
    assert results.gains is not None
    pairs = of_pairs(results.gains, measured_gains(results.gains))
    assert rank_agreement(results.summaries[0], pairs) == (pytest.approx(1.0), 4)
    reverse = {pair: replace(gain, mean=-gain.mean) for pair, gain in pairs.items()}
    assert rank_agreement(results.summaries[0], reverse) == (pytest.approx(-1.0), 4)
    assert "labels: agreement 1.00 (4 tasks)" in words(section(results, "gains"))


def test_gains_of_larger_groups_have_a_table(tmp_path: Path) -> None:
    contents = gains()
    value = dict.fromkeys(["seg", "sn", "depth"], 2.0)
    contents["runs"] += [{"tasks": list(value), "seed": seed, "value": value} for seed in range(3)]
    assert "seg + sn + depth" in words(section(found(tmp_path, gains=contents), "gains"))


def test_groups_their_worth_and_what_is_beside_them(tmp_path: Path) -> None:
    text = words(section(groups_of(tmp_path), "groups"))
    for expected in ("No evidence for any grouping", "Network 1", "seg: +20.0 %", "sn: -10.0 %", "Network 2, alone",
                     "There is no other grouping within the budget.", "in 90 % of 100 resamplings", "all together",
                     "0.0 % (over the budget)", "+19.0 % to +21.0 %"):  # fmt: skip
        assert expected in text, expected


def test_groups_that_were_chosen_from_other_gains_are_told(tmp_path: Path) -> None:
    assert "another version" not in words(section(groups_of(tmp_path), "groups"))
    stale = groups_of(tmp_path, identity={"values": "0" * 64})
    assert "another version of gains.json than the one shown here" in words(section(stale, "groups"))
    fresh = groups_of(tmp_path, identity={"values": stale.hashes["gains.json"]})
    assert "another version" not in words(section(fresh, "groups"))


def test_the_evidence_says_what_estimators_are_worth(tmp_path: Path) -> None:
    estimators = {"good": estimate(GAINS, GAINS), "bad": estimate(-GAINS, -GAINS)}
    judgement = judge(gains_file([GAINS, GAINS]), estimators)
    settings = {"tasks": list(EVIDENCE_TASKS), "max_iters": None, "set": [], "paper_set": [], "seed": 0,
                "precision": "fp32", "config": {"name": "three"}}  # fmt: skip
    table = {
        "settings": settings, "metric": dict.fromkeys(EVIDENCE_TASKS, "err"), "gains_file": None, "finished": 12,
        "higher_is_better": dict.fromkeys(EVIDENCE_TASKS, False), "planned": 12, "estimated": True, "num_batches": 5,
        "warmup": 12, "left_out": {}, "judgement": judgement.model_dump(mode="json"),
    }  # fmt: skip
    tables_json = {"schema": 1, "dataset": "three", "tables": {"evidence": table}, "provenance": {}}
    results = found(tmp_path, tables=tables_json)
    part = section(results, "evidence")
    assert "the goal is reached by good" in words(part) and "tables.json" in words(section(results, "asked"))
    (scores,) = tables(part)
    assert scores.rows[0][:3] == ["good", "estimator", "1.00 (1.00 to 1.00)"] and scores.rows[0][-1] == "reached"
    nothing = tables_json | {"tables": {"evidence": table | {"judgement": None}}}
    assert not tables(section(found(tmp_path, tables=nothing), "evidence"))
    with pytest.raises(UserError, match="no results are in it"):
        found(tmp_path, tables=tables_json | {"tables": {}})


def test_similarity_says_what_it_does_not_see(tmp_path: Path, make_json) -> None:
    text = words(section(found(tmp_path, similarity=make_json()), "similarity"))
    assert "rank random labels as high as an exact copy" in text and "MCSS, weighting of layers: equal" in text
    assert "0.900 \N{PLUS-MINUS SIGN}0.010" in text and "seg / sn" in text
    one = words(section(found(tmp_path, similarity=make_json(seeds=1)), "similarity"))
    assert "One seed only" in one and "not known" in one


def test_pairs_that_are_nearly_equal_are_coloured_by_their_difference(tmp_path: Path, make_json) -> None:
    seeds = [[0.53, 0.51], [0.50, 0.50], [0.49, 0.47]]
    contents = make_json(values=[0.52, 0.50, 0.48], by_seed=seeds)
    part = section(found(tmp_path, similarity=contents), "similarity")
    assert "how far each is from the mean pair, 0.500, in standard errors" in words(part)
    [matrix] = [block for block in every(part.blocks) if isinstance(block, Figure) and "alike two" in block.caption]
    fills = [cell.get("fill") for cell in matrix.drawing.iter() if cell.get("class") == "cell"]
    seg_sn, seg_depth, sn_depth = fills[0], fills[1], fills[3]
    assert seg_depth == DIVERGING[3] and len({seg_sn, seg_depth, sn_depth}) == 3  # the mean pair is white
    blue = [int(fill[5:], 16) - int(fill[1:3], 16) for fill in (seg_sn, sn_depth)]
    assert blue[0] > 0 > blue[1]
    apart = words(section(found(tmp_path, similarity=make_json()), "similarity"))
    assert "from the mean pair" not in apart


def test_similarity_stands_beside_the_published_values(tmp_path: Path, make_json) -> None:
    index = pd.MultiIndex.from_tuples([("equal", "MCSS", "50")], names=["weighting", "metric", "sparsities"])
    frame = pd.DataFrame(
        {("seg/sn", "ours"): ["0.9"], ("seg/sn", "paper"): ["0.95"], ("", "order"): ["agrees"]}, index=index
    )
    results = replace(found(tmp_path, similarity=make_json()), published=Published({}, frame, "The order agrees."))
    *_, table = tables(section(results, "similarity"))
    assert table.columns == ["weighting", "metric", "sparsities", "seg / sn ours", "seg / sn paper", "order"]
    assert table.rows == [["equal", "MCSS", "50", "0.9", "0.95", "agrees"]]


def test_the_watershed_is_marked(tmp_path: Path) -> None:
    text = words(section(found(tmp_path, iou=iou()), "iou"))
    assert "falls most after backbone.blocks.0.0.conv1 (the watershed)" in text and "0.600 over all layers" in text
    assert "7.8 %" in text and "watershed" in text.splitlines()[-1]
    never = iou() | {"watershed": None, "total": None}
    assert "falls nowhere" in words(section(found(tmp_path, iou=never), "iou"))


def test_training_curves_of_a_task_are_its_own(tmp_path: Path) -> None:
    (tmp_path / "run.csv").write_text(
        "iteration,loss,loss_a,loss_a_b,a_b_err,a_acc\n1,2,1,1,0.5,0.25\n2,1,1,1,0.4,0.5\n"
    )
    part = section(read_folder(tmp_path), "training")
    labels = [block.label for block in every(part.blocks) if isinstance(block, Figure)]
    assert labels == [
        "Training loss of run",
        "acc of a over the iterations of run",
        "err of a_b over the iterations of run",
    ]


def test_a_single_validation_is_told_and_not_drawn(tmp_path: Path) -> None:
    (tmp_path / "run.csv").write_text(log(iterations=2))
    blocks = section(read_folder(tmp_path), "training").blocks
    assert len([block for block in every(blocks) if isinstance(block, Figure)]) == 1  # the losses
    assert "sn: mIoU 0.2 at iteration 2 of run" in words(section(read_folder(tmp_path), "training"))


def test_more_runs_than_colours_go_on_in_further_figures(tmp_path: Path) -> None:
    for number in range(9):
        (tmp_path / f"run_{number}.csv").write_text(log())
    figures = [block for block in every(section(read_folder(tmp_path), "training").blocks) if isinstance(block, Figure)]
    assert len(figures) == 2 * 4 and "run_8" in figures[4].label and "run_0" not in figures[4].label


def test_evaluations_stand_beside_constants_and_published_numbers(tmp_path: Path) -> None:
    results = found(tmp_path, eval_a=evaluation("a"))
    row = PublishedRow("the paper", {("seg", "mIoU"): "0.2769"})
    results = replace(results, published=Published({"a": [row]}))
    networks, seg, sn, depth = tables(section(results, "evaluations"))
    assert networks.rows == [["a", "seg, sn, depth", "baseline", "dense", "0.00 %", "900 of 1,000", "1 M of 2 M"]]
    assert seg.columns == ["run", "mIoU \N{UPWARDS ARROW}"]
    assert seg.rows == [
        ["a", "0.2500"],
        ["a: the best constant prediction", "0.1000"],
        ["a: published, the paper", "0.2769"],
    ]
    assert len(sn.rows) == len(depth.rows) == 2


def test_metrics_by_class_are_a_table_with_a_column_a_run(tmp_path: Path) -> None:
    first = {**evaluation("a"), "by_class": {"seg": {"IoU": {"wall": 0.5, "bed": None}}}}
    second = {**evaluation("b"), "by_class": {"seg": {"IoU": {"wall": 0.25, "bed": 0.125}}}}
    results = found(tmp_path, eval_a=first, eval_b=second, eval_before=evaluation("before"))
    [details] = [block for block in section(results, "evaluations").blocks if isinstance(block, Details)]
    [classes] = details.blocks
    assert isinstance(classes, Table) and classes.columns == ["class", "a", "b"]
    assert classes.rows == [["wall", "0.5000", "0.2500"], ["bed", "undefined", "0.1250"]]


def test_cost_and_provenance(tmp_path: Path) -> None:
    results = found(tmp_path, relatedness=relatedness())
    estimators, scripts = tables(section(results, "cost"))
    assert estimators.rows == [["labels", "12 s", "8", "24", "1.0 GiB"]]
    assert scripts.rows == [["relatedness.json", "estimating 61 s", "2.0 GiB"]]
    text = words(section(results, "provenance"))
    assert "task_relatedness.py --seed <3>" in text and "device" in text and "name: rooms" in text


@pytest.mark.parametrize("value", [None, "x", [1], {"a": 1}, float("nan"), 10**400])
def test_odd_provenance_is_not_in_the_way(tmp_path: Path, value: object) -> None:
    contents = relatedness()
    contents["provenance"] |= {
        "seconds": {"estimating": value},
        "peak_memory_mb": value,
        "command": value,
        "versions": value,
    }
    assert sections(found(tmp_path, relatedness=contents))
    contents["provenance"] = {"seconds": value}
    contents["config"] = {"tasks": {"seg": value}, "data": value}
    assert sections(found(tmp_path, relatedness=contents))


def test_files_that_are_not_used_are_named(tmp_path: Path) -> None:
    (tmp_path / "iou.json").write_text("{")
    assert "iou.json: not JSON" in words(section(found(tmp_path, relatedness=relatedness()), "provenance"))


def test_alternative_texts_are_not_too_long() -> None:
    assert alt("a\nb") == "a b" and len(alt("x" * 1000)) == 300


def test_undefined_values_are_said_to_be(tmp_path: Path) -> None:
    contents = relatedness()
    for matrix in contents["estimators"]["labels"]["values"]:
        matrix[0][1] = None
    part = section(found(tmp_path, relatedness=contents), "relatedness")
    assert tables(part)[0].rows[0][2] == "undefined"
