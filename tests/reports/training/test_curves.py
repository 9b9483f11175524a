"""The picture of a run, drawn from its log."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from reports.training import curves
from reports.training.curves import draw_curves
from tasks import TASKS
from training.loop.ledger import Entry
from training.loop.log import TrainingLog

TASK = {
    "seg": TASKS["segmentation"](name="seg", channels=17),
    "sn": TASKS["normals"](name="sn", channels=3, weight=20.0),
    "depth": TASKS["depth"](name="depth", channels=1, weight=3.0),
}

MAIN = {name: task.main_metric for name, task in TASK.items()}


def a_run(path: Path, steps: int, validate_every: int = 500) -> None:
    """A made-up log: losses that fall with noise, metrics that improve."""
    rng, log = np.random.default_rng(0), TrainingLog(path, TASK, 0)
    log.begin()
    for i in range(1, steps + 1):
        fall = np.exp(-i / 4000)
        log.add(Entry(i, 1e-3, tuple(float(x) for x in (fall + 0.2) * rng.uniform(0.6, 1.6, 3) * (3, 0.3, 0.8))))
        if i % validate_every == 0:
            better = {"seg": 0.4 * (1 - fall), "sn": 15 + 30 * fall, "depth": 0.5 + fall}
            log.add_results({name: {next(iter(TASK[name].higher_is_better)): value} for name, value in better.items()})
    log.write()


@pytest.mark.parametrize("steps", [1, 7, 5001])
def test_runs_of_any_length_are_drawn(steps: int, tmp_path: Path) -> None:
    a_run(tmp_path / "log.csv", steps)
    draw_curves(tmp_path / "log.csv", tmp_path / "log.png", MAIN, "made up", "val")
    pixels = np.asarray(Image.open(tmp_path / "log.png").convert("L"))
    assert (pixels < 128).mean() > 0.005
    assert (pixels[:, :5] > 250).all() and (pixels[:, -5:] > 250).all(), "nothing is cut off at the sides"


def axes_drawn(path: Path, steps: int, monkeypatch: pytest.MonkeyPatch) -> list:
    """The axes of the picture of a run that validates every 500 steps."""
    kept: list = []
    monkeypatch.setattr(curves, "save_figure", lambda figure, path: kept.append(figure))
    a_run(path, steps)
    draw_curves(path, path.with_suffix(".png"), MAIN, "made up", "val")
    return kept[0].axes


def test_a_single_validation_is_said_and_not_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = (axes_drawn(tmp_path / f"{steps}.csv", steps, monkeypatch) for steps in (600, 1100))
    assert len(one) == 4 and len(two) == 4 + 3  # the sum and the tasks; an axis for each task's metric
    titles = [axes.get_title() for axes in one]
    assert any(title.startswith("sn; val at 500: Angle Mean \N{DOWNWARDS ARROW} ") for title in titles)
    assert "sn" in [axes.get_title() for axes in two]


def test_a_log_without_rows_gives_no_picture(tmp_path: Path) -> None:
    TrainingLog(tmp_path / "log.csv", TASK, 0).begin()
    draw_curves(tmp_path / "log.csv", tmp_path / "log.png", MAIN, "made up", "val")
    assert not (tmp_path / "log.png").exists()


def test_metrics_that_only_rounding_tells_apart_are_level(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = tmp_path / "log.csv"
    log.write_text("iteration,loss,loss_a,a_mae\n1,1,1,0.99999928\n2,1,1,0.99999936\n")
    kept: list = []
    monkeypatch.setattr(curves, "save_figure", lambda figure, path: kept.append(figure))
    draw_curves(log, tmp_path / "log.png", {"a": ("mae", False)}, "made up", "val")
    metric = kept[0].axes[-1]
    low, high = metric.get_ylim()
    assert high - low > 0.01 and low < 0.9999993 < high
