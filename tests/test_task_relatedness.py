"""task_relatedness.py as a user runs it: results, repeated and killed runs, processes, own estimators, mistakes."""

import json
import os
import signal
import subprocess
import sys
import time
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from conftest import REPOSITORY, Script, assert_user_error, tiny
from PIL import Image

from relatedness.registry import DEFAULT
from reports.relatedness.file import RelatednessFile, array, read_relatedness

RUN = ["--num_batches", "2", "--replicates", "2", "--dest", "out", "--tasks", "seg,depth"]
ALL = "seg,sn,depth,keypoint,edge"
THREE = ["--estimators", "snip,gradient_cosine,labels"]


@pytest.fixture
def relatedness(run_script: Script, rooms: Path):
    def run(*arguments: object, **options: bool) -> subprocess.CompletedProcess:
        return run_script("task_relatedness.py", *tiny(rooms), *RUN, *arguments, **options)

    return run


def found(folder: Path) -> RelatednessFile:
    return read_relatedness(folder / "relatedness.json")


def test_a_run_says_everything_and_a_second_one_does_no_work(relatedness, tmp_path: Path) -> None:
    result = relatedness(*THREE, "--tasks", ALL)
    assert result.returncode == 0, result.stderr
    report = found(tmp_path / "out")
    assert report.tasks == ["seg", "sn", "depth", "keypoint", "edge"] and report.replicates == 2
    assert list(report.estimators) == ["snip", "gradient_cosine", "labels"]
    kinds = {"snip": ("init", False), "gradient_cosine": ("init", False), "labels": ("labels", True)}
    for name, (needs, directed) in kinds.items():
        entry = report.estimators[name]
        assert (entry.needs, entry.directed, entry.sensitivity is not None) == (needs, directed, True)
        values = array(entry.values)
        assert values.shape == array(entry.floor).shape == (2, 5, 5) and array(entry.ceiling).shape == (2, 5)
        assert np.isnan(values[:, range(5), range(5)]).all()
        assert np.array_equal(values, values.transpose(0, 2, 1), equal_nan=True) is not directed
    assert report.estimators["labels"].sensitivity > 2
    assert report.estimators["snip"].cost.backward_passes == 2 * 2 * 15
    assert len(report.estimators["gradient_cosine"].by_layer.layers) == 20
    assert len(report.identity) == 6
    with Image.open(tmp_path / "out" / "relatedness.png") as picture:
        assert picture.width > 1500
    for words in ("snip: from networks at initialisation", "[ceiling]", "helped most", "60 backwards", "0 of 6 est"):
        assert words in result.stdout, result.stdout
    again = relatedness(*THREE, "--tasks", ALL)
    assert "6 of 6 estimates kept" in again.stdout
    assert found(tmp_path / "out").estimators == report.estimators


def test_snip_says_what_static_similarity_says(run_script: Script, relatedness, rooms: Path, tmp_path: Path) -> None:
    relatedness("--estimators", "snip", "--tasks", ALL)
    values = array(found(tmp_path / "out").estimators["snip"].values)
    for replicate in range(2):
        one = ["--seed", replicate, "--num_seeds", 1, "--num_batches", 2, "--dest", tmp_path / f"static{replicate}"]
        assert run_script("static_similarity.py", *tiny(rooms), *one).returncode == 0
        table = json.loads((tmp_path / f"static{replicate}" / "similarity.json").read_text())["table"]
        for (a, first), (b, second) in combinations(enumerate(ALL.split(",")), 2):
            assert values[replicate, a, b] == table["equal_X_masked_sals"][f"s50_X_{first}_X_{second}"]


def test_only_what_a_change_affects_is_estimated_again(relatedness, tmp_path: Path) -> None:
    relatedness(*THREE)
    before = found(tmp_path / "out").estimators
    assert "4 of 6 estimates kept" in relatedness(*THREE, "--set", "relatedness.labels.stride=20").stdout
    after = found(tmp_path / "out").estimators
    assert after["snip"] == before["snip"] and after["labels"] != before["labels"]
    assert "6 of 9 estimates kept" in relatedness(*THREE, "--replicates", 3).stdout
    assert found(tmp_path / "out").estimators["snip"].values[:2] == before["snip"].values
    assert "2 of 2" in relatedness("--estimators", "labels").stdout, "whatever else is estimated"
    assert "0 of 2" in relatedness("--estimators", "labels", "--force_run").stdout
    assert "0 of 2" in relatedness("--estimators", "labels", "--num_batches", 3).stdout


