"""The page and its numbers, from hand-made results."""

import json
from pathlib import Path
from typing import Any

import pytest
from small_tables import leave_evaluation, leave_similarity, plans, rooms_at

from reports.tables_file import Cell, Section, TablesFile
from reproduce.cells import mean_cell
from reproduce.page import DOWN, PARTS, UP, number_text, page
from reproduce.plan import TablePlan
from reproduce.running.execution import verdicts, write_tables
from reproduce.tables import find_table


def section_of(plan: TablePlan, before: Section | None = None) -> Any:
    """A table's section, as it comes back from the file."""
    section = find_table(plan.table).fill(plan, before)
    stored = TablesFile(dataset="d", tables={plan.table: section}, provenance={}).model_dump_json(by_alias=True)
    read = TablesFile.parse(json.loads(stored), "tables.json").tables[plan.table]
    return read.as_kind(find_table(plan.table).kind)


def nyuv2(frames: Path, dest: Path, *words: object, **wanted: Any) -> dict[str, TablePlan]:
    return plans("nyuv2", "--data_root", frames, "--dest", dest, *words, **wanted)


def sample(rooms: Path, dest: Path, *words: object, **wanted: Any) -> dict[str, TablePlan]:
    return plans("sample", *rooms_at(rooms), "--dest", dest, *words, **wanted)


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


def test_a_difference_is_ours_less_the_published_one() -> None:
    assert Cell(ours=3.0, published=2.0).difference == 1.0
    assert Cell(ours=3.0).difference is None
    undefined = mean_cell({0: float("nan")}, 2.0, several=False)
    assert (undefined.ours, undefined.published, undefined.difference) == (None, 2.0, None)


def test_a_number_over_seeds_is_their_mean_with_its_standard_error() -> None:
    cell = mean_cell({0: 1.0, 1: 2.0, 2: 3.0, 3: float("nan")}, 2.5, several=True)
    assert (cell.ours, cell.stderr) == pytest.approx((2.0, 3**-0.5))
    assert cell.seeds == {0: 1.0, 1: 2.0, 2: 3.0, 3: None}
    assert [number_text(cell, part, 2) for part in PARTS] == ["2.00 ±0.58", "2.50", "-0.50"]
    one = mean_cell({0: 1.0}, None, several=False)
    assert (one.ours, one.stderr, one.seeds, number_text(one, "ours", None)) == (1.0, None, {}, "1")


