"""The YAML that settings are read from, with either of PyYAML's parsers."""

import math
from collections.abc import Iterator

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from configs import UserError, strict_yaml
from configs.strict_yaml import FLOAT, parse

LOADERS = [yaml.SafeLoader, *([yaml.CSafeLoader] if yaml.__with_libyaml__ else [])]


@pytest.fixture(params=LOADERS, ids=lambda loader: loader.__name__)
def loader(request: pytest.FixtureRequest) -> Iterator[None]:
    before, strict_yaml.LOADER = strict_yaml.LOADER, request.param
    yield
    strict_yaml.LOADER = before


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None), ("# nothing", None), ("~", None), ("null", None), ("true", True), ("False", False),
        ("9223372036854775807", 2**63 - 1),
        ("12", 12), ("-3", -3), ("+0", 0), ("1.5", 1.5), ("1e-3", 1e-3), ("1.0e+3", 1000.0), (".5", 0.5), ("5.", 5.0),
        (".inf", math.inf), ("-.INF", -math.inf), ("'1_000'", "1_000"), ('"on"', "on"), ("2020-13-45", "2020-13-45"),
        ("1e", "1e"), ("1.2.3", "1.2.3"), ("089", "089"), ("0o17", "0o17"), ("a:b", "a:b"), ("=", "="), ("<<", "<<"),
        ("[1, [], {}]", [1, [], {}]), ("{a: 1, 2: b}", {"a": 1, 2: "b"}), ("a: |\n x\n y\n", {"a": "x\ny\n"}),
        ("[&a {b: [1]}, *a]", [{"b": [1]}, {"b": [1]}]), ("{a: &a 5, b: *a}", {"a": 5, "b": 5}),
        ("{a: &a {x: 1, y: 2}, b: {y: 3, <<: *a}}", {"a": {"x": 1, "y": 2}, "b": {"x": 1, "y": 3}}),
        ("{a: &a {x: 1}, b: &b {x: 2, y: 2}, c: {<<: [*a, *b]}}",
         {"a": {"x": 1}, "b": {"x": 2, "y": 2}, "c": {"x": 1, "y": 2}}),
    ],
)  # fmt: skip
def test_plain_values(loader: None, text: str, value: object) -> None:
    found = parse(text, "here")
    assert found == value and type(found) is type(value)


def test_not_a_number(loader: None) -> None:
    assert math.isnan(parse(".NaN", "here"))


@pytest.mark.parametrize(
    "text", ["yes", "No", "ON", "off", "010", "-07", "0x10", "0b1", "1_0", "1_0.5", "1:30", "1:30.5", "-1:0:0"]
)
def test_what_versions_of_yaml_read_differently_is_refused(loader: None, text: str) -> None:
    for whole, place in ((text, "here"), (f"a: [{text}]", "here: a.0"), (f"a: 1\nb: {text}", "here: b: line 2")):
        with pytest.raises(UserError, match=f"^{place}: '{text}' is .*quotes"):
            parse(whole, "here")


def test_an_alias_is_a_copy(loader: None) -> None:
    found = parse("[&a {b: [1]}, *a]", "here")
    assert found[0] is not found[1] and found[0]["b"] is not found[1]["b"]


def test_aliases_are_counted_as_what_they_stand_for(loader: None) -> None:
    hundred = "&a [" + "1, " * 99 + "]"  # 100 values, and 100 for each alias
    assert len(parse(f"[{hundred}{', *a' * 198}]", "here")) == 199
    with pytest.raises(UserError, match="more than 20,000 values"):
        parse(f"[{hundred}{', *a' * 199}]", "here")


def test_the_depth_that_is_read(loader: None) -> None:
    assert parse("[" * 25 + "]" * 25, "here") is not None
    for text in ("[" * 26 + "]" * 26, "- " * 26 + "1", "[" * 5000):
        with pytest.raises(UserError, match="levels deep|nesting"):
            parse(text, "here")
    # Anchors that stand for anchors get as deep without any brackets in one another.
    links = ", ".join(f"&a{n} [*a{n - 1}]" for n in range(1, 30))
    with pytest.raises(UserError, match="levels deep"):
        parse(f"[&a0 1, {links}]", "here")


@settings(max_examples=150, deadline=None)
@given(text=st.text(st.sampled_from("ab01-+.:eE_?!&*<>[]{},'\"\\|%@#~= \n\tNUx\0\ud800\ufeffé"), max_size=40))
def test_any_text_is_a_value_or_one_line(text: str) -> None:
    for chosen in LOADERS:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(strict_yaml, "LOADER", chosen)
            try:
                parse(text, "here")
            except UserError as error:
                assert str(error).startswith("here: ") and str(error).isprintable()


# YAML 1.1 has no numbers such as 1e5, so that PyYAML writes such a text without quotes.
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"])).filter(lambda text: not FLOAT.fullmatch(text))
SCALARS = st.none() | st.booleans() | st.integers(-(2**63) + 1, 2**63 - 1) | st.floats(allow_nan=False) | TEXTS


@settings(max_examples=60, deadline=None)
@given(
    value=st.recursive(
        SCALARS, lambda v: st.lists(v, max_size=3) | st.dictionaries(TEXTS, v, max_size=3), max_leaves=6
    )
)
def test_what_pyyaml_writes_is_read_as_it_was(value: object) -> None:
    for chosen in LOADERS:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(strict_yaml, "LOADER", chosen)
            assert parse(yaml.safe_dump(value, allow_unicode=True), "here") == value
