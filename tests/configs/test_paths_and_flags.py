"""Files appear whole or not at all; flags are checked; a script ends with the right status."""

import argparse
import ast
import shlex
import signal
from pathlib import Path

import pytest
from conftest import REPOSITORY, Script

from configs import UserError, flags
from configs.paths import prepare_folder, replacing, write_text
from configs.plugins import resolve


def test_a_file_is_replaced_only_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_text(path, "first")
    with pytest.raises(KeyboardInterrupt), replacing(path) as temporary:
        temporary.write_text("half")
        raise KeyboardInterrupt
    assert path.read_text() == "first"
    write_text(path, "second")
    assert path.read_text() == "second"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_a_full_disk_leaves_the_old_file_and_is_one_line(tmp_path: Path) -> None:
    write_text(tmp_path / "a.txt", "first")
    with pytest.raises(UserError, match="No space left"), replacing(tmp_path / "a.txt") as temporary:
        raise OSError(28, "No space left on device")
    assert not temporary.exists()
    assert (tmp_path / "a.txt").read_text() == "first"


def test_a_folder_that_cannot_be_written_to(tmp_path: Path) -> None:
    assert prepare_folder(tmp_path / "a" / "b").is_dir()
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="--dump_dir: cannot write to"):
        prepare_folder(tmp_path / "file" / "c", "--dump_dir")


def test_flags_that_every_script_has() -> None:
    arguments = flags.script_parser("").parse_args(
        ["--dataset", "nyuv2", "--data_root", "d", "--tasks", "sn,seg", "--device", "cpu", "--precision", "bf16"]
        + ["--seed", "3", "--num_workers", "0", "--dest", "out", "--set", "data.crop=8", "--set", "train.lr=1"]
    )
    shared = flags.SharedFlags.of(arguments)
    config = shared.settings()
    assert (config.data.root, config.data.crop, config.train.lr) == (Path("d"), (8, 8), 1)
    assert list(config.tasks) == ["sn", "seg"]
    assert shared.destination(config) == Path("out")
    again = flags.script_parser("").parse_args(shared.words())
    assert again == arguments
    assert flags.SharedFlags().words() == []
    assert flags.SharedFlags.of(flags.script_parser("").parse_args([])) == flags.SharedFlags()
    assert shared.command("a.py", "--b c") == shlex.join(["python", "a.py", "--b c", *shared.words()])


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (flags.processes, {"0": 0, "12": 12}, ["-1", "x", "1.5", "", "1001", "9" * 5000]),
        (flags.positive, {"1": 1, "10000000": 10_000_000}, ["0", "-3", "two", "10000001", "1" + "0" * 12]),
        (flags.seed, {"0": 0, "2147483647": 2**31 - 1}, ["-1", "2147483648", "1e3"]),
        (flags.percentage, {"1": 1, "99": 99}, ["0", "100", "9.5", "x", "9" * 5000]),
        (flags.percentages, {"90": (90,), "30, 50": (30, 50)}, ["", "30,30", "0,50", "30;50"]),
    ],
)
def test_kinds_of_flags(kind, good: dict, bad: list[str]) -> None:
    assert {text: kind(text) for text in good} == good
    for text in bad:
        with pytest.raises(argparse.ArgumentTypeError, match="'"):
            kind(text)


def fail_with(error: BaseException) -> None:
    raise error


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (UserError("two\nlines"), 2, "error: two lines\n"),
        (KeyboardInterrupt(), 130, "interrupted; the same command goes on"),
        (KeyboardInterrupt("nothing was written"), 130, "interrupted; nothing was written"),
        (ValueError("a bug"), 1, "Traceback"),
    ],
)
def test_how_a_script_ends(error: BaseException, status: int, words: str, capsys: pytest.CaptureFixture) -> None:
    handler = signal.getsignal(signal.SIGTERM)
    try:
        with pytest.raises(SystemExit) as end:
            flags.run_script(lambda: fail_with(error))
    finally:
        signal.signal(signal.SIGTERM, handler)
    assert end.value.code == status
    assert words in capsys.readouterr().err


def test_names_in_registries_and_in_the_users_modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.path", [*__import__("sys").path])
    (tmp_path / "a_module_of_mine.py").write_text("thing = 5\n")
    (tmp_path / "a_broken_module.py").write_text("import nothing_of_this_name\n")
    assert resolve("x", {"x": 1}, "thing") == 1
    assert resolve("a_module_of_mine:thing", {}, "thing", tmp_path) == 5
    for name, message in (
        ("y", "unknown thing: 'y'; choose from x"),
        (".y:thing", "unknown thing: '.y:thing'; choose from x"),
        ("a_module_of_mine:other", "no attribute 'other'"),
        ("no_such_module_here:thing", "cannot import 'no_such_module_here'"),
        ("a_broken_module:thing", "nothing_of_this_name"),
    ):
        with pytest.raises(UserError, match=message):
            resolve(name, {"x": 1}, "thing", tmp_path)


def test_help_shows_examples_one_a_line_and_every_default_once(
    run_script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    examples = 0
    for script in sorted(REPOSITORY.glob("*.py")):
        said = ast.get_docstring(ast.parse(script.read_text())) or ""
        text = run_script(script.name, "--help").stdout
        for line in (line for line in said.splitlines() if line.startswith("    ")):
            assert f"\n{line}\n" in text, script.name
            examples += 1
        text = " ".join(text.split())
        for words in ("default: None", "default: False", "default: sample (default: sample)"):
            assert words not in text, script.name
        assert script.name != "task_relatedness.py" or "seed of every random generator (default: 0)" in text
    assert examples > 8
