"""Two gloo processes against one, as ``torchrun`` starts them."""

import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from conftest import REPOSITORY
from small_training import assert_same, assert_same_run, job_for, setup_for, short, train

from training.checkpoints import keeping
from training.checkpoints.checkpoint import read_checkpoint
from training.job import Job

HELPER = Path(__file__).with_name("two_processes.py")

# Batch normalisation uses each process's own share of the batch, and dropout numbers of its own: without both, two
# processes do what one does. These maps have no pixel to ignore, so both shares of a batch weigh the same.
PLAIN = """
from torch import nn

def backbone(config):
    net = nn.Sequential(
        nn.Conv2d(3, 8, 5, stride=4, padding=2), nn.ReLU(), nn.Conv2d(8, 16, 3, stride=2, padding=1), nn.ReLU()
    )
    net.out_channels = 16
    return net
"""
SETTINGS = ["model.backbone=plain:backbone", "model.dropout=0", "data.scale=[1.3, 1.3]", "data.batch_size=4"]


def test_two_processes_do_what_one_does(rooms: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "draw_curves", lambda *arguments: None)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "plain.py").write_text(PLAIN)
    flags = [*short(*SETTINGS), "--tasks", "keypoint,edge"]
    two = run_two_processes(rooms, tmp_path / "two", *flags)
    assert two.count("iteration 6:") == 5, "one line for each of the five runs that reached the end"
    setup = setup_for(rooms, tmp_path / "one", *flags)
    other = setup_for(rooms, tmp_path / "two", *flags)
    for method in ("baseline", "disparse_dynamic"):
        train(job_for(setup, method))
        assert_about_the_same(job_for(setup, method), job_for(other, method))
    whole, cut = (setup_for(rooms, tmp_path / "two" / name, "--tasks", "seg,sn") for name in ("whole", "cut"))
    assert_same_run(job_for(whole), job_for(cut))


def run_two_processes(*arguments: object) -> str:
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
    paths = os.pathsep.join([str(REPOSITORY), str(REPOSITORY / "tests")])
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": paths}
    command = [*launcher, str(HELPER), *map(str, arguments)]
    process = subprocess.run(command, capture_output=True, text=True, timeout=200, env=environment)
    assert process.returncode == 0, process.stdout + process.stderr
    return process.stdout


def assert_about_the_same(one: Job, two: Job) -> None:
    """Sums in another order: the weights differ in their last digits, Adam makes a little more of it."""
    mine, theirs = (read_checkpoint(job.final, []) for job in (one, two))
    for name, weight in mine.weights.items():
        assert theirs.weights[name].numpy() == pytest.approx(weight.numpy(), abs=2e-4), name
    assert_same(mine.masks, theirs.masks)
    logs = [pd.read_csv(job.log) for job in (one, two)]
    for column in logs[0]:
        assert logs[1][column].to_numpy() == pytest.approx(logs[0][column].to_numpy(), rel=2e-3, nan_ok=True), column
