import json
import math

import pandas as pd
import pytest
from small_reports import parse_report

from configs import UserError
from reports.similarity.report import layer_similarity, matrix, read_report
from reports.similarity.summary import matrix_text, ranking, ranking_text
from reports.similarity.table import whole_table


def test_entries_are_found_by_method_sparsities_and_pair(make_json, write_json):
    contents = make_json()
    contents["table"]["linear_X_iou"]["s50_X_seg_X_depth"] = 0.123
    contents["stderr"]["linear_X_iou"]["s50_X_seg_X_depth"] = 0.004
    report = read_report(write_json(contents))
    assert report.select("linear", "iou", [50]).loc[("seg", "depth")].tolist() == [0.123, 0.004]
    assert report.select("linear", "iou", [50, 90]).loc[("seg", "depth"), "value"] != 0.123
    assert report.select("linear", "iou").equals(report.select("linear", "iou", [50, 90]))
    assert (report.dataset, report.tasks, report.sparsities) == ("rooms", ("seg", "sn", "depth"), (50, 90))


def test_one_sparsity_has_no_set_of_all(make_json):
    report = parse_report(make_json(sparsities=(70,)), "x.json")
    assert whole_table(report).shape == (28, 3)
    assert report.select("equal", "epi").equals(report.select("equal", "epi", [70]))


def test_whole_table_has_the_published_names_first(make_json):
    contents = make_json()
    contents["table"]["five_zeros_X_masked_sals"]["s50,90_X_sn_X_depth"] = 0.321
    table = whole_table(parse_report(contents, "x.json"))
    assert table.shape == (28, 9)
    assert list(table.index[:4]) == [("equal", metric) for metric in ("EPI-Sim", "IOU", "CSS", "MCSS")]
    weightings = ["equal", "linear", "step", "sparsity", "linear_plus_one", "min_sparsity", "epi_like"]
    assert list(table.index.unique(0)) == weightings
    assert list(table.columns[:3]) == [("50", "seg/sn"), ("50", "seg/depth"), ("50", "sn/depth")]
    assert table.loc[("step", "MCSS"), ("50,90", "sn/depth")] == 0.321
    assert (table == 0.321).sum().sum() == 1


def test_a_measure_of_the_users_own_keeps_its_name(make_json):
    contents = make_json()
    for part in ("table", "stderr"):
        contents[part]["equal_X_mine"] = contents[part]["equal_X_epi"]
    report = parse_report(contents, "x.json")
    assert ("equal", "mine") in whole_table(report).index
    assert layer_similarity(report, "mine").empty


def test_task_names_may_contain_the_separator(make_json):
    report = parse_report(make_json(tasks=("a", "b_X_c", "c"), values=[0.1, 0.2, 0.3]), "x.json")
    assert matrix(report, "equal", "epi").loc["b_X_c"].tolist() == [0.1, 1.0, 0.3]


def test_matrix_is_symmetric(make_json):
    report = parse_report(make_json(values=[0.9, 0.8, None]), "x.json")
    expected = [[1.0, 0.9, 0.8], [0.9, 1.0, math.nan], [0.8, math.nan, 1.0]]
    tasks = ["seg", "sn", "depth"]
    pd.testing.assert_frame_equal(matrix(report, "equal", "sals"), pd.DataFrame(expected, tasks, tasks))
    errors = matrix(report, "equal", "sals", column="stderr").to_numpy()
    assert errors[0, 1] == errors[1, 0] == 0.01 and math.isnan(errors[0, 0])


def test_matrix_text(make_json):
    text = matrix_text(parse_report(make_json(values=[0.9, 0.81, None]), "x.json"), "equal", "epi")
    rows = [line.split("  ") for line in text.splitlines()[1:]]
    assert [[cell.strip() for cell in row if cell] for row in rows] == [
        ["seg", "1", "0.900 ±0.010", "0.810 ±0.010"],
        ["sn", "0.900 ±0.010", "1", "undefined"],
        ["depth", "0.810 ±0.010", "undefined", "1"],
    ]


