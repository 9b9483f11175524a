"""json2tab.py --compare_paper: our NYUv2 values beside the published ones."""


import pytest
from small_tables_of_pairs import as_published, comparison, report_of, runner

from reproduce.published.similarity import PAIRS, orders_agree


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    return runner(tmp_path, monkeypatch, capsys)


def test_the_published_numbers_agree_with_themselves(run):
    frame, summary = comparison(run(report_of(as_published), "--compare_paper"))
    assert frame.shape == (80, 10)
    assert (frame["order"] == "agrees").all()
    assert (frame[[f"{pair}: diff" for pair in PAIRS]] == 0).all().all()
    row = frame.loc[("sparsity", "MCSS", "30,50,70,90")]
    assert [row[f"{pair}: paper"] for pair in PAIRS] == [0.768, 0.731, 0.726]  # PAPER, last row of the first table
    assert summary.startswith("# ") and "80 of 80 rows; mean absolute difference 0.000 over 240 values" in summary


def test_two_pairs_swapped_disagree(run):
    contents = report_of(as_published)
    row = contents["table"]["equal_X_epi"]  # published at 50 %: .967 .926 .958
    row["s50_X_seg_X_sn"], row["s50_X_seg_X_depth"] = 0.926, 0.967
    frame, summary = comparison(run(contents, "--compare_paper"))
    assert frame.loc[("equal", "EPI-Sim", "50"), "order"] == "differs"
    assert frame.loc[("equal", "EPI-Sim", "50"), [f"{pair}: diff" for pair in PAIRS]].tolist() == [-0.041, 0.041, 0]
    assert "79 of 80 rows" in summary and "difference 0.000 " in summary  # 2 * 0.041 / 240


def test_order_of_tasks_and_sparsities_and_further_tasks_do_not_matter(run):
    contents = report_of(as_published, ("depth", "edge", "sn", "seg"), (90, 70, 50, 30))
    frame, summary = comparison(run(contents, "--compare_paper"))
    assert (frame["order"] == "agrees").all() and "80 of 80" in summary


def test_what_we_do_not_have_is_left_out(run):
    contents = report_of(as_published, sparsities=(50, 60))
    contents["table"]["equal_X_iou"]["s50_X_seg_X_sn"] = None
    for pair in ("seg_X_sn", "seg_X_depth", "sn_X_depth"):
        contents["table"]["equal_X_epi"][f"s50_X_{pair}"] = None
    frame, summary = comparison(run(contents, "--compare_paper"))
    assert set(frame.index.get_level_values("sparsities")) == {"50"} and len(frame) == 15
    assert frame.loc[("equal", "IOU", "50")].isna().sum() == 3  # ours, the difference and the order
    assert "14 of 14 rows" in summary and "over 44 values" in summary


@pytest.mark.parametrize(
    ("ours", "published", "agrees"),
    [
        ([0.9, 0.8, 0.7], [0.6, 0.5, 0.4], True),
        ([0.9, 0.8, 0.7], [0.6, 0.4, 0.5], False),
        ([0.9, 0.8, 0.7], [0.6, 0.5, 0.5], True),  # a published tie contradicts nothing
        ([0.9, 0.7, 0.8], [0.6, 0.5, 0.5], True),
        ([0.8671, 0.869, 0.8674], [0.967, 0.971, 0.959], True),  # ours tie in print: .867 .869 .867
        ([0.866, 0.869, 0.867], [0.967, 0.971, 0.959], False),
        ([0.9, float("nan"), 0.7], [0.6, 0.5, 0.4], None),
    ],
)
def test_orders_are_judged_as_printed(ours, published, agrees):
    assert orders_agree(ours, published) is agrees


@pytest.mark.parametrize("form", ["markdown", "latex"])
def test_the_comparison_ends_in_its_summary_in_every_format(run, form):
    lines = run(report_of(as_published), "--compare_paper", "--format", form).splitlines()
    assert any("80 of 80 rows" in line for line in lines[-2:])
    assert sum("agrees" in line and "MCSS" in line for line in lines) == 20
