"""The page and its numbers, from hand-made results."""

import json
from pathlib import Path
from typing import Any

import pytest
from small_tables import leave_evaluation, leave_similarity, plans

from reproduce.page import DOWN, UP, page
from reproduce.sections import Section, cell, make_section


def rows_of(text: str, title: str = "") -> list[list[str]]:
    """The cells of the first table after a title, heading first."""
    lines = text[text.index(title) :].splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("|"))
    table = []
    for line in lines[start:]:
        if not line.startswith("|"):
            break
        table.append([entry.strip() for entry in line.strip("|").split("|")])
    return [table[0], *table[2:]]


def column(table: list[list[str]], heading: str) -> list[str]:
    place = table[0].index(heading)
    return [row[place] for row in table[1:]]


def as_stored(section: Section) -> Section:
    """As it comes back from the file."""
    return json.loads(json.dumps(section, allow_nan=False))


def test_a_difference_is_ours_less_the_published_one() -> None:
    assert cell(3.0, 2.0) == {"ours": 3.0, "published": 2.0, "difference": 1.0}
    assert cell(3.0, None) == {"ours": 3.0, "published": None, "difference": None}
    assert cell(None, 2.0) == cell(float("nan"), 2.0) == {"ours": None, "published": 2.0, "difference": None}


class TestSparsity:
    def section(self, tmp_path: Path, **wanted: Any) -> Section:
        plan = plans("nyuv2", "--dest", tmp_path, tables=["sparsity"], **wanted)["sparsity"]
        numbers = {"seg mIoU": 0.2769, "seg Pixel Acc": 0.6, "seg err": None}
        numbers |= {"sn Angle Mean": 16.05, "sn Angle 45": 97.125}
        leave_evaluation(plan.runs[0], numbers)
        leave_evaluation(plan.runs[1], {"seg mIoU": 0.3})
        return as_stored(make_section(plan, None))

    def test_ours_stands_beside_the_published_number_in_its_unit(self, tmp_path: Path) -> None:
        text = page("nyuv2", {"sparsity": self.section(tmp_path)})
        table = rows_of(text)
        assert column(table, "method") == ["baseline", "", "", "disparse_static", "", ""]
        assert column(table, "sparsity")[:4] == ["", "", "", "90 %"]
        assert column(table, "measured")[3] == "90.00 %"
        assert column(table, "") == ["ours", "published", "difference"] * 2
        assert column(table, f"seg: mIoU % {UP}") == ["27.69", "27.69", "0.00", "30.00", "26.48", "+3.52"]
        assert column(table, f"seg: Pixel Acc % {UP}")[:3] == ["60.00", "58.77", "+1.23"]
        assert column(table, f"sn: Angle Mean {DOWN}")[:3] == ["16.05", "16.55", "-0.50"]

    def test_what_is_not_published_is_na_and_what_is_undefined_says_so(self, tmp_path: Path) -> None:
        table = rows_of(page("nyuv2", {"sparsity": self.section(tmp_path)}))
        assert column(table, f"sn: Angle 45 {UP}")[:3] == ["97.12", "n/a", "n/a"]
        assert column(table, f"seg: err {DOWN}")[:3] == ["undefined", "n/a", "n/a"]

    def test_runs_that_are_missing_are_counted(self, tmp_path: Path) -> None:
        assert "2 of 4 runs are not finished" in page("nyuv2", {"sparsity": self.section(tmp_path)})

    def test_what_the_runs_were_made_with(self, tmp_path: Path) -> None:
        text = page("nyuv2", {"sparsity": self.section(tmp_path)})
        assert "tasks seg, sn; seed 0; fp32; data.batch_size=16 (as published)." in text
        assert "not those of a reproduction" not in text
        changed = page("nyuv2", {"sparsity": self.section(tmp_path / "short", max_iters=3)})
        assert "--max_iters 3; so the differences are not those of a reproduction" in changed

    def test_other_tasks_than_the_papers_are_compared_with_nothing(self, tmp_path: Path) -> None:
        plan = plans("nyuv2", "--dest", tmp_path, "--tasks", "seg", tables=["sparsity"])["sparsity"]
        leave_evaluation(plan.runs[0])
        table = rows_of(page("nyuv2", {"sparsity": make_section(plan, None)}))
        assert column(table, f"mIoU {UP}") == ["0.5"]

    def test_own_data_show_ours_only(self, tmp_path: Path) -> None:
        plan = plans("sample", "--dest", tmp_path, "--tasks", "edge,depth", tables=["sparsity"])["sparsity"]
        leave_evaluation(plan.runs[0], {"edge err": 0.0123456})
        text = page("sample", {"sparsity": make_section(plan, None)})
        table = rows_of(text)
        assert column(table, f"edge: err {DOWN}") == ["0.01235"]
        assert "ublished" not in text

    def test_another_sparsity_adds_rows_with_the_same_settings_only(self, tmp_path: Path) -> None:
        def section(ratio: int, before: Section | None, *words: object) -> Section:
            shared = ["--dest", tmp_path, "--tasks", "edge", *words]
            wanted = {"tables": ["sparsity"], "ratios": [ratio], "methods": ["baseline", "snip"]}
            plan = plans("sample", *shared, **wanted)["sparsity"]  # type: ignore[arg-type]
            for run in plan.runs:
                leave_evaluation(run)
            return as_stored(make_section(plan, before))

        def ratios(section: Section) -> list[tuple[str, int | None]]:
            return [(row["method"], row["ratio"]) for row in section["rows"]]

        first = section(90, None)
        assert ratios(first) == [("baseline", None), ("snip", 90)]
        both = section(30, first)
        assert ratios(both) == [("baseline", None), ("snip", 30), ("snip", 90)]
        assert ratios(section(30, both)) == ratios(both)
        assert ratios(section(30, first, "--set", "train.lr=1")) == [("baseline", None), ("snip", 30)]
        assert ratios(section(30, first, "--set", "train.eval_interval=1")) == ratios(both)