class TestSparsity:
    @pytest.fixture
    def section(self, tmp_path: Path, frames: Path) -> Any:
        return self.make(frames, tmp_path)

    def make(self, frames: Path, dest: Path, **wanted: Any) -> Any:
        plan = nyuv2(frames, dest, tables=["sparsity"], **wanted)["sparsity"]
        numbers = {"seg mIoU": 0.2769, "seg Pixel Acc": 0.6, "seg err": None}
        numbers |= {"sn Angle Mean": 16.05, "sn Angle 45": 97.125}
        leave_evaluation(plan.runs[0], numbers)
        leave_evaluation(plan.runs[1], {"seg mIoU": 0.3})
        return section_of(plan)

    def test_ours_stands_beside_the_published_number_in_its_unit(self, section: Any) -> None:
        text = page("nyuv2", {"sparsity": section})
        table = rows_of(text)
        assert column(table, "method") == ["baseline", "", "", "disparse_static", "", ""]
        assert column(table, "sparsity")[:4] == ["", "", "", "90 %"]
        assert column(table, "measured")[3] == "90.00 %"
        assert column(table, "") == ["ours", "published", "difference"] * 2
        assert column(table, f"seg: mIoU % {UP}") == ["27.69", "27.69", "0.00", "30.00", "26.48", "+3.52"]
        assert column(table, f"seg: Pixel Acc % {UP}")[:3] == ["60.00", "58.77", "+1.23"]
        assert column(table, f"sn: Angle Mean {DOWN}")[:3] == ["16.05", "16.55", "-0.50"]

    def test_what_is_not_published_is_na_and_what_is_undefined_says_so(self, section: Any) -> None:
        table = rows_of(page("nyuv2", {"sparsity": section}))
        assert column(table, f"sn: Angle 45 {UP}")[:3] == ["97.12", "n/a", "n/a"]
        assert column(table, f"seg: err {DOWN}")[:3] == ["undefined", "n/a", "n/a"]

    def test_runs_that_are_missing_are_counted(self, section: Any) -> None:
        assert "2 of 4 runs are not finished" in page("nyuv2", {"sparsity": section})

    def test_what_the_runs_were_made_with(self, section: Any, tmp_path: Path, frames: Path) -> None:
        text = page("nyuv2", {"sparsity": section})
        assert "tasks seg, sn; seed 0; fp32; data.batch_size=16 (as published)." in text
        assert "not those of a reproduction" not in text
        changed = page("nyuv2", {"sparsity": self.make(frames, tmp_path / "short", max_iters=3)})
        assert "--max_iters 3; so the differences are not those of a reproduction" in changed

    def test_other_tasks_than_the_papers_are_compared_with_nothing(self, tmp_path: Path, frames: Path) -> None:
        plan = nyuv2(frames, tmp_path, "--tasks", "seg", tables=["sparsity"])["sparsity"]
        leave_evaluation(plan.runs[0])
        table = rows_of(page("nyuv2", {"sparsity": section_of(plan)}))
        assert column(table, f"mIoU {UP}") == ["0.5"]

    def test_own_data_show_ours_only(self, tmp_path: Path, rooms: Path) -> None:
        plan = sample(rooms, tmp_path, "--tasks", "edge,depth", tables=["sparsity"])["sparsity"]
        leave_evaluation(plan.runs[0], {"edge err": 0.0123456})
        text = page("sample", {"sparsity": section_of(plan)})
        table = rows_of(text)
        assert column(table, f"edge: err {DOWN}") == ["0.01235"]
        assert "ublished" not in text

    def test_another_sparsity_adds_rows_with_the_same_settings_only(self, tmp_path: Path, rooms: Path) -> None:
        def make(ratio: int, before: Section | None, *words: object) -> Any:
            wanted = {"tables": ["sparsity"], "ratios": [ratio], "methods": ["baseline", "snip"]}
            plan = sample(rooms, tmp_path, "--tasks", "edge", *words, **wanted)["sparsity"]
            for run in plan.runs:
                leave_evaluation(run)
            return section_of(plan, before)

        def ratios(section: Any) -> list[tuple[str, int | None]]:
            return [(row.method, row.ratio) for row in section.rows]

        first = make(90, None)
        assert ratios(first) == [("baseline", None), ("snip", 90)]
        both = make(30, first)
        assert ratios(both) == [("baseline", None), ("snip", 30), ("snip", 90)]
        assert (both.finished, both.planned) == (2, 2)
        assert ratios(make(30, both)) == ratios(both)
        assert ratios(make(30, first, "--set", "train.eval_interval=1")) == ratios(both)
        assert ratios(make(30, first, "--set", "train.lr=1")) == [("baseline", None), ("snip", 30)]

    def test_seeds_are_averaged(self, tmp_path: Path, rooms: Path) -> None:
        wanted = {"tables": ["sparsity"], "methods": ["baseline", "snip"], "num_seeds": 3}
        plan = sample(rooms, tmp_path, "--tasks", "edge", **wanted)["sparsity"]
        for run, value in zip(plan.runs, (0.1, 0.5, 0.2, 0.6, 0.3), strict=False):  # dense, sparse, dense, ...
            leave_evaluation(run, {"edge err": value})
        section = section_of(plan)
        assert section.rows[0].values["edge"]["err"].seeds == {0: 0.1, 1: 0.2, 2: 0.3}
        text = page("sample", {"sparsity": section})
        assert column(rows_of(text), f"err {DOWN}") == ["0.2 ±0.058", "0.55 ±0.05"]
        assert "seeds 0 to 2" in text and "1 of 6 runs are not finished" in text


