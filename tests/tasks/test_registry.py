"""Tasks from settings: kinds, options, class weights, the user's own kinds, and what is wrong with them."""

import os
import threading
from contextlib import suppress

import numpy as np
import pytest
import torch

from configs import UserError, load_config
from tasks import TASKS, build_tasks

SETTINGS = """
data: {{dataset: nyuv2, crop: 32, batch_size: 2}}
train: {{max_iters: 1, lr: 0.1}}
tasks:
  {tasks}
"""

OWN_KIND = """
from tasks import Metrics, Task
from tasks.maps import MapTask

class Heat(MapTask):
    gain: float = 1.0

    def loss(self, prediction, batch):
        return self.gain * super().loss(prediction, batch)

class Unfinished(Task):
    higher_is_better = {"err": False}

class Other:
    pass

def function():
    pass
"""


@pytest.fixture
def build(tmp_path):
    """Build the tasks of a YAML file that has this line under ``tasks``."""

    def from_line(line, root=None):
        path = tmp_path / "mine.yaml"
        path.write_text(SETTINGS.format(tasks=line))
        return build_tasks(load_config(str(path)), root)

    return from_line


@pytest.mark.parametrize("dataset", ["nyuv2", "cityscapes"])
def test_the_settings_that_come_along_build(dataset):
    config = load_config(dataset)
    tasks = build_tasks(config, None)
    assert list(tasks) == list(config.tasks)
    assert [task.weight for task in tasks.values()] == [settings.weight for settings in config.tasks.values()]


def test_taskonomy_reads_its_class_weights_and_a_mask(tmp_path):
    np.save(tmp_path / "semseg_prior_factor.npy", np.arange(1, 18) / 4)
    tasks = build_tasks(load_config("taskonomy"), tmp_path)
    assert tasks["seg"].weights(torch.device("cpu")).tolist() == [n / 4 for n in range(1, 18)]
    assert {name: task.targets for name, task in tasks.items()} == {
        "seg": ("seg",),
        "sn": ("normal",),
        "depth": ("depth", "depth_mask"),
        "keypoint": ("keypoint",),
        "edge": ("edge",),
    }


