import io
import json
import re
import shutil
import subprocess
import sys

import pandas as pd
import pytest
from small_tables_of_pairs import FLAGS, LAYERS, METRICS, as_published, comparison, report_of, runner

import json2tab
from configs import UserError
from reports.similarity.report import WEIGHTING_NAMES
from reproduce.published.similarity import PAIRS, published_similarity


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    return runner(tmp_path, monkeypatch, capsys)


def numbered():
    """Every entry another number, 0.001, 0.002, ...; one undefined; an awkward name of a task."""
    count = iter(range(1, 1000))
    contents = report_of(lambda *_: next(count) / 1000, tasks=("seg", "sn", "depth_2"))
    contents["table"]["linear_X_iou"]["s50_X_seg_X_depth_2"] = None
    return contents


EXPLAINED = "Weightings: equal: every layer counts 1; linear: layer number l, counted from 0, counts l; step: "


def expected_rows(missing):
    contents = numbered()
    rows = []
    for layer in LAYERS:
        for metric, sim in METRICS.items():
            values = contents["table"][f"{layer}_X_{sim}"].values()
            cells = [missing if value is None else f"{value:.3f}" for value in values]
            weighting = WEIGHTING_NAMES.get(layer, layer)
            rows.append([FLAGS.get(weighting, weighting), FLAGS[metric], *cells])
    return rows


def expected_heading():
    sets = ["30", "50", "70", "90", "30,50,70,90"]
    return [f"{chosen}: {pair}" for chosen in sets for pair in ("seg/sn", "seg/depth_2", "sn/depth_2")]


def test_tsv_is_the_default_and_reads_back(run):
    text = run(numbered())
    assert [line.split("\t") for line in text.splitlines()] == [
        ["weighting", "metric", *expected_heading()],
        *expected_rows(""),
    ]
    frame = pd.read_csv(io.StringIO(text), sep="\t", index_col=["weighting", "metric"])
    assert frame.isna().sum().sum() == 1 and frame.shape == (20, 15)


def test_markdown_reads_back_and_is_aligned(run):
    heading, rule, *rows, blank, note = run(numbered(), "--format", "markdown").splitlines()
    assert blank == "" and note.startswith(EXPLAINED) and "min_sparsity: the smaller" in note
    assert len({len(line) for line in (heading, rule, *rows)}) == 1
    assert set(rule) <= set("|-: ")
    assert [cell.strip() for cell in heading.strip("|").split("|")][2:] == expected_heading()
    assert [[cell.strip() for cell in row.strip("|").split("|")] for row in rows] == expected_rows("n/a")


def test_latex_reads_back(run):
    text = run(numbered(), "--format", "latex")
    assert text.startswith("%") and EXPLAINED in text
    tables = re.findall(r"\\begin\{tabular\}\{(.*?)\}\n(.*?)\\end\{tabular\}", text, re.DOTALL)
    parts = []
    for _, body in tables:
        lines = [line for line in body.splitlines() if line != r"\hline"]
        rows = [[cell.strip() for cell in line.removesuffix(r"\\").split("&")] for line in lines]
        assert r"seg/depth\_2" in rows[1]
        parts.append([row[2:] for row in rows[2:]])
    joined = [sum(pieces, []) for pieces in zip(*parts, strict=True)]
    assert joined == [row[2:] for row in expected_rows("n/a")]


@pytest.mark.skipif(not shutil.which("pdflatex"), reason="pdflatex is not installed")
@pytest.mark.parametrize("flag", [[], ["--compare_paper"]])
def test_latex_compiles_within_its_width(run, tmp_path, flag):
    contents = report_of(as_published, ("seg", "sn", "depth", "a_b"))
    run(contents, "--format", "latex", "--out", str(tmp_path / "t.tex"), *flag)
    document = r"\documentclass{article}\textwidth=16cm\begin{document}\input{t.tex}\end{document}"
    (tmp_path / "d.tex").write_text(document)
    done = subprocess.run(["pdflatex", "-interaction=nonstopmode", "d.tex"], cwd=tmp_path, capture_output=True)
    assert done.returncode == 0 and b"Overfull" not in done.stdout


