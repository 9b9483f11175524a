"""The log as tensorboard reads it: the numbers of the CSV log, each once, and a line where tensorboard is missing."""

import sys
from pathlib import Path

import pandas as pd
import pytest
from conftest import Script, assert_user_error, tiny
from small_training import job_for, setup_for, trainer_for

from training.checkpoints import keeping
from training.loop.events import FOLDER, Events
from training.loop.ledger import Entry

pytest.importorskip("tensorboard")
LOGGED = ["train.log=tensorboard", "model.backbone=small_networks:few_layers", "model.rates=[1]"]


def read(folder: Path) -> dict[str, dict[int, float]]:
    """Tag -> step -> number; a step that is there twice is an error."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder), size_guidance={"scalars": 0})
    events.Reload()
    found = {}
    for tag in events.Tags()["scalars"]:
        scalars = events.Scalars(tag)
        found[tag] = {scalar.step: scalar.value for scalar in scalars}
        assert len(found[tag]) == len(scalars), f"{tag} has a step twice"
    return found


def test_what_is_read_is_the_csv_log_also_of_a_run_that_was_stopped(
    rooms: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "draw_curves", lambda *arguments: None)
    setup = setup_for(rooms, tmp_path, "--tasks", "sn,depth", *(w for text in LOGGED for w in ("--set", text)))
    trainer_for(job_for(setup, max_iters=4)).train()
    job = job_for(setup, max_iters=6)
    trainer_for(job, resume=True).train()
    log, found = pd.read_csv(job.log, index_col="iteration"), read(tmp_path / FOLDER / job.name)
    names = {"lr": "lr", "loss/sn": "loss_sn", "loss/depth": "loss_depth"}
    metrics = {f"{task}/{m}": f"{task}_{m}" for task in setup.tasks for m in setup.tasks[task].higher_is_better}
    assert found.keys() == {*names, *metrics} and list(log.index) == [1, 2, 3, 4, 5, 6]
    for tag, column in {**names, **metrics}.items():
        assert found[tag] == pytest.approx(log[column].dropna().to_dict(), rel=1e-6), tag
    assert list(found["depth/abs_err"]) == [3, 4, 6]


def noted(folder: Path, steps: range, start: int) -> None:
    events = Events(folder, "run", ["a"], start)
    for step in steps:
        if step == steps[1]:
            events.begin()  # what was added before waits
        events.add(Entry(step, 0.1, (float(step),)))
    events.flush()


def test_steps_that_are_done_again_are_taken_back_and_a_new_run_begins_anew(tmp_path: Path) -> None:
    noted(tmp_path, range(1, 6), 0)
    noted(tmp_path, range(4, 8), 3)
    assert read(tmp_path / FOLDER / "run")["loss/a"] == {step: step for step in range(1, 8)}
    noted(tmp_path, range(1, 3), 0)
    assert read(tmp_path / FOLDER / "run")["loss/a"] == {1: 1, 2: 2}


def test_without_tensorboard_it_is_one_line_before_any_work(
    run_script: Script, rooms: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    result = run_script("launch_training.py", *tiny(rooms), "--device", "cpu", "--set", "train.log=tensorboard")
    assert_user_error(result, "train.log=tensorboard", "pip install tensorboard")
    assert not list(tmp_path.rglob("*.pth")) and not list(tmp_path.rglob("*.csv"))