def test_estimates_that_a_narrower_call_leaves_out_are_kept_and_it_says_how_to_get_them_back(
    relatedness, tmp_path: Path
) -> None:
    assert "Estimated by earlier calls" not in relatedness("--estimators", "snip,labels").stdout
    narrow = relatedness("--estimators", "labels").stdout
    assert "and not in relatedness.json now: snip; name these too" in narrow
    assert list(found(tmp_path / "out").estimators) == ["labels"]
    back = relatedness("--estimators", "snip,labels").stdout
    assert "4 of 4 estimates kept" in back and "Estimated by earlier calls" not in back


def test_without_controls_there_is_no_floor(relatedness, tmp_path: Path) -> None:
    result = relatedness("--estimators", "snip", "--no_controls")
    assert result.returncode == 0, result.stderr
    entry = found(tmp_path / "out").estimators["snip"]
    assert entry.floor is entry.ceiling is entry.sensitivity is None
    assert entry.cost.backward_passes == 2 * 2 * 2
    assert "what these values are worth on this data is not known" in result.stdout


def test_by_default_networks_are_looked_at_after_a_warm_up(relatedness, tmp_path: Path) -> None:
    result = relatedness("--warmup", 2, "--replicates", 1)
    assert result.returncode == 0, result.stderr
    estimators = found(tmp_path / "out").estimators
    assert list(estimators) == list(DEFAULT)
    assert estimators["joint_alignment"].needs == "warm" and estimators["labels"].needs == "labels"
    for words in ("after a short joint training", "One replicate only", "Recommendation"):
        assert words in result.stdout
    assert f"2 of {len(estimators)} estimates kept" in relatedness("--warmup", 3, "--replicates", 1).stdout


def test_replicates_are_added_until_the_order_is_settled(relatedness, tmp_path: Path) -> None:
    settle = ["--estimators", "labels,snip", "--until_settled", "--replicates", 9]
    result = relatedness(*settle)
    assert result.returncode == 0, result.stderr
    report = found(tmp_path / "out")
    assert report.replicates == 4 and len(report.identity) == 8 and "8 estimates" not in result.stderr
    assert report.settling is not None and report.settling.settled and report.settling.most == 9
    assert "Settled after 4 replicates of at most 9: the order, by labels. " in result.stdout
    assert "8 of 8 estimates kept" in relatedness(*settle).stdout, "and in a second run after as many"
    blind_first = ["--estimators", "snip,labels", "--until_settled", "grouping", "--replicates", 4]
    result = relatedness(*blind_first)
    assert "Not settled within 4 replicates: the grouping, by labels. " in result.stdout
    assert "8 of 8 estimates kept" in result.stdout


OWN = """
from typing import ClassVar
import numpy as np
from relatedness.base import Estimator

class Length(Estimator):
    "How long the name of a partner is."
    needs: ClassVar = ("labels",)
    directed: ClassVar = True
    factor: float = 1.0

    def estimate(self, study):
        lengths = [self.factor * len(role.task.name) for role in study.roles]
        return np.tile(lengths, (len(lengths), 1))
"""


def test_batches_are_doubled_where_nothing_tells_a_twin_from_noise(relatedness, tmp_path: Path) -> None:
    (tmp_path / "own_lengths.py").write_text(OWN)
    blind = ["--estimators", "own_lengths:Length", "--until_settled", "--num_batches", 1]
    result = relatedness(*blind, "--replicates", 13)
    assert result.returncode == 0, result.stderr
    report = found(tmp_path / "out")
    assert report.settling is not None and report.settling.most == 13 and not report.settling.settled
    looks = [(look.num_batches, look.replicates) for look in report.settling.looks]
    assert looks == [(1, 4), (2, 4)], "4 of 1 leave 9 batches: 4 of 2, and too few for 4 of 4"
    assert (report.num_batches, report.replicates) == (2, 4)
    assert "were doubled from 1 to 2, within as many batches in all" in result.stdout
    assert "4 of 4 estimates kept" in relatedness(*blind, "--replicates", 13).stdout
    result = relatedness(*blind, "--replicates", 11)
    assert found(tmp_path / "out").replicates == 11 and "doubled" not in result.stdout, "7 batches are too few"


def test_a_fourth_estimator_is_one_file_and_one_entry(relatedness, tmp_path: Path) -> None:
    (tmp_path / "own_lengths.py").write_text(OWN)
    own = "own_lengths:Length"
    result = relatedness("--estimators", f"labels,{own}", "--set", f"relatedness.{own}.factor=2")
    assert result.returncode == 0, result.stderr
    entry = found(tmp_path / "out").estimators[own]
    assert entry.values[0] == [[None, 10], [6, None]] and entry.options["factor"] == 2
    assert "seg   is helped most by: depth 10.000" in result.stdout
    (tmp_path / "own_lengths.py").write_text(OWN + "# other code\n")
    again = relatedness("--estimators", f"labels,{own}", "--set", f"relatedness.{own}.factor=2")
    assert "2 of 4 estimates kept" in again.stdout, "another estimator, other estimates"


