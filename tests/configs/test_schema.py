"""Settings: what the files hold, overrides, and mistakes that are named with their file and key."""

from pathlib import Path

import pytest

from configs import UserError, load_config
from configs.reading import available

MINIMAL = """
data: {dataset: nyuv2, crop: 32, batch_size: 2}
tasks: {seg: {kind: segmentation, channels: 40}}
train: {max_iters: 10, lr: 1.0e-3}
"""


@pytest.fixture
def write(tmp_path: Path):
    def write(text: str, name: str = "my.yaml") -> str:
        (tmp_path / name).write_text(text)
        return str(tmp_path / name)

    return write


def test_the_published_settings() -> None:
    nyu, city, taskonomy = (load_config(name) for name in ("nyuv2", "cityscapes", "taskonomy"))
    assert {name: task.weight for name, task in nyu.tasks.items()} == {"seg": 1, "sn": 20, "depth": 3}
    assert {name: task.channels for name, task in taskonomy.tasks.items()} == {
        "seg": 17, "sn": 3, "depth": 1, "keypoint": 1, "edge": 1,
    }  # fmt: skip
    assert [task.weight for task in taskonomy.tasks.values()] == [1, 3, 2, 7, 7]
    assert (nyu.data.crop, nyu.data.batch_size, nyu.train.lr, nyu.train.weight_decay) == ((321, 321), 8, 1e-3, 5e-4)
    assert (city.data.crop, city.data.batch_size, city.train.max_iters, city.train.lr) == ((224, 224), 16, 20000, 1e-4)
    assert (taskonomy.train.decay_every, taskonomy.train.decay_rate) == (12000, 0.3)
    assert (taskonomy.scoring.batch_size, taskonomy.scoring.iou_batches) == (4, 200)
    assert nyu.scoring.keep_ratios["static"] == {30: 0.675, 50: 0.46, 70: 0.257, 90: 0.08}
    assert city.scoring.keep_ratios["pretrained"] == {30: 0.644, 50: 0.6, 70: 0.37, 90: 0.13}
    assert taskonomy.scoring.keep_ratios["static"][90] == 0.097
    assert (taskonomy.dynamic.end, taskonomy.dynamic.interval, taskonomy.dynamic.chunks) == (75000, 250, 8)
    assert (nyu.dynamic.end, nyu.dynamic.interval, nyu.dynamic.chunks) == (15000, 50, 2)
    assert available() == ["cityscapes", "cityscapes_mtan", "nyuv2", "nyuv2_mtan", "sample", "taskonomy"]


def test_overrides_are_read_as_yaml_and_checked() -> None:
    config = load_config("nyuv2", ["data.crop=161", "train.lr=1e-2", "model.rates=[1, 2]", "data.options={a: 1}"])
    assert (config.data.crop, config.train.lr, config.model.rates) == ((161, 161), 0.01, (1, 2))
    assert config.data.options == {"a": 1}
    assert load_config("nyuv2", ["data.crop=[96, 128]"]).data.crop == (96, 128)


def test_a_file_of_ones_own_and_one_that_extends_another(write) -> None:
    own = load_config(write(MINIMAL))
    assert (own.name, own.model.depth, own.data.mirror) == ("my", 34, 0.5)
    write("extends: nyuv2\ndata: {batch_size: 3}\ntasks: {d: {kind: depth, channels: 1}}\n", "half.yaml")
    extended = load_config(str(own.source.parent / "half.yaml"))
    assert (extended.name, extended.data.batch_size, extended.data.crop) == ("half", 3, (321, 321))
    assert list(extended.tasks) == ["d"]
    write("extends: half.yaml\ntrain: {lr: 0.5}\n", "third.yaml")
    assert load_config(str(own.source.parent / "third.yaml")).data.batch_size == 3


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("crop: 32", "corp: 32", r"my.yaml: data.crop: missing|my.yaml: data.corp: unknown key"),
        ("crop: 32", "crop: 0", r"my.yaml: data.crop"),
        ("crop: 32", "crop: [1, 2, 3]", r"my.yaml: data.crop"),
        ("batch_size: 2", "batch_size: two", r"my.yaml: data.batch_size"),
        ("batch_size: 2", "batch_size: 2, mirror: 1.5", r"my.yaml: data.mirror"),
        ("batch_size: 2", "batch_size: 2, on_error: ignore", r"my.yaml: data.on_error.*'raise' or 'skip'"),
        ("channels: 40", "chanels: 40", r"my.yaml: tasks.seg.channels: missing"),
        ("channels: 40", "channels: 40, weight: -1", r"my.yaml: tasks.seg.weight"),
        ("seg:", "se.g:", r"my.yaml: tasks.se.g: .*letters"),
        ("max_iters: 10", "max_iters: 10, spam: 1", r"my.yaml: train.spam: unknown key"),
        ("lr: 1.0e-3", "lr: 0", r"my.yaml: train.lr"),
        ("lr: 1.0e-3", "lr: .inf", r"my.yaml: train.lr"),
        ("batch_size: 2", "batch_size: 2, scale: [2, 1]", r"my.yaml: data.scale: the smallest factor comes first"),
        ("batch_size: 2", "batch_size: 2, scale: [.inf, .inf]", r"my.yaml: data.scale"),
        ("batch_size: 2", "batch_size: 2, scale: [1, 1.0e+30]", r"my.yaml: data.scale: factors are from 0.01 to 100"),
        ("\ndata", "\nname: a/b\ndata", r"my.yaml: name"),
        ("\ndata", "\nmodel: {rates: []}\ndata", r"my.yaml: model.rates"),
        ("\ndata", "\n1: 2\ndata", r"my.yaml: expected a mapping"),
        ("tasks:", "tsks:", r"my.yaml: t"),
        ("data:", "data: [", r"my.yaml: cannot be read as YAML"),
        ("\ndata", "\nextends: my.yaml\ndata", r"my.yaml: extends: the file extends itself"),
        ("\ndata", "\nextends: nobody\ndata", r"my.yaml: extends: no settings 'nobody'; choose from cityscapes"),
    ],
)
def test_mistakes_are_named(write, old: str, new: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        load_config(write(MINIMAL.replace(old, new)))


@pytest.mark.parametrize("text", ["just words", "- a\n- b", ""])
def test_a_file_that_holds_no_settings(write, text: str) -> None:
    with pytest.raises(UserError, match="my.yaml: expected a mapping"):
        load_config(write(text))


@pytest.mark.parametrize("text", ["data.crop", "crop=3", "data.=3", "data.crop.x=3", "data.crop=["])
def test_overrides_that_cannot_be(text: str) -> None:
    with pytest.raises(UserError, match=r"--set|data\.crop|data\."):
        load_config("nyuv2", [text])


def test_files_that_extend_one_another_end(write) -> None:
    write("extends: b.yaml\n", "a.yaml")
    with pytest.raises(UserError, match="extends itself"):
        load_config(write("extends: a.yaml\n", "b.yaml"))


def test_choosing_tasks() -> None:
    config = load_config("nyuv2")
    assert list(config.select_tasks(["depth", "seg"]).tasks) == ["depth", "seg"]
    assert config.select_tasks(None) is config
    wrong = {("seg", "x"): "unknown task 'x'.*seg, sn, depth", ("seg", "seg"): "twice", (): "--tasks"}
    for names, message in wrong.items():
        with pytest.raises(UserError, match=message):
            config.select_tasks(list(names))
