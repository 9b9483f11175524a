"""Settings that nobody in good faith would write: each ends in one line that names the file or flag and the key."""

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from configs import Config, UserError, load_config

MINIMAL = """
data: {dataset: nyuv2, crop: 32, batch_size: 2}
tasks: {seg: {kind: segmentation, channels: 40}}
train: {max_iters: 10, lr: 1.0e-3}
"""
TRILLION = "1000000000000"
BOMB = "a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n" + "".join(
    f"{new}: &{new} [{', '.join(['*' + old] * 10)}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)

Write = Callable[..., str]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(text: str, name: str = "my.yaml") -> str:
        (tmp_path / name).write_text(text, encoding="utf-8")
        return str(tmp_path / name)

    return write


def refusal(path: str, *overrides: str) -> str:
    """The one line with which settings are refused."""
    with pytest.raises(UserError) as caught:
        load_config(path, list(overrides))
    line = str(caught.value)
    assert line.isprintable() and len(line) <= 2100
    return line


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("crop: 32", "crop: 2020-13-45", ["data.crop", "2020-13-45"]),
        ("crop: 32", "crop: 0x_", ["data.crop", "0x_"]),
        ("crop: 32", "crop: 0b_", ["data.crop", "0b_"]),
        ("crop: 32", "crop: !!int abc", ["data.crop", "line 2", "tag"]),
        ("crop: 32", "crop: !!float abc", ["data.crop", "tag"]),
        ("crop: 32", "crop: !!bool abc", ["data.crop", "tag"]),
        ("crop: 32", "crop: !!timestamp abc", ["data.crop", "tag"]),
        ("crop: 32", "crop: 32, options: !!set {a}", ["data.options", "tag"]),
        ("crop: 32", "crop: 32, options: !!omap [a: 1]", ["data.options", "tag"]),
        ("crop: 32", "crop: 32, root: !!binary YQ==", ["data.root", "tag"]),
        ("nyuv2", "!!python/name:os.system", ["data.dataset", "tag"]),
        ("crop: 32", f"crop: {'9' * 5000}", ["data.crop", "5,000 characters", "100"]),
        ("channels: 40", "channels: 40, ignore_index: 9223372036854775808", ["tasks.seg.ignore_index", "64 bits"]),
        ("crop: 32", f"crop: {'[' * 3000}", ["my.yaml"]),
        ("crop: 32", f"crop: 32, options: {'{a: ' * 500}1{'}' * 500}", ["data.options", "24 levels"]),
        ("\ndata", f"\n{BOMB}data", ["20,000 values"]),
        ("crop: 32", "crop: &a [*a]", ["data.crop", "'*a'"]),
        ("crop: 32", "crop: 32, options: &a {b: {<<: *a}}", ["data.options.b", "'*a'"]),
        ("crop: 32", "crop: *nothing", ["data.crop", "&nothing"]),
        ("crop: 32", "crop: 32, options: {<<: 3}", ["data.options.<<", "mapping"]),
        ("crop: 32", "crop: 32, crop: 33", ["data.crop: line 2", "twice"]),
        ("\ntrain", "\ndata: {}\ntrain", ["my.yaml: data: line 4", "twice", "line 2"]),
        ("\ntrain", '\nscoring: {keep_ratios: {static: {30: 0.5, "30": 0.6}}}\ntrain', ["static.30", "twice"]),
        ("\ndata", "\nsource: x\ndata", ["my.yaml: source: unknown key"]),
        ("nyuv2", r'"a\0b"', ["data.dataset", r"\x00"]),
        ("crop: 32", r'crop: 32, root: "a\0b"', ["data.root", r"\x00"]),
        ("nyuv2", r'"\ud800"', ["my.yaml"]),
        ("nyuv2", r'"\UFFFFFFFF"', ["my.yaml"]),
        ("nyuv2", r'"\e[31m"', ["data.dataset", r"\x1b"]),
        ("crop: 32", "crop: 32, [a, b]: 1", ["my.yaml: data", "key"]),
        ("crop: 32", "crop: 32, ? {a: b} : 1", ["my.yaml: data", "key"]),
        ("crop: 32", "crop: 32, ~: 1", ["my.yaml: data", "'~'"]),
        ("crop: 32", "crop: 32, 1.5: 1", ["my.yaml: data", "'1.5'"]),
        ("crop: 32", "crop: 32, 5: 6", ["my.yaml: data.5"]),
        ("crop: 32", "crop: 32, on: 1", ["my.yaml: data.on", "quotes"]),
        ("crop: 32", "crop: 1:30", ["data.crop", "'1:30'", "quotes"]),
        ("crop: 32", "crop: 1_000", ["data.crop", "'1_000'"]),
        ("crop: 32", "crop: 010", ["data.crop", "'010'"]),
        ("batch_size: 2", "batch_size: on", ["data.batch_size", "'on'"]),
        ("batch_size: 2", "batch_size: true", ["data.batch_size", "not true or false"]),
        ("lr: 1.0e-3", "lr: true", ["train.lr", "not true or false"]),
        ("batch_size: 2", "batch_size: 2, mirror: true", ["data.mirror", "not true or false"]),
        ("lr: 1.0e-3", "lr: 1e999", ["train.lr", "1e999", "1.8e308"]),
        ("lr: 1.0e-3", "lr: 1e300", ["train.lr", "1e38"]),
        ("lr: 1.0e-3", "lr: 1e-300", ["train.lr", "1e-38"]),
        ("lr: 1.0e-3", "lr: .nan", ["train.lr"]),
        ("lr: 1.0e-3", "lr: 1.0e-3, weight_decay: .inf", ["train.weight_decay"]),
        ("batch_size: 2", "batch_size: 2, scale: [1.0e-320, 1]", ["data.scale.0", "1e-38"]),
        ("channels: 40", "channels: 40, weight: 1e300", ["tasks.seg.weight", "1e38"]),
        ("\ndata", "\ndynamic: {erk_power: 1.0e+300}\ndata", ["dynamic.erk_power", "10"]),
        ("crop: 32", f"crop: {TRILLION}", ["data.crop", "100,000"]),
        ("batch_size: 2", f"batch_size: {TRILLION}", ["data.batch_size", "100,000"]),
        ("channels: 40", f"channels: {TRILLION}", ["tasks.seg.channels", "100,000"]),
        ("max_iters: 10", f"max_iters: {TRILLION}", ["train.max_iters", "10,000,000"]),
        ("\ndata", f"\nscoring: {{num_batches: {TRILLION}}}\ndata", ["scoring.num_batches", "10,000,000"]),
        ("\ndata", f"\nscoring: {{batch_size: {TRILLION}}}\ndata", ["scoring.batch_size", "100,000"]),
        ("\ndata", f"\ndynamic: {{chunks: {TRILLION}}}\ndata", ["dynamic.chunks", "100,000"]),
        ("\ndata", f"\nmodel: {{width: {TRILLION}}}\ndata", ["model.width", "100,000"]),
        ("\ndata", f"\nmodel: {{head_channels: {TRILLION}}}\ndata", ["model.head_channels", "100,000"]),
        ("\ndata", f"\nmodel: {{depth: {TRILLION}}}\ndata", ["model.depth", "10,000"]),
        ("\ndata", f"\nmodel: {{rates: [{TRILLION}]}}\ndata", ["model.rates.0", "100,000"]),
        ("\ndata", f"\nmodel: {{rates: [{'1, ' * 5000}]}}\ndata", ["model.rates", "100"]),
        ("\ndata", "\nscoring: {keep_ratios: {static: {300: 0.5}}}\ndata", ["keep_ratios.static.300", "100"]),
        ("{seg:", "{" + "".join(f"t{i}: {{kind: map, channels: 1}}, " for i in range(300)) + "seg:",
         ["tasks", "301", "256"]),
        ("seg:", f"{'s' * 300}:", ["tasks.sss", "100 bytes"]),
        ("\ndata", f"\nname: {'n' * 300}\ndata", ["my.yaml: name", "100 bytes"]),
        ("\ndata", f"\nname: {'é' * 51}\ndata", ["my.yaml: name", "100 bytes"]),
        ("\ndata", "\nname: ..\ndata", ["my.yaml: name"]),
        ("\ntrain", "\n---\ntrain", ["my.yaml: line 4", "second document"]),
        ("\ndata", "\n\tdata", ["my.yaml", "line 2"]),
        ("\ndata", "\nextends: [nyuv2]\ndata", ["my.yaml: extends", "not a name"]),
        ("\ndata", "\nextends: 5\ndata", ["my.yaml: extends", "not a name"]),
        ("\ndata", f"\nextends: {'e' * 5000}.yaml\ndata", ["my.yaml: extends", "too long"]),
        ("\ndata", f"\n{'#' * 300_000}\ndata", ["my.yaml", "262,144 bytes"]),
        ("\ndata", f"\n{'#' * 70_000}\ndata", ["my.yaml", "65,536"]),
    ],
)  # fmt: skip
def test_a_file(write: Write, old: str, new: str, words: list[str]) -> None:
    assert old in MINIMAL
    line = refusal(write(MINIMAL.replace(old, new)))
    assert "my.yaml" in line
    for word in words:
        assert word in line, line


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("source.x=1", ["source", "unknown key"]),
        ("extends.x=1", ["extends", "unknown key"]),
        ("data.crop=2020-13-45", ["data.crop"]),
        ("data.crop=!!python/name:os.system", ["--set: data.crop", "tag"]),
        ("data.crop=0x_", ["--set: data.crop", "0x_"]),
        ("data.crop=1:30", ["--set: data.crop", "1:30"]),
        ("data.crop=" + "9" * 5000, ["--set: data.crop", "5,000"]),
        ("data.crop=" + "[" * 3000, ["--set: data.crop"]),
        ("data.options=&a [*a]", ["--set: data.options.0", "'*a'"]),
        ("data.options={a: 1, a: 2}", ["--set: data.options.a", "twice"]),
        ("data.options=1\n---\n2", ["--set: data.options", "second document"]),
        ("data.crop=" + "x" * 200_000, ["--set: data.crop", "65,536"]),
        ("data.root=a\0b", ["--set", r"\x00"]),
        ("data.root=a\udcffb", ["--set", r"\udcff"]),
        ("data.\ud800=1", ["--set", r"\ud800"]),
        ("data..crop=1", ["--set", "section.key=value"]),
        (".crop=1", ["--set", "section.key=value"]),
        ("data" + ".options" * 5000 + "=1", ["--set: data.options", "24 sections"]),
        ("data.crop.x=1", ["--set: data.crop.x", "'crop' is a value"]),
        (f"train.max_iters={TRILLION}", ["train.max_iters", "10,000,000"]),
        ("train.lr=1e300", ["train.lr", "1e38"]),
    ],
)  # fmt: skip
def test_a_flag(text: str, words: list[str]) -> None:
    line = refusal("nyuv2", text)
    for word in words:
        assert word in line, line


