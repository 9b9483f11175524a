"""``--precision auto``: the quicker one is taken, said and kept. Times are given, but for one real batch."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from conftest import Script, tiny
from small_training import setup_for

from runtime import precision
from runtime.precision import KEPT, machine_name, seconds_of_batch
from runtime.setup import Setup

Take = Callable[..., list[str]]


@pytest.fixture
def take(monkeypatch: pytest.MonkeyPatch) -> Take:
    """Seconds of each precision, from now on; returns the list of those that will be measured."""

    def times(**seconds: float | Exception) -> list[str]:
        measured: list[str] = []

        def timed(setup: Setup, name: str) -> float:
            measured.append(name)
            found = seconds[name]
            if isinstance(found, Exception):
                raise found
            return found

        monkeypatch.setattr(precision, "seconds_of_batch", timed)
        return measured

    return times


def auto(rooms: Path, dest: Path, *more: str) -> Setup:
    return setup_for(rooms, dest, "--precision", "auto", *more)


@pytest.mark.parametrize(("fp32", "bf16", "taken"), [(1.0, 0.6, "bf16"), (1.0, 1.5, "fp32"), (1.0, 1.0, "fp32")])
def test_the_quicker_one_is_taken_and_said(
    rooms: Path, tmp_path: Path, take: Take, capsys: pytest.CaptureFixture, fp32: float, bf16: float, taken: str
) -> None:
    take(fp32=fp32, bf16=bf16)
    setup = auto(rooms, tmp_path)
    assert setup.runtime.precision == setup.flags.precision == taken, "commands that a user may run next name it too"
    said = capsys.readouterr().err
    assert f"--precision auto: {taken}; a batch takes {fp32:.3g} s in fp32, {bf16:.3g} s in bf16" in said
    assert machine_name(torch.device("cpu")) in said and f"kept in {tmp_path / KEPT}" in said


def test_the_answer_is_kept_for_this_machine_and_this_work(
    rooms: Path, tmp_path: Path, take: Take, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    take(fp32=1.0, bf16=0.5)
    assert auto(rooms, tmp_path).runtime.precision == "bf16"
    measured = take(fp32=0.5, bf16=1.0)
    assert auto(rooms, tmp_path).runtime.precision == "bf16" and measured == []
    assert f"measured before, {tmp_path / KEPT}" in capsys.readouterr().err
    assert auto(rooms, tmp_path, "--set", "data.crop=32").runtime.precision == "fp32", "other work"
    monkeypatch.setattr(precision, "machine_name", lambda where: "another")
    assert auto(rooms, tmp_path).runtime.precision == "fp32" and measured == ["fp32", "bf16"] * 2
    kept = json.loads((tmp_path / KEPT).read_text())["measured"]
    assert [one["taken"] for one in kept] == ["bf16", "fp32", "fp32"], "what was known stays"


def test_a_damaged_file_is_measured_anew(rooms: Path, tmp_path: Path, take: Take) -> None:
    tmp_path.joinpath(KEPT).write_text('{"schema": 1, "measured": [')
    measured = take(fp32=1.0, bf16=0.5)
    assert auto(rooms, tmp_path).runtime.precision == "bf16" and measured == ["fp32", "bf16"]
    assert json.loads((tmp_path / KEPT).read_text())["measured"]


def test_a_dry_run_measures_and_keeps_nothing(run_script: Script, rooms: Path, tmp_path: Path, take: Take) -> None:
    take(fp32=1.0, bf16=0.5)
    flags = [*tiny(rooms), "--device", "cpu", "--precision", "auto", "--dest", tmp_path / "out", "--tasks", "edge"]
    table = ["--table", "sparsity", "--methods", "baseline", "--max_iters", "1", "--dry_run"]
    result = run_script("reproduce_tables.py", *flags, *table)
    assert result.returncode == 0, result.stderr
    assert "--precision auto: bf16" in result.stderr and "kept" not in result.stderr
    assert "--precision bf16" in result.stdout and "auto" not in result.stdout, "every run is told the same one"
    assert not (tmp_path / "out").exists()


def test_where_bf16_does_not_run_it_is_fp32(
    rooms: Path, tmp_path: Path, take: Take, capsys: pytest.CaptureFixture
) -> None:
    take(fp32=1.0, bf16=RuntimeError("Current CUDA Device does not support bfloat16."))
    assert auto(rooms, tmp_path).runtime.precision == "fp32"
    assert "1 s in fp32 (" in (said := capsys.readouterr().err) and "it has no other" in said
    take(fp32=RuntimeError("out of memory"), bf16=0.1)
    with pytest.raises(RuntimeError, match="out of memory"):
        auto(rooms, tmp_path / "other")


@pytest.mark.parametrize(
    ("flags", "feature"),
    [("avx2 avx512f avx512_bf16 amx_bf16", "amx_bf16"), ("avx2 avx512f avx512_bf16", "avx512_bf16"), ("fpu", "")],
)
def test_the_machine_is_named_with_what_it_has_for_bf16(
    monkeypatch: pytest.MonkeyPatch, flags: str, feature: str
) -> None:
    monkeypatch.setattr(precision, "_cpu_facts", lambda: {"model name": "Some CPU", "flags": flags})
    named = machine_name(torch.device("cpu"))
    assert named.startswith(f"Some CPU, {feature}, " if feature else f"Some CPU, {torch.get_num_threads()} threads")
    monkeypatch.setattr(precision, "_cpu_facts", dict)
    assert f"{torch.get_num_threads()} threads, torch {torch.__version__}" in machine_name(torch.device("cpu"))


def test_a_real_batch_takes_time_in_both(rooms: Path, tmp_path: Path) -> None:
    setup = setup_for(rooms, tmp_path, "--tasks", "edge", "--set", "model.backbone=small_networks:few_layers")
    for name in precision.CANDIDATES["cpu"]:
        assert 0 < seconds_of_batch(setup, name) < 60
    assert setup.runtime.precision == "fp32", "the setup stays as it is"