class TestCotraining:
    def make(self, frames: Path, dest: Path, similar: dict[str, float]) -> Any:
        """Ours: sn as published; seg better with depth than with sn; depth alone only."""
        plan = nyuv2(frames, dest, tables=["cotraining"])["cotraining"]
        leave_similarity(plan.studies[0], 0.5, similar)
        alone_seg, _, alone_depth, seg_sn, seg_depth, sn_depth = plan.runs
        leave_evaluation(alone_seg, {"seg mIoU": 0.2, "seg mIoU_standard": 0.2})
        leave_evaluation(alone_depth)
        leave_evaluation(seg_sn, {"seg mIoU": 0.16, "seg mIoU_standard": 0.1, "sn Angle Mean": 17.49})
        leave_evaluation(seg_depth, {"seg mIoU": 0.2, "seg mIoU_standard": 0.2})
        leave_evaluation(sn_depth, {"sn Angle Mean": 18.0})
        return section_of(plan)

    def test_each_task_has_a_table_with_its_partners_and_alone(self, tmp_path: Path, frames: Path) -> None:
        text = page("nyuv2", {"cotraining": self.make(frames, tmp_path, {"seg/sn": 0.75})})
        seg = rows_of(text, "### seg")
        assert column(seg, "seg") == ["alone", "", "", "with sn", "", "", "with depth", "", ""]
        assert column(seg, "similarity") == ["", "", "", "0.750", "", "", "0.500", "", ""]
        assert column(seg, f"mIoU {UP}") == ["0.20", "n/a", "n/a", "0.16", "0.16", "0.00", "0.20", "0.10", "+0.10"]
        sn = rows_of(text, "### sn")
        assert column(sn, "sn")[::3] == ["with seg", "with depth"], "sn alone is not finished"
        assert column(sn, f"Angle Mean {DOWN}") == ["17.49", "17.49", "0.00", "18.00", "18.86", "-0.86"]
        assert "1 of 6 runs are not finished" in text

    def test_the_claim_is_judged_by_the_main_metric(self, tmp_path: Path, frames: Path) -> None:
        section = self.make(frames, tmp_path, {"seg/sn": 0.75})
        judged = {entry.task: entry.agrees for entry in section.claim.comparisons}
        # sn is more like seg and does better with it, seg is more like sn but does better with depth; depth's two
        # partners are equally similar.
        assert judged == {"seg": False, "sn": True, "depth": None}
        text = page("nyuv2", {"cotraining": section})
        for words in ("In 1 of 2 comparisons", "1 more are undecided", "one training run"):
            assert words in text and words in find_table("cotraining").verdict(section)
        assert "seg rather with sn than with depth: no" in text

    def test_over_seeds_only_resolved_differences_count(self, tmp_path: Path, rooms: Path) -> None:
        flags = ["--tasks", "edge,depth,keypoint"]
        plan = sample(rooms, tmp_path, *flags, tables=["cotraining"], num_seeds=3)["cotraining"]
        leave_similarity(plan.studies[0], 0.5, {"edge/depth": 0.75})
        for run in plan.runs:
            # With depth, edge is better by 0.1 in every seed, and depth better or worse with edge.
            seed = run.setup.seed
            better = 0.1 + 0.001 * seed if "depth" in run.tasks else 0.0
            either = (0.1, -0.1, 0.05)[seed] if "edge" in run.tasks else 0.0
            leave_evaluation(run, {"edge err": 0.5 + seed - better, "depth abs_err": 0.5 + seed - either})
        section = section_of(plan)
        judged = {entry.task: entry.agrees for entry in section.claim.comparisons}
        assert judged == {"edge": True, "depth": None, "keypoint": None}
        verdict = find_table("cotraining").verdict(section)
        assert "In 1 of 1 comparisons" in verdict and "2 more are undecided" in verdict
        assert "compared seed by seed, over 3 seeds" in verdict
        edge = rows_of(page("sample", {"cotraining": section}), "### edge")
        assert column(edge, f"err {DOWN}") == ["1.5 ±0.58", "1.399 ±0.58", "1.5 ±0.58"]

    def test_the_claim_in_the_published_numbers(self, tmp_path: Path, frames: Path) -> None:
        section = self.make(frames, tmp_path, {})
        assert section.published_claim.metrics == {"seg": "mIoU", "sn": "Angle Mean", "depth": "abs_err"}
        assert "In the published numbers: In 3 of 3 comparisons" in page("nyuv2", {"cotraining": section})

    def test_two_tasks_leave_nothing_to_claim(self, tmp_path: Path, rooms: Path) -> None:
        plan = sample(rooms, tmp_path, "--tasks", "edge,depth", tables=["cotraining"])["cotraining"]
        assert "No run is finished yet" in page("sample", {"cotraining": section_of(plan)})
        for run in plan.runs:
            leave_evaluation(run)
        text = page("sample", {"cotraining": section_of(plan)})
        assert "comparisons" not in text and find_table("cotraining").verdict(section_of(plan)) == ""
        assert column(rows_of(text, "### edge"), "edge") == ["alone", "with depth"]