def test_errors_stand_beside_their_values(run):
    contents = numbered()
    contents["stderr"]["equal_X_epi"]["s30_X_seg_X_sn"] = 0.0124
    frame = pd.read_csv(io.StringIO(run(contents, "--errors")), sep="\t", index_col=["weighting", "metric"])
    assert list(frame.columns[:3]) == ["30: seg/sn", "30: seg/sn se", "30: seg/depth_2"] and frame.shape == (20, 30)
    row = frame.loc[("equal", "EPI-Sim (epi)")]
    assert row["30: seg/sn"] == 0.001 and row["30: seg/sn se"] == 0.012 and pd.isna(row["30: seg/depth_2 se"])
    beside = report_of(as_published)
    beside["stderr"]["equal_X_masked_sals"]["s30_X_seg_X_sn"] = 0.0124
    found, _ = comparison(run(beside, "--compare_paper", "--errors"))
    assert found.loc[("equal", "MCSS", "30"), "seg/sn: se"] == 0.012


def test_help_explains_the_weightings(run_script):
    done = run_script("json2tab.py", "--help")
    assert done.returncode == 0 and "--layer_method five_zeros" in done.stdout and "--errors" in done.stdout


def test_the_published_table_is_copied_right(shared):
    text = (shared / "PAPER.md").read_text().partition("### Co-training")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"]
    published, found = published_similarity(), 0
    sets: list[str] = []
    for weighting, metric, *cells in rows:
        if weighting == "weighting":
            sets = [cell.partition(":")[0] for cell in cells if ":" in cell]
        elif metric in METRICS:
            ours = [published.loc[(weighting, metric, chosen), pair] for chosen in sets for pair in PAIRS]
            assert [f"{value:.3f}" for value in ours] == cells
            found += len(cells)
    assert found == published.size == 240


def test_out_is_written_and_nothing_printed(run, tmp_path):
    out = tmp_path / "new" / "table.tsv"
    assert run(numbered(), "--out", str(out)) == ""
    assert out.read_text() == run(numbered())
    assert [path.name for path in out.parent.iterdir()] == ["table.tsv"]


@pytest.mark.parametrize(
    ("contents", "flags", "named"),
    [
        ("{", [], "similarity.json: not JSON"),
        ('{"schema": 1}', [], "similarity.json"),
        (report_of(as_published, dataset="sample"), ["--compare_paper"], "this file holds sample with seg, sn"),
        (report_of(as_published, ("seg", "sn")), ["--compare_paper"], "nyuv2 with the tasks seg, sn, depth"),
        (report_of(as_published, sparsities=(60,)), ["--compare_paper"], "--sparsities 30,50,70,90"),
        (report_of(as_published), ["--format", "html"], "--format"),
        (report_of(as_published), ["--out", "similarity.json/t.tsv"], "--out"),
        (report_of(as_published), ["--out", "."], "--out: . is a folder"),
    ],
)
def test_mistakes_are_named_and_nothing_is_written(run, tmp_path, monkeypatch, contents, flags, named):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError) as caught:
        run(contents, *([] if "--out" in flags else ["--out", "new/folder/t.tsv"]), *flags)
    assert named in str(caught.value) and "\n" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["similarity.json"]


def test_results_of_a_data_set_are_found(monkeypatch, capsys, tmp_path):
    for folder, pair in (("sample", "a/b"), ("mine", "c/d")):
        (tmp_path / "results" / folder).mkdir(parents=True)
        contents = report_of(lambda *_: 0.5, pair.split("/"), (50,), folder)
        (tmp_path / "results" / folder / "similarity.json").write_text(json.dumps(contents))
    (tmp_path / "own.yaml").write_text("extends: sample\nname: mine\n")
    monkeypatch.chdir(tmp_path)
    for flags, pair in (([], "a/b"), (["--dataset", "mine"], "c/d"), (["--dataset", "own.yaml"], "c/d")):
        monkeypatch.setattr(sys, "argv", ["json2tab.py", *flags])
        json2tab.main()
        assert f"50: {pair}" in capsys.readouterr().out


def test_a_missing_file_is_one_line_and_status_2(run_script):
    done = run_script("json2tab.py")
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.count("\n") == 1 and "results/sample/similarity.json: no such file" in done.stderr


def test_a_reader_that_goes_away_causes_no_traceback(tmp_path):
    tasks = [f"task{i}" for i in range(30)]
    (tmp_path / "x.json").write_text(json.dumps(report_of(lambda *_: 0.5, tasks)))
    command = f'"{sys.executable}" "{json2tab.__file__}" x.json | head -c 100'
    done = subprocess.run(command, shell=True, cwd=tmp_path, capture_output=True, text=True)
    assert len(done.stdout) == 100 and done.stderr == ""
