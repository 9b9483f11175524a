"""What the parts of a page say of similarity, of networks, and of how everything was made."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from small_pages import evaluation, iou, log, relatedness
from small_sections import every, found, section, tables, words

from reports.colours import DIVERGING
from reports.page.found import Published, PublishedRow, read_folder
from reports.page.sections import sections
from reports.page.sections.base import Details, Figure, Table


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