class TestSimilarity:
    def make(self, plan: TablePlan) -> Any:
        leave_similarity(plan.studies[0], 0.9, {"seg/sn": 0.96})
        return section_of(plan)

    def test_nyuv2_stands_beside_the_report(self, tmp_path: Path, frames: Path) -> None:
        section = self.make(nyuv2(frames, tmp_path, tables=["similarity"])["similarity"])
        text = page("nyuv2", {"similarity": section})
        table = rows_of(text)
        assert len(table) == 1 + 16 * 5
        mcss = next(row for row in table[1:] if row[:3] == ["equal", "MCSS", "50"])
        assert mcss[3:9] == ["0.960", "0.950", "+0.010", "0.900", "0.947", "-0.047"]
        assert mcss[-1] == "agrees", "seg/sn is the largest in both; the others are equal here"
        css = next(row for row in table[1:] if row[:3] == ["equal", "CSS", "50"])
        assert css[-1] == "differs"
        assert "4 seeds, 50 batches" in text and "The order of the pairs agrees in" in text
        assert find_table("similarity").verdict(section) in text

    def test_own_data_show_ours_only(self, tmp_path: Path, rooms: Path) -> None:
        plan = sample(rooms, tmp_path, "--tasks", "seg,sn,edge", tables=["similarity"])["similarity"]
        text = page("sample", {"similarity": self.make(plan)})
        table = rows_of(text)
        assert table[0] == ["weighting", "metric", "sparsities", "seg/sn", "seg/edge", "sn/edge"]
        assert len(table) == 1 + 16 * 5, "the report's weightings and metrics"
        assert table[1] == ["equal", "EPI-Sim", "30", "0.960", "0.900", "0.900"]
        assert "ublished" not in text

    def test_other_tasks_than_the_reports_are_compared_with_nothing(self, tmp_path: Path, frames: Path) -> None:
        section = self.make(nyuv2(frames, tmp_path, "--tasks", "seg,sn", tables=["similarity"])["similarity"])
        assert {cell.published for row in section.rows for cell in row.values.values()} == {None}


def test_the_page_has_the_tables_in_their_order(tmp_path: Path, rooms: Path) -> None:
    planned = sample(rooms, tmp_path, "--tasks", "edge,depth")
    assert find_table("similarity").fill(planned["similarity"], None) is None, "there is nothing yet"
    leave_similarity(planned["similarity"].studies[0])
    sections = {name: section_of(planned[name]) for name in reversed(planned)}
    text = page("sample", sections)
    assert text.startswith("# Tables of sample\n")
    places = [text.index(title) for title in ("## Similarity", "## Co-training", "## Sparse networks")]
    assert places == sorted(places)


def test_the_tables_of_a_call_say_on_screen_what_they_show(tmp_path: Path, frames: Path) -> None:
    planned = nyuv2(frames, tmp_path)
    for run in planned["cotraining"].runs:
        leave_evaluation(run)
    leave_similarity(planned["similarity"].studies[0], 0.9, {"seg/sn": 0.96})
    file = write_tables(planned["similarity"].setup, list(planned.values()))
    order, claim = verdicts(file, planned.values())
    assert order.startswith("The order of the pairs agrees in") and claim.startswith("3 comparisons")
    assert verdicts(file, [planned["sparsity"]]) == []
    assert verdicts(TablesFile.read(tmp_path / "tables.json"), planned.values()) == [order, claim]
    assert order in (tmp_path / "tables.md").read_text()


def test_a_damaged_section_is_left_out(tmp_path: Path, rooms: Path) -> None:
    plan = sample(rooms, tmp_path, "--tasks", "edge", tables=["sparsity"])["sparsity"]
    damaged = Section(settings=section_of(plan).settings, rows=[{"method": 3}])
    assert page("sample", {"sparsity": damaged}) == "# Tables of sample\n"
    assert section_of(plan, damaged).rows == []


@pytest.mark.parametrize("table", ["cotraining", "sparsity"])
def test_without_results_the_page_says_so(tmp_path: Path, frames: Path, table: str) -> None:
    plan = nyuv2(frames, tmp_path, tables=[table])[table]
    assert "No run is finished yet" in page("nyuv2", {table: section_of(plan)})