def test_ranking_doubts_gaps_whose_paired_interval_holds_zero(make_json):
    """seg/sn lies 0.1 above seg/depth in every seed but for 0.01; sn/depth goes its own ways."""
    by_seed = [[0.95, 0.90, 0.85], [0.84, 0.80, 0.76], [0.60, 0.95, 0.82]]
    values = [sum(seeds) / 3 for seeds in by_seed]
    report = parse_report(make_json(seeds=3, values=values, by_seed=by_seed))
    ranked = ranking(report, "equal", "epi")
    assert list(ranked.index) == [("seg", "sn"), ("seg", "depth"), ("sn", "depth")]
    # Differences .11 .10 .09: mean .1, standard error .01 / sqrt(3), and 4.302653 is the quantile at two degrees.
    reach = 4.302653 * 0.01 / 3**0.5
    assert ranked.iloc[0][["gap", "low", "high"]].tolist() == pytest.approx([0.1, 0.1 - reach, 0.1 + reach])
    assert ranked["certain"].tolist() == [True, False, False]
    first, second, third = ranking_text(report, "equal", "epi").splitlines()
    assert "uncertain" not in first + third
    gap, low, high = ranked.iloc[1][["gap", "low", "high"]]
    assert f"uncertain: {gap:.3f} apart, 95 % interval {low:.3f} to {high:.3f}" in second


def test_ranking_of_files_without_single_seeds_doubts_gaps_below_the_combined_error(make_json):
    # sqrt(0.01^2 + 0.01^2) = 0.0141: 0.895 against 0.9 is uncertain, 0.8 against 0.895 is not.
    report = parse_report(make_json(values=[0.8, 0.895, 0.9]), "x.json")
    ranked = ranking(report, "equal", "epi")
    assert list(ranked.index) == [("sn", "depth"), ("seg", "depth"), ("seg", "sn")]
    assert ranked["gap"].tolist()[:2] == pytest.approx([0.005, 0.095])
    assert ranked["low"].tolist()[:2] == pytest.approx([0.005 - 0.01 * 2**0.5, 0.095 - 0.01 * 2**0.5])
    assert ranked["certain"].tolist() == [False, True, False]
    first, second, third = ranking_text(report, "equal", "epi").splitlines()
    assert "sn/depth" in first and "uncertain: 0.005 apart, combined error 0.014" in first
    assert "uncertain" not in second + third


def test_the_values_of_each_seed_are_found_by_pair(make_json):
    contents = make_json(by_seed=[[0.1, 0.2], [0.3, None], [0.5, 0.6]])
    contents["seeds"]["linear_X_iou"]["s50_X_seg_X_depth"] = [0.7, 0.8]
    contents["table"]["linear_X_iou"]["s50_X_seg_X_depth"] = 0.75
    report = parse_report(contents)
    found = report.pairs("linear", "iou", [50])[frozenset(("seg", "depth"))]
    assert (found.value, found.stderr, found.seeds.tolist()) == (0.75, 0.01, [0.7, 0.8])
    undefined = report.pairs("linear", "iou")[frozenset(("seg", "depth"))].seeds.tolist()
    assert undefined[0] == 0.3 and math.isnan(undefined[1])


@pytest.mark.parametrize("by_seed", [None, [[0.9], [0.8], [0.7]]])
def test_ranking_of_one_seed_says_that_no_error_is_known(make_json, by_seed):
    report = parse_report(make_json(seeds=1, by_seed=by_seed))
    assert not ranking(report, "equal", "epi")["certain"].any()
    text = ranking_text(report, "equal", "epi")
    assert "±" not in text and "One seed only" in text.splitlines()[-1]


@pytest.mark.parametrize("by_seed", [None, [[0.9, None], [0.2, 0.2], [0.2, 0.4]]])
def test_undefined_pairs_come_last(make_json, by_seed):
    report = parse_report(make_json(values=[None, 0.2, 0.3], by_seed=by_seed))
    assert not ranking(report, "equal", "epi")["certain"].iloc[1]
    assert list(ranking(report, "equal", "epi").index)[-1] == ("seg", "sn")
    assert ranking_text(report, "equal", "epi").splitlines()[-1].split() == ["3.", "seg/sn", "undefined"]


def test_ranking_text_of_many_pairs_shows_both_ends(make_json):
    report = parse_report(make_json(tasks=[f"t{i}" for i in range(10)]), "x.json")
    lines = ranking_text(report, "equal", "epi", limit=3).splitlines()
    assert len(lines) == 7 and "39 pairs in between" in lines[3]
    assert lines[4].startswith(" 43.") and "t8/t9" in lines[6]


