"""The published numbers: every cell of the published tables, and nothing else."""

import math
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from configs import load_config
from reproduce.published import PUBLISHED_METHODS, paper_settings, published_numbers, published_tables
from tasks import TASKS

COLUMNS = {
    "mIoU": "seg mIoU", "pixel acc.": "seg Pixel Acc", "error": "seg err", "seg error": "seg err",
    "angle mean": "sn Angle Mean", "median": "sn Angle Median",
    **{limit: f"sn Angle {limit}" for limit in ("11.25", "22.5", "30", "45")},
    "abs. err.": "depth abs_err", "rel. err.": "depth rel_err", "depth abs.": "depth abs_err",
    "depth rel.": "depth rel_err", **{f"1.25{power}": f"depth sigma_1.25{power}" for power in ("", "^2", "^3")},
    "keypoint": "keypoint err", "edge": "edge err",
}  # fmt: skip
"""The headings of the published tables, in our names."""


def markdown_tables(text: str) -> Iterator[tuple[list[str], list[list[str]]]]:
    """Heading and rows of every table."""
    for block in re.findall(r"(?:^\|.*\n?)+", text, re.MULTILINE):
        lines = block.strip().splitlines()
        heading, _, *rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
        yield heading, rows


def printed(text: str) -> dict[tuple[str, str, str], str]:
    """Every number of the tables: (task, row, metric) -> text; the first heading may name the task of all columns."""
    found = {}
    for heading, rows in markdown_tables(text):
        for row in rows:
            name = row[0].removeprefix("with ").replace("dense baseline", "baseline")
            name = name if name == "baseline" or heading[0] else f"{name}_90"
            for column, number in zip(heading[1:], row[1:], strict=True):
                task, metric = COLUMNS[column].split(" ", 1)
                found[task, name, metric] = number
    return found


@pytest.fixture
def paper(shared: Path) -> str:
    return (shared / "PAPER.md").read_text()


def section(text: str, start: str, end: str | None) -> str:
    begun = text[text.index(start) :]
    return begun[: begun.index(end)] if end is not None else begun


@pytest.mark.parametrize(
    ("table", "dataset", "start", "end"),
    [
        ("cotraining", "nyuv2", "### Co-training", "The report's claim"),
        ("sparsity", "nyuv2", "NYUv2, two tasks:", "Cityscapes:"),
        ("sparsity", "cityscapes", "Cityscapes:", "Tiny-Taskonomy:"),
        ("sparsity", "taskonomy", "Tiny-Taskonomy:", None),
    ],
)
def test_the_numbers_are_those_of_the_paper(paper: str, table: str, dataset: str, start: str, end: str | None) -> None:
    expected = printed(section(paper, start, end))
    numbers = published_numbers(dataset, table)
    assert numbers.keys() == expected.keys()
    for key, number in numbers.items():
        assert f"{number.value:.{number.decimals}f}" == expected[key], key


def test_some_numbers_by_hand() -> None:
    cotraining, sparsity = (published_numbers("nyuv2", table) for table in ("cotraining", "sparsity"))
    assert vars(cotraining["sn", "seg", "Angle Mean"]) == {"value": 17.49, "scale": 1, "decimals": 2}
    assert vars(sparsity["seg", "disparse_pt_90", "mIoU"]) == {"value": 29.45, "scale": 100, "decimals": 2}
    assert vars(sparsity["sn", "baseline", "Angle 30"]) == {"value": 86.33, "scale": 1, "decimals": 2}
    assert published_numbers("cityscapes", "sparsity")["depth", "baseline", "abs_err"].decimals == 3


@pytest.mark.parametrize("table", ["cotraining", "sparsity"])
@pytest.mark.parametrize("dataset", ["nyuv2", "cityscapes", "taskonomy"])
def test_every_number_is_a_metric_of_ours_and_a_share_only_where_ours_is(dataset: str, table: str) -> None:
    tasks = load_config(dataset).tasks
    for (task, row, metric), number in published_numbers(dataset, table).items():
        assert metric in TASKS[tasks[task].kind].higher_is_better
        assert math.isfinite(number.value)
        percent = table == "sparsity" and metric in ("mIoU", "Pixel Acc")
        assert number.scale == (100 if percent else 1)
        assert row in ([f"{method}_90" for method in PUBLISHED_METHODS] + ["baseline"] + list(tasks))


def test_what_is_published_for_which_data_set() -> None:
    assert published_tables("nyuv2") == ["similarity", "cotraining", "sparsity"]
    assert published_tables("cityscapes") == published_tables("taskonomy") == ["sparsity"]
    assert published_tables("sample") == published_tables("mine") == []
    assert published_numbers("mine", "sparsity") == published_numbers("cityscapes", "cotraining") == {}


def test_settings_of_the_published_tables_name_tasks_of_their_data_sets() -> None:
    for dataset in ("nyuv2", "cityscapes", "taskonomy"):
        for table in published_tables(dataset):
            assert set(paper_settings(dataset, table).tasks) <= set(load_config(dataset).tasks)
    assert paper_settings("nyuv2", "similarity").num_batches == 50
    assert paper_settings("nyuv2", "similarity").num_seeds == 4
    default = paper_settings("mine", "similarity")
    assert (default.num_batches, default.num_seeds, default.overrides) == (5, 5, ())