def test_every_kind_says_which_metrics_are_better_high():
    assert {name: dict(kind.higher_is_better) for name, kind in TASKS.items()} == {
        "segmentation": {
            "mIoU_standard": True, "mIoU": True,
            "Pixel Acc": True, "pixel_acc_valid_pixels": True, "err": False,
        },
        "normals": {
            "Angle Mean": False, "Angle Median": False,
            "Angle 11.25": True, "Angle 22.5": True, "Angle 30": True, "Angle 45": True,
        },
        "depth": {
            "abs_err": False, "rel_err": False, "sigma_1.25": True, "sigma_1.25^2": True, "sigma_1.25^3": True
        },
        "map": {"err": False},
        "classification": {"accuracy": True, "f1": True, "auc": True, "err": False},
        "multilabel": {"auc": True, "f1": True, "accuracy": True, "err": False},
        "regression": {"mae": False, "r2": True},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("seg: {kind: segmentation, channels: 4, ignore: 255}", "tasks.seg.ignore: unknown key"),
        ("seg: {kind: segmentation, channels: 4, ignore_index: many}", r"tasks.seg.ignore_index: .*'many'"),
        ("seg: {kind: segmentation, channels: 1}", "tasks.seg.channels: .*greater than or equal to 2"),
        ("seg: {kind: segmentation, channels: 4, name: x}", "tasks.seg.name: unknown key"),
        ("sn: {kind: normals, channels: 4}", "tasks.sn.channels: .*less than or equal to 3"),
        ("sn: {kind: normals, channels: 3, invalid: .nan}", "tasks.sn.invalid: .*finite"),
        ("depth: {kind: depth, channels: 2}", "tasks.depth.channels: .*less than or equal to 1"),
        ("depth: {kind: depth, channels: 1, min_depth: .inf}", "tasks.depth.min_depth: .*finite"),
        ("depth: {kind: depth, channels: 1, mask: ''}", "tasks.depth.mask: .*at least 1 character"),
        ("edge: {kind: map, channels: 1, min_depth: 0}", "tasks.edge.min_depth: unknown key"),
        ("edge: {kind: maps, channels: 1}", "edge.kind.*'maps'; choose from classification, depth, map"),
        ("seg: {kind: segmentation, channels: 3, class_weights: [1, 2]}", "2 class weights for 3 channels"),
        ("seg: {kind: segmentation, channels: 2, class_weights: [1, 0]}", "not a positive number"),
        ("seg: {kind: segmentation, channels: 2, class_weights: [1, x]}", "not a positive number"),
        ("seg: {kind: segmentation, channels: 2, class_weights: 5}", "list of numbers or the name of a .npy"),
        ("seg: {kind: segmentation, channels: 2, class_weights: w.npy}", "class_weights: .*give --data_root"),
    ],
)
def test_mistakes_are_named_with_file_and_key(build, line, complaint):
    with pytest.raises(UserError, match=complaint) as caught:
        build(line)
    assert "mine.yaml" in str(caught.value)
    assert "tasks." in str(caught.value)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (None, r"cannot read .*w.npy: no such file; put the .npy file there or give numbers"),
        (b"no array", r"cannot read .*w.npy"),
        (b"\x93NUMPY\x01\x00\x05\x00{'a'\n", r"cannot read .*w.npy"),
        (np.ones(2), "2 class weights for 3 channels"),
        (np.array([1.0, -1.0, 1.0]), "not a positive number"),
        (np.array([1.0, np.nan, 1.0]), "not a positive number"),
        (np.ones((3, 1)), "not a positive number"),
        (np.array(3.0), "expected a list of numbers"),
        (np.array(["a", None, 1], dtype=object), "cannot read .*w.npy"),
    ],
    ids=["missing", "no array", "damaged header", "wrong length", "negative", "nan", "two axes", "no axes", "pickled"],
)
def test_a_bad_file_of_class_weights_is_named(build, tmp_path, content, complaint):
    path = tmp_path / "w.npy"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        np.save(path, content)
    with pytest.raises(UserError, match=complaint) as caught:
        build("seg: {kind: segmentation, channels: 3, class_weights: w.npy}", tmp_path)
    assert "mine.yaml: tasks.seg.class_weights" in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_kind_of_the_users_own(build, tmp_path):
    (tmp_path / "own_kind_of_task.py").write_text(OWN_KIND)
    task = build("heat: {kind: 'own_kind_of_task:Heat', channels: 1, gain: 3}")["heat"]
    assert task.loss(torch.zeros(1, 1, 1, 1), {"heat": torch.ones(1, 1, 1, 1)}).item() == 3
    with pytest.raises(UserError, match="tasks.heat.gian: unknown key"):
        build("heat: {kind: 'own_kind_of_task:Heat', channels: 1, gian: 3}")


@pytest.mark.parametrize(
    ("attribute", "complaint"),
    [
        ("Other", "'own_kind_of_task:Other' is not a subclass of tasks.Task"),
        ("function", "is not a subclass of tasks.Task"),
        ("Unfinished", "lacks loss, new_metrics, targets"),
        ("Missing", "has no attribute 'Missing'"),
    ],
)
def test_what_is_not_a_kind_of_task_is_refused(build, tmp_path, attribute, complaint):
    (tmp_path / "own_kind_of_task.py").write_text(OWN_KIND)
    with pytest.raises(UserError, match=complaint) as caught:
        build(f"heat: {{kind: 'own_kind_of_task:{attribute}', channels: 1}}")
    assert "mine.yaml: tasks.heat.kind" in str(caught.value)


def test_class_weights_from_a_pipe_are_not_waited_for(build, tmp_path):
    path = tmp_path / "w.npy"
    os.mkfifo(path)

    def release():
        with suppress(OSError):
            os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))

    waited_too_long = threading.Timer(1, release)
    waited_too_long.start()
    with pytest.raises(UserError, match="it is a FIFO, not a regular file"):
        build("seg: {kind: segmentation, channels: 3, class_weights: w.npy}", tmp_path)
    waited_too_long.cancel()