class TestCotraining:
    def section(self, tmp_path: Path, similar: dict[str, float]) -> Section:
        """Ours: sn as published; seg better with depth than with sn; depth alone only."""
        plan = plans("nyuv2", "--dest", tmp_path, tables=["cotraining"])["cotraining"]
        assert plan.similarity is not None
        leave_similarity(plan.similarity, 0.5, similar)
        alone_seg, _, alone_depth, seg_sn, seg_depth, sn_depth = plan.runs
        leave_evaluation(alone_seg, {"seg mIoU": 0.2, "seg mIoU_standard": 0.2})
        leave_evaluation(alone_depth)
        leave_evaluation(seg_sn, {"seg mIoU": 0.16, "seg mIoU_standard": 0.1, "sn Angle Mean": 17.49})
        leave_evaluation(seg_depth, {"seg mIoU": 0.2, "seg mIoU_standard": 0.2})
        leave_evaluation(sn_depth, {"sn Angle Mean": 18.0})
        return as_stored(make_section(plan, None))

    def test_each_task_has_a_table_with_its_partners_and_alone(self, tmp_path: Path) -> None:
        text = page("nyuv2", {"cotraining": self.section(tmp_path, {"seg/sn": 0.75})})
        seg = rows_of(text, "### seg")
        assert column(seg, "seg") == ["alone", "", "", "with sn", "", "", "with depth", "", ""]
        assert column(seg, "similarity") == ["", "", "", "0.750", "", "", "0.500", "", ""]
        assert column(seg, f"mIoU {UP}") == ["0.20", "n/a", "n/a", "0.16", "0.16", "0.00", "0.20", "0.10", "+0.10"]
        sn = rows_of(text, "### sn")
        assert column(sn, "sn")[::3] == ["with seg", "with depth"], "sn alone is not finished"
        assert column(sn, f"Angle Mean {DOWN}") == ["17.49", "17.49", "0.00", "18.00", "18.86", "-0.86"]
        assert "1 of 6 runs are not finished" in text

    def test_the_claim_is_judged_by_the_main_metric(self, tmp_path: Path) -> None:
        section = self.section(tmp_path, {"seg/sn": 0.75})
        judged = {entry["task"]: entry["agrees"] for entry in section["claim"]["comparisons"]}
        # sn is more like seg and does better with it, seg is more like sn but does better with depth; depth's two
        # partners are equally similar.
        assert judged == {"seg": False, "sn": True, "depth": None}
        text = page("nyuv2", {"cotraining": section})
        assert "In 1 of 2 comparisons" in text and "1 more cannot be judged" in text
        assert "seg rather with sn than with depth: no" in text
        assert "one training run" in text

    def test_the_claim_in_the_published_numbers(self, tmp_path: Path) -> None:
        section = self.section(tmp_path, {})
        assert section["published_claim"]["metrics"] == {"seg": "mIoU", "sn": "Angle Mean", "depth": "abs_err"}
        assert "In the published numbers: In 3 of 3 comparisons" in page("nyuv2", {"cotraining": section})

    def test_two_tasks_leave_nothing_to_claim(self, tmp_path: Path) -> None:
        plan = plans("sample", "--dest", tmp_path, "--tasks", "edge,depth", tables=["cotraining"])["cotraining"]
        assert "No run is finished yet" in page("sample", {"cotraining": make_section(plan, None)})
        for run in plan.runs:
            leave_evaluation(run)
        text = page("sample", {"cotraining": make_section(plan, None)})
        assert "comparisons" not in text
        assert column(rows_of(text, "### edge"), "edge") == ["alone", "with depth"]