def test_a_chain_of_files_that_extend_one_another(write: Write) -> None:
    write("extends: nyuv2\n", "a0.yaml")
    for number in range(1, 1200):
        write(f"extends: a{number - 1}.yaml\n", f"a{number}.yaml")
    here = Path(write("extends: a14.yaml\n")).parent
    assert "a chain of more than 16 files" in refusal(str(here / "a1199.yaml"))
    assert "a chain of more than 16 files" in refusal(str(here / "my.yaml"))
    assert load_config(str(here / "a14.yaml")).data.crop == (321, 321)


def test_what_is_no_regular_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # the name of a socket has at most 108 bytes
    Path("folder.yaml").mkdir()
    os.mkfifo("pipe.yaml")
    Path("zero.yaml").symlink_to("/dev/zero")  # a link is known by what it leads to
    Path("loop.yaml").symlink_to("loop.yaml")
    Path("dangling.yaml").symlink_to("nowhere")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket.yaml")
        for name, word in (
            ("folder", "a folder"), ("pipe", "a FIFO"), ("zero", "a device"), ("socket", "cannot be read"),
            ("loop", "links"), ("dangling", "no such file"), ("absent", "no such file"),
        ):  # fmt: skip
            line = refusal(f"{name}.yaml")
            assert name in line and word in line
            Path("my.yaml").write_text(f"extends: {name}.yaml\n")
            line = refusal("my.yaml")
            assert name in line and word in line


