"""Names that mean something to TSV, Markdown or LaTeX stand in tables as they are."""

import pandas as pd
import pytest

from reports.tables import latex, markdown, markdown_text, tsv

NAME = "a|b\t$x$\n*[c]\\"


@pytest.fixture
def table() -> pd.DataFrame:
    index = pd.MultiIndex.from_tuples([(NAME, "m")], names=["weighting", "metric"])
    return pd.DataFrame([["0.500"]], index=index, columns=pd.MultiIndex.from_tuples([("90", NAME)]))


def test_tsv_has_as_many_cells_in_every_line(table: pd.DataFrame) -> None:
    heading, row = (line.split("\t") for line in tsv(table).splitlines())
    assert heading == ["weighting", "metric", r"90: a|b\t$x$\n*[c]\\"]
    assert row == [r"a|b\t$x$\n*[c]\\", "m", "0.500"]


def test_markdown_shows_names_as_text(table: pd.DataFrame) -> None:
    lines = markdown(table).splitlines()
    assert len(lines) == 3
    escaped = r"a\|b \$x\$ \*\[c\]\\"
    assert lines[2].startswith(f"| {escaped} ") and f"90: {escaped} |" in lines[0]


@pytest.mark.parametrize(("name", "source"), [
    ("masked_sals", "masked_sals"), ("__x__", r"\_\_x\_\_"), ("_a b_c_", r"\_a b_c\_"), ("é_é", "é_é"),
    ("*a* `b` ~~c~~", r"\*a\* \`b\` \~\~c\~\~"), ("<b>&amp;", r"\<b>&amp;amp;"), ("[a](b)", r"\[a\](b)"),
    ("a\nb\r\x85\u2028c", "a b   c"), ("", ""),
])  # fmt: skip
def test_markdown_text_is_shown_as_it_is(name: str, source: str) -> None:
    assert markdown_text(name) == source


def test_a_narrow_column_is_one_too() -> None:
    index = pd.MultiIndex.from_tuples([("1",)], names=["a"])
    frame = pd.DataFrame([["7"]], index=index, columns=pd.MultiIndex.from_tuples([("", "b")]))
    assert markdown(frame).splitlines() == ["| a  |  b |", "| -- | -: |", "| 1  |  7 |"]


def test_latex_shows_names_as_text(table: pd.DataFrame) -> None:
    text = latex(table)
    assert r"a\textbar{}b \$x\$ {*}{[}c]\textbackslash{}" in text
    assert not any(line.startswith("[") for line in text.splitlines())
