"""Files that are read and written: whole, checked, and refused in one line."""

import json
import math
import os
from pathlib import Path
from typing import Any, ClassVar

import pytest

from configs import UserError
from reports import files
from reports.files import JsonFile, Value


class Things(JsonFile):
    what: ClassVar[str] = "a list of things"
    writer: ClassVar[str] = "things.py"

    things: list[Value]
    config: dict[str, Any]


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    file = Things(things=[0.1 + 0.2, 1e-300, None], config={"a": [1, {"b": None}]})
    file.write(tmp_path / "x.json")
    assert Things.read(tmp_path / "x.json") == file
    content = json.loads((tmp_path / "x.json").read_text())
    assert content == {"schema": 1, "things": [0.1 + 0.2, 1e-300, None], "config": {"a": [1, {"b": None}]}}
    assert [path.name for path in tmp_path.iterdir()] == ["x.json"]


def test_numbers_that_json_does_not_have_become_null(tmp_path: Path) -> None:
    file = Things(things=[math.nan, -math.inf, 2.0], config={"deep": [math.nan]})
    assert file.things == [None, None, 2.0]
    file.write(tmp_path / "x.json")
    content = json.loads((tmp_path / "x.json").read_text(), parse_constant=pytest.fail)
    assert content["things"] == [None, None, 2.0] and content["config"] == {"deep": [None]}


def test_an_identity_is_kept_where_there_is_one(tmp_path: Path) -> None:
    file = Things(things=[], config={}, identity={"hash": "0123", "settings": {"seed": 0}})
    file.write(tmp_path / "x.json")
    assert Things.read(tmp_path / "x.json").identity == {"hash": "0123", "settings": {"seed": 0}}


def test_keys_of_later_versions_are_left_out() -> None:
    assert Things.parse({"schema": 1, "things": [1], "config": {}, "new": 3}, "x.json").things == [1.0]


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.json"
    Things(things=[1.0], config={}).write(path)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UserError, match="x.json: No space left"):
        Things(things=[2.0], config={}).write(path)
    assert Things.read(path).things == [1.0]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "not JSON, or cut short"),
        ('{"schema": 1, "things": [', "not JSON, or cut short"),
        ("[" * 100_000, "not JSON, or cut short"),
        ("[]", "not a list of things: expected an object"),
        ('{"schema": 2, "things": [], "config": {}}', "schema: version 2 of a list of things, this program reads 1"),
        ('{"schema": "1", "things": [], "config": {}}', "not a list of things: schema"),
        ('{"schema": 1, "config": {}}', "not a list of things: things: missing"),
        ('{"schema": 1, "things": ["much"], "config": {}}', "not a list of things: things.0"),
    ],
)
def test_what_is_no_such_file_is_named_in_one_line(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "x.json"
    path.write_text(text)
    with pytest.raises(UserError) as caught:
        Things.read(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ") and words in message and "things.py writes it anew" in message
    assert Things.read_if_usable(path) is None


def test_what_is_not_a_regular_file_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path, words in ((tmp_path / "pipe", "a FIFO"), (tmp_path, "a folder"), (Path("/dev/zero"), "a device")):
        with pytest.raises(UserError, match=f"{path}: cannot be read: .*{words}"):
            Things.read(path)
    with pytest.raises(UserError, match="no such file; things.py writes it"):
        Things.read(tmp_path / "missing.json")


def test_a_file_that_is_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MOST_BYTES", 100)
    (tmp_path / "x.json").write_text("[" + "1," * 100 + "1]")
    with pytest.raises(UserError, match="more than 100 bytes"):
        Things.read(tmp_path / "x.json")