class TestSimilarity:
    def section(self, dataset: str, tmp_path: Path, *words: object) -> Section:
        plan = plans(dataset, "--dest", tmp_path, *words, tables=["similarity"])["similarity"]
        assert plan.similarity is not None
        leave_similarity(plan.similarity, 0.9, {"seg/sn": 0.96})
        return as_stored(make_section(plan, None))

    def test_nyuv2_stands_beside_the_report(self, tmp_path: Path) -> None:
        text = page("nyuv2", {"similarity": self.section("nyuv2", tmp_path)})
        table = rows_of(text)
        assert len(table) == 1 + 16 * 5
        mcss = next(row for row in table[1:] if row[:3] == ["equal", "MCSS", "50"])
        assert mcss[3:9] == ["0.960", "0.950", "+0.010", "0.900", "0.947", "-0.047"]
        assert mcss[-1] == "agrees", "seg/sn is the largest in both; the others are equal here"
        css = next(row for row in table[1:] if row[:3] == ["equal", "CSS", "50"])
        assert css[-1] == "differs"
        assert "4 seed(s), 50 batches" in text and "The order of the pairs agrees in" in text

    def test_own_data_show_ours_only(self, tmp_path: Path) -> None:
        section = self.section("sample", tmp_path, "--tasks", "seg,sn,edge")
        text = page("sample", {"similarity": section})
        table = rows_of(text)
        assert table[0] == ["weighting", "metric", "sparsities", "seg/sn", "seg/edge", "sn/edge"]
        assert len(table) == 1 + 16 * 5, "the report's weightings and metrics"
        assert table[1] == ["equal", "EPI-Sim", "30", "0.960", "0.900", "0.900"]
        assert "ublished" not in text

    def test_other_tasks_than_the_reports_are_compared_with_nothing(self, tmp_path: Path) -> None:
        section = self.section("nyuv2", tmp_path, "--tasks", "seg,sn")
        assert {entry["published"] for row in section["rows"] for entry in row["values"].values()} == {None}


def test_the_page_has_the_tables_in_their_order(tmp_path: Path) -> None:
    planned = plans("sample", "--dest", tmp_path, "--tasks", "edge,depth")
    similarity = planned["similarity"].similarity
    assert similarity is not None
    leave_similarity(similarity)
    sections = {name: make_section(planned[name], None) for name in reversed(planned)}
    text = page("sample", sections)
    assert text.startswith("# Tables of sample\n")
    places = [text.index(title) for title in ("## Similarity", "## Co-training", "## Sparse networks")]
    assert places == sorted(places)


@pytest.mark.parametrize("table", ["cotraining", "sparsity"])
def test_without_results_the_page_says_so(tmp_path: Path, table: str) -> None:
    plan = plans("nyuv2", "--dest", tmp_path, tables=[table])[table]
    assert "No run is finished yet" in page("nyuv2", {table: make_section(plan, None)})