def test_layer_similarity_averages_seeds_and_leaves_nulls_out(make_json):
    contents = make_json(values=[0.9, 0.8, 0.7])
    contents["layers"]["epi"][0] = None  # seed 0 at 50 %: of seg/sn's first layer only seed 1 remains
    frame = layer_similarity(parse_report(contents, "x.json"), "epi")
    assert list(frame.index) == [f"backbone.conv{i}.weight" for i in range(3)]
    assert frame[("seg,sn", 50)].tolist() == pytest.approx([0.88, 0.88, 0.87])
    assert frame[("sn,depth", 90)].tolist() == pytest.approx([0.69, 0.68, math.nan], nan_ok=True)


def drop(*path):
    def change(contents):
        for key in path[:-1]:
            contents = contents[key]
        del contents[path[-1]]

    return change


def put(value, *path):
    def change(contents):
        for key in path[:-1]:
            contents = contents[key]
        contents[path[-1]] = value

    return change


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (drop("tasks"), "tasks: missing"),
        (put(2, "schema"), "schema"),
        (put(["seg"], "tasks"), "tasks"),
        (put(["seg", "sn", "sn"], "tasks"), "twice"),
        (put([0, 50], "sparsities"), "sparsities.0"),
        (put({}, "table"), "table"),
        (put("0.9", "num_seeds"), None),
        (put("much", "table", "equal_X_epi", "s50_X_seg_X_sn"), "table.equal_X_epi.s50_X_seg_X_sn"),
        (put(math.nan, "table", "equal_X_epi", "s50_X_seg_X_sn"), "table.equal_X_epi.s50_X_seg_X_sn"),
        (drop("table", "equal_X_epi", "s50,90_X_seg_X_sn"), "s50,90_X_seg_X_sn"),
        (drop("stderr", "linear_X_iou"), "stderr.linear_X_iou"),
        (put({"equal_X_epi": {}}, "seeds"), "seeds.equal_X_epi: no entry 's50_X_seg_X_sn'"),
        (put([], "seeds"), "seeds"),
        (put({}, "table", "epi"), "'epi' is not"),
        (drop("layers", "pair"), "layers.pair"),
        (put([1], "layers", "seed"), "layers.seed: 1 rows"),
        (put("x", "layers", "iou", 0), "layers"),
        (put([], "layers"), "layers"),
    ],
)
def test_a_malformed_report_is_named_in_one_line(make_json, write_json, change, named):
    contents = make_json()
    change(contents)
    path = write_json(contents)
    with pytest.raises(UserError) as caught:
        read_report(path)
    message = str(caught.value)
    assert str(path) in message and (named or "") in message and "\n" not in message


@pytest.mark.parametrize("text", ["", "{", "\ufeff{}", "not json", "[1, 2]", "null", "[" * 100_000])
def test_a_file_that_is_no_report_is_named(tmp_path, text):
    path = tmp_path / "x.json"
    path.write_text(text)
    with pytest.raises(UserError, match="x.json"):
        read_report(path)


def test_a_file_cut_short_or_binary_or_missing_is_named(make_json, tmp_path):
    text = json.dumps(make_json())
    (tmp_path / "cut.json").write_text(text[: len(text) // 2])
    (tmp_path / "binary.json").write_bytes(bytes(range(256)))
    for name in ("cut.json", "binary.json", "missing.json", "."):
        with pytest.raises(UserError) as caught:
            read_report(tmp_path / name)
        assert str(tmp_path / name) in str(caught.value)


def test_unknown_methods_and_sparsities_list_what_there_is(make_json):
    report = parse_report(make_json(), "x.json")
    with pytest.raises(UserError, match="'equal_X_cosine'.*equal_X_epi"):
        report.select("equal", "cosine")
    with pytest.raises(UserError, match="'30'; it holds 50; 90; 50,90"):
        matrix(report, "equal", "epi", [30])


def test_a_report_with_too_few_values_of_seeds_is_named(make_json):
    contents = make_json(by_seed=[[0.9, 0.9]] * 3)
    contents["seeds"]["linear_X_iou"]["s50_X_seg_X_sn"] = [0.9]
    with pytest.raises(UserError, match="seeds.linear_X_iou.s50_X_seg_X_sn: 1 of 2 values"):
        parse_report(contents)