def test_what_cannot_be_had_is_left_out_with_a_reason_unless_it_was_named(relatedness, tmp_path: Path) -> None:
    result = relatedness("--num_batches", 4)
    assert result.returncode == 0, result.stderr
    assert "labels is left out: it needs training pictures" in result.stdout
    report = found(tmp_path / "out")
    assert "dominance" in report.estimators and "labels" in report.left_out
    assert not report.estimators.keys() & report.left_out.keys()
    named = relatedness("--num_batches", 4, "--estimators", "labels")
    assert_user_error(named, "labels", "--num_batches", "8 pictures")
    named = relatedness("--num_batches", 1, "--estimators", "gradient_cosine")
    assert_user_error(named, "gradient_cosine", "2 or more")


def test_killed_a_run_loses_one_replicate_at_most(rooms: Path, tmp_path: Path, run_script: Script) -> None:
    flags = [*tiny(rooms), *THREE, "--num_batches", "2", "--tasks", "seg,depth", "--dest", str(tmp_path / "out")]
    command = [sys.executable, str(REPOSITORY / "task_relatedness.py"), *flags, "--replicates", "40"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
    kept, deadline = tmp_path / "out" / "relatedness", time.monotonic() + 120
    while not list(kept.glob("labels_replicate1_*.npz")) and time.monotonic() < deadline:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=60)
    finished = len(list(kept.glob("*.npz")))
    assert 6 <= finished < 120 and not (tmp_path / "out" / "relatedness.json").exists()
    again = run_script("task_relatedness.py", *flags, "--replicates", "2")
    assert again.returncode == 0 and "6 of 6 estimates kept" in again.stdout, again.stderr


def test_a_damaged_estimate_is_made_again(relatedness, tmp_path: Path) -> None:
    relatedness("--estimators", "labels")
    file = next((tmp_path / "out" / "relatedness").glob("labels_replicate1_*.npz"))
    file.write_bytes(file.read_bytes()[:100])
    assert "1 of 2 estimates kept" in relatedness("--estimators", "labels").stdout


def test_two_processes_give_what_one_gives(rooms: Path, tmp_path: Path, relatedness) -> None:
    chosen = ["--estimators", "snip,gradient_cosine,labels,gradient_cosine@warm,readout", "--warmup", "2"]
    assert relatedness("--num_batches", 3, *chosen).returncode == 0
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
    command += [str(REPOSITORY / "task_relatedness.py"), *tiny(rooms), *RUN, "--num_batches", "3", *chosen]
    command[command.index("out")] = "two"
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=240, env=environment)
    assert result.returncode == 0, result.stderr
    assert result.stdout.count("snip: from networks") == 1
    one, two = (found(tmp_path / name).estimators for name in ("out", "two"))
    for name, entry in one.items():
        for part in ("values", "floor", "ceiling"):
            np.testing.assert_allclose(
                array(getattr(two[name], part)), array(getattr(entry, part)), atol=1e-3, err_msg=f"{name} {part}"
            )
        assert two[name].cost.backward_passes == entry.cost.backward_passes


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--estimators", "spam"], ["--estimators", "spam", "labels"]),
        (["--estimators", "snip,snip"], ["--estimators", "once"]),
        (["--tasks", "seg"], ["--tasks", "two or more"]),
        (["--replicates", "0"], ["--replicates", "'0'"]),
        (["--warmup", "x"], ["--warmup", "'x'"]),
        (["--until_settled", "groups"], ["--until_settled", "grouping"]),
        (["--until_settled", "--no_controls"], ["--until_settled", "--no_controls"]),
        (["--num_batches", "1", "--set", "data.batch_size=1"], ["--num_batches", "--no_controls"]),
        (["--set", "relatedness.snip.spam=1"], ["sample.yaml", "relatedness.snip.spam"]),
        (["--estimators", "snip", "--set", "relatedness.snip.sim_method=spam"],
         ["relatedness.snip.sim_method", "spam", "masked_sals"]),
        (["--set", "scoring.relatedness_batches=0"], ["scoring.relatedness_batches"]),
    ],
)
def test_a_mistake_is_one_line_and_status_2(
    relatedness, tmp_path: Path, arguments: list[str], words: list[str]
) -> None:
    assert_user_error(relatedness(*arguments), *words)
    assert not list(tmp_path.rglob("relatedness.json"))


def test_help_comes_without_torch() -> None:
    script = str(REPOSITORY / "task_relatedness.py")
    code = f"import sys, runpy\nsys.argv = [{script!r}, '--help']\nsys.path.insert(0, {str(REPOSITORY)!r})\n"
    code += f"try:\n    runpy.run_path({script!r}, run_name='__main__')\nexcept SystemExit:\n    pass\n"
    code += "assert not {'torch', 'pandas', 'matplotlib', 'scipy'} & sys.modules.keys()\n"
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