@pytest.mark.parametrize("name", ["a" * 5000 + ".yaml", "a\0.yaml", "\ud800.yaml", "a" * 100_000, "\ud800", "", "/"])
def test_names_that_no_file_can_have(name: str) -> None:
    assert "--dataset" in refusal(name)


def test_what_is_unusual_and_right(write: Write, tmp_path: Path) -> None:
    file = tmp_path / "bom.yaml"
    file.write_bytes(b"\xef\xbb\xbf" + MINIMAL.replace("\n", "\r\n").encode())
    assert load_config(str(file)).data.crop == (32, 32)
    (tmp_path / "link.yaml").symlink_to(file)
    assert load_config(str(tmp_path / "link.yaml")).name == "bom"
    shared = "{kind: depth, channels: 1}"
    tasks = f"tasks: {{a: &a {shared}, b: *a, c: {{<<: *a, weight: 2}}}}\n"
    path = write(f"{tasks}extends: nyuv2\ntrain: {{max_iters: 1e3}}\n")
    config = load_config(path, ["tasks.a.weight=3", "scoring.keep_ratios.static.30=0.5"])
    assert [task.weight for task in config.tasks.values()] == [3, 1, 2]  # an alias is a copy of its own
    assert (config.train.max_iters, config.scoring.keep_ratios["static"][30]) == (1000, 0.5)
    file.write_bytes(MINIMAL.encode("utf-16"))
    assert "save it as UTF-8" in refusal(str(file))


KEYS = ["data.crop", "data.options", "tasks.seg.weight", "train.lr", "model", "source.x", "scoring.\u2028"]


@settings(max_examples=100, deadline=None)
@given(
    key=st.sampled_from(KEYS),
    value=st.text(st.sampled_from("0123456789abeEfnostuxyINO_.:-+!&*<>[]{},'\"\\|%@#?~= \n\t\0\ud800é"), max_size=30),
)  # fmt: skip
def test_whatever_is_set_gives_settings_or_one_line(key: str, value: str) -> None:
    try:
        assert isinstance(load_config("nyuv2", [f"{key}={value}"]), Config)
    except UserError as error:
        assert str(error).isprintable()
