"""Loaders: batches depend on their number alone, errors are one line, and a user's own data set works."""

import os
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch
from conftest import REPOSITORY
from small_data import make_nyuv2, settings, write_png

from configs import UserError, load_config
from dataloaders import DATASETS, evaluation_loader, open_dataset, training_loader
from dataloaders.batches.fetching import Answer

KEYS = ("seg", "normal", "depth")


def config(root, *overrides):
    return settings("nyuv2", root, "data.crop=[6, 7]", *overrides)


def train(root, batches, *overrides, batch_size=4, seed=0, num_workers=0, part=(0, 1)):
    return training_loader(
        config(root, *overrides), KEYS, batches, batch_size=batch_size, seed=seed, num_workers=num_workers, part=part
    )


def evaluate(root, *overrides, batch_size=2, num_workers=0, part=(0, 1)):
    return evaluation_loader(
        config(root, *overrides), KEYS, batch_size=batch_size, num_workers=num_workers, part=part
    )


def names(loader):
    return [int(name[:4]) for batch in loader for name in batch["name"]]


def assert_same(one, other):
    assert len(one) == len(other)
    for a, b in zip(one, other, strict=True):
        assert a["name"] == b["name"] and a.keys() == b.keys()
        for key in ("img", *KEYS):
            assert torch.equal(a[key], b[key]), key


def spoil(root, *numbers):
    for number in numbers:
        (root / "img" / f"{number:04}.png").write_bytes(b"")


@pytest.fixture
def root(tmp_path):
    return make_nyuv2(tmp_path / "data", count=7)


def test_types_and_shapes(root):
    batch = next(iter(train(root, range(1))))
    assert {key: (tuple(batch[key].shape), batch[key].dtype) for key in ("img", *KEYS)} == {
        "img": ((4, 3, 6, 7), torch.float32),
        "seg": ((4, 1, 6, 7), torch.int64),
        "normal": ((4, 3, 6, 7), torch.float32),
        "depth": ((4, 1, 6, 7), torch.float32),
    }
    assert type(batch["img"]) is torch.Tensor and batch["img"].is_contiguous()


def test_all_keys_are_of_the_named_sample(root):
    for batch in train(root, range(4)):
        for place, name in enumerate(batch["name"]):
            inside = batch["depth"][place] > 0
            assert batch["seg"][place][inside].unique().tolist() == [int(name[:4])]
            assert batch["depth"][place][inside].unique().tolist() == [int(name[:4]) + 1]


def test_padding_is_what_losses_ignore(root):
    for batch in train(root, range(3), "data.scale=[0.5, 0.5]", "data.mirror=1"):
        padding = torch.ones(6, 7, dtype=torch.bool)
        padding[:3, :4] = False
        assert (batch["img"][..., padding] == 0).all()
        assert (batch["seg"][..., padding] == 255).all() and (batch["seg"][..., ~padding] < 40).all()
        assert (batch["normal"][..., padding] == 255).all() and (batch["normal"][..., ~padding] < 255).all()
        assert (batch["depth"][..., padding] == 0).all() and (batch["depth"][..., ~padding] > 0).all()


def test_the_number_of_workers_changes_nothing(root):
    assert_same(list(train(root, range(5))), list(train(root, range(5), num_workers=2)))
    assert_same(list(evaluate(root)), list(evaluate(root, num_workers=2)))


def test_a_batch_depends_on_its_number_alone(root):
    whole = list(train(root, range(4)))
    assert_same(whole[2:], list(train(root, range(2, 4))))
    assert_same(whole[1::2], list(train(root, range(1, 4, 2))))
    loader = train(root, range(4))
    assert_same(list(loader), list(loader))


def test_seeds_and_passes_differ(root):
    one, other = (torch.cat([batch["img"] for batch in train(root, range(2), seed=seed)]) for seed in (0, 1))
    assert not torch.equal(one, other)
    shown = [names(train(root, range(start, start + 7), batch_size=1)) for start in (0, 7, 14)]
    assert len({tuple(order) for order in shown}) == 3
    assert names(train(root, range(7), batch_size=1, seed=-1)) != shown[0]


def test_every_epoch_holds_every_sample_once(root):
    # 7 samples, batches of 3: three epochs are seven batches, and batches 2 and 4 reach into the next epoch.
    order = names(train(root, range(7), batch_size=3))
    assert [sorted(order[start : start + 7]) for start in (0, 7, 14)] == [list(range(7))] * 3


def test_a_batch_may_hold_more_than_the_data_set(root):
    order = names(train(root, range(1), batch_size=14))
    assert sorted(order[:7]) == sorted(order[7:]) == list(range(7))


def test_the_same_sample_is_augmented_anew(root):
    write_png(root / "img" / "0000.png", np.arange(6 * 8 * 3, dtype=np.uint8).reshape(6, 8, 3))
    shown = [b["img"][0] for b in train(root, range(70), batch_size=1) if b["name"] == ["0000.png"]]
    assert len(shown) == 10 and len(torch.stack(shown).unique(dim=0)) > 5


@pytest.mark.parametrize("world", [2, 4])
def test_parts_make_the_whole(root, world):
    whole = list(train(root, range(3)))
    parts = [list(train(root, range(3), part=(rank, world))) for rank in range(world)]
    joined = [
        {key: [n for p in pieces for n in p["name"]] if key == "name" else torch.cat([p[key] for p in pieces])
         for key in pieces[0]}
        for pieces in zip(*parts, strict=True)
    ]
    assert_same(whole, joined)


def test_a_batch_that_cannot_be_shared(root):
    with pytest.raises(UserError, match="batch of 4 cannot be shared evenly by 3 .* data.batch_size a multiple of 3"):
        train(root, range(1), part=(0, 3))


def test_evaluation_gives_every_sample_once_in_order(root):
    loader = evaluate(root, batch_size=3)
    batches = list(loader)
    assert len(loader) == len(batches) == 3 and names(batches) == list(range(7))
    assert [len(batch["img"]) for batch in batches] == [3, 3, 1]
    assert batches[0]["img"].shape == (3, 3, 6, 8)
    assert [names(evaluate(root, part=(rank, 3))) for rank in range(3)] == [[0, 3, 6], [1, 4], [2, 5]]
    assert names(evaluate(root, part=(8, 9))) == []


def test_images_of_several_sizes(tmp_path):
    root = make_nyuv2(tmp_path, count=2)
    small = make_nyuv2(tmp_path / "small", count=1, size=(4, 4))
    for column in ("img", "seg", "normal_mask", "depth"):
        for path in (small / column).iterdir():
            path.replace(root / column / path.name)
    message = r"'0001.png': img is \[3, 6, 8\], but \[3, 4, 4\] in '0000.png'.*eval_batch_size=1"
    with pytest.raises(UserError, match=message):
        list(evaluate(root))
    assert [batch["img"].shape[2:] for batch in evaluate(root, batch_size=1)] == [(4, 4), (6, 8)]
    assert next(iter(train(root, range(1))))["img"].shape == (4, 3, 6, 7)


def test_length_and_empty_range(root):
    assert len(train(root, range(3, 8))) == 5
    assert list(train(root, range(3, 3), num_workers=2)) == []


def test_the_global_generator_is_left_alone(root):
    before = torch.get_rng_state()
    list(train(root, range(2)))
    list(evaluate(root, num_workers=1))
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("num_workers", [0, 2])
def test_an_unreadable_sample_is_one_error(root, num_workers):
    spoil(root, 5)
    message = r"^\S*img/0005\.png: not a PNG or JPEG file; expected an image of 8 bits .*$"
    with pytest.raises(UserError, match=message):
        list(evaluate(root, num_workers=num_workers))
    with pytest.raises(UserError, match=message):
        list(train(root, range(2), num_workers=num_workers))


@pytest.mark.parametrize("num_workers", [0, 2])
def test_evaluation_leaves_out_what_it_skips(root, num_workers):
    spoil(root, 0, 1, 5)
    loader = evaluate(root, "data.on_error=skip", num_workers=num_workers)
    for _ in range(2):  # a second pass counts nothing twice
        assert names(loader) == [2, 3, 4, 6]
        files = [re.search(r"img/(\d+)\.png: not a PNG", line) for line in loader.skipped]
        assert [file.group(1) for file in files] == ["0000", "0001", "0005"]


@pytest.mark.parametrize("num_workers", [0, 2])
def test_training_takes_the_next_readable_sample(root, num_workers):
    usual = names(train(root, range(7)))
    spoil(root, 2, 3, 6)
    loader = train(root, range(7), "data.on_error=skip", num_workers=num_workers)
    assert names(loader) == [{2: 4, 3: 4, 6: 0}.get(number, number) for number in usual]
    assert len(loader.skipped) == 3


def test_other_samples_are_as_if_nothing_was_skipped(root):
    before = list(train(root, range(4)))
    spoil(root, 3)
    for old, new in zip(before, train(root, range(4), "data.on_error=skip"), strict=True):
        for place, name in enumerate(old["name"]):
            if name != "0003.png":
                assert torch.equal(old["img"][place], new["img"][place])


@pytest.mark.parametrize("num_workers", [0, 1])
def test_nothing_can_be_read(root, num_workers):
    spoil(root, *range(7))
    with pytest.raises(UserError, match="no sample of the split 'train' can be read, for instance .*img/000"):
        list(train(root, range(2), "data.on_error=skip", num_workers=num_workers))
    with pytest.raises(UserError, match="no sample of the split 'test' can be read, for instance .*img/0000"):
        list(evaluate(root, "data.on_error=skip", num_workers=num_workers))


def test_a_share_may_be_unreadable_if_others_are_not(root):
    spoil(root, 1, 4)
    loader = evaluate(root, "data.on_error=skip", part=(1, 3))
    assert list(loader) == [] and len(loader.skipped) == 2


def test_a_path_out_of_the_root_is_skipped_too(root):
    index = root / "nyu_v2_3task.json"
    index.write_text(index.read_text().replace("seg/0002.png", "../0002.png"))
    with pytest.raises(UserError, match="leaves the data root"):
        evaluate(root)
    loader = evaluate(root, "data.on_error=skip")
    assert names(loader) == [0, 1, 3, 4, 5, 6] and "leaves the data root" in loader.skipped[0]
    assert loader.indices() == [0, 1, 2, 3, 4, 5, 6]


def test_what_is_asked_for_wrongly(tmp_path, root):
    with pytest.raises(UserError, match=r"nyuv2\.yaml: data\.root: .*--data_root"):
        open_dataset(load_config("nyuv2"), "train", ())
    with pytest.raises(UserError, match=r"missing/nyu_v2_3task\.json: No such file"):
        open_dataset(settings("nyuv2", tmp_path / "missing"), "train", ())
    with pytest.raises(UserError, match="unknown data set .*'kitti'; choose from cityscapes, .*nyuv2, .*taskonomy"):
        open_dataset(settings("nyuv2", root, "data.dataset=kitti"), "train", ())
    with pytest.raises(UserError, match=r"data\.options\.size: unknown option of NYUv2; it knows follow_links"):
        open_dataset(settings("nyuv2", root, "data.options.size=3"), "train", ())
    with pytest.raises(UserError, match=r"data\.options\.sise: unknown option of Taskonomy; it knows .*size"):
        open_dataset(settings("taskonomy", root, "data.options.sise=3"), "train", ())


def test_names_of_the_registry():
    assert set(DATASETS) >= {"nyuv2", "cityscapes", "taskonomy", "sample"}


# A user's own data set, beside the YAML file.

USER_MODULE = """
import torch
from dataloaders import Field, MultitaskDataset

class Ramps(MultitaskDataset):
    fields = {"seg": Field(fill=9, dtype=torch.int64), "threads": Field(fill=0)}
    mean = (1, 2, 3)

    def __init__(self, root, split, keys, slope=1, **options):
        super().__init__(root, split, keys, **options)
        self.slope = slope

    def __len__(self):
        return 3

    def name(self, index):
        return f"ramp {index}"

    def read(self, index, key):
        if key == "threads":
            return torch.full((1, 2, 4), torch.get_num_threads())
        ramp = self.slope * torch.arange(8.0).view(1, 2, 4)
        return ramp.expand(3, 2, 4) if key == "img" else ramp.byte()

class Broken(Ramps):
    def read(self, index, key):
        if index == 1:
            raise FileNotFoundError(2, "No such file", "ramp.png")
        return super().read(index, key)

class Flat(Ramps):
    def read(self, index, key):
        return torch.zeros(2, 4)

class Uneven(Ramps):
    def read(self, index, key):
        return torch.zeros(3, 2, 4 if key == "img" else 5)

class Crashing(Ramps):
    def read(self, index, key):
        import os
        os._exit(7)

class Unfinished(MultitaskDataset):
    def __len__(self):
        return 1

class Bare(MultitaskDataset):
    __len__ = name = read = lambda *_: 1

class Other:
    pass

not_a_class = 3
"""

USER_YAML = """
data: {dataset: "user_ramps:CLASS", root: ., crop: [2, 4], batch_size: 2, scale: [1, 1], mirror: 0}
tasks: {seg: {kind: segmentation, channels: 9, ignore_index: 9}}
train: {max_iters: 1, lr: 0.1}
"""


@pytest.fixture
def user_config(tmp_path, monkeypatch):
    """Settings of a class of the user's module."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "user_ramps", raising=False)
    (tmp_path / "user_ramps.py").write_text(USER_MODULE)

    def make(name, *overrides):
        path = tmp_path / "mine.yaml"
        path.write_text(USER_YAML.replace("CLASS", name))
        return load_config(str(path), list(overrides))

    yield make
    sys.modules.pop("user_ramps", None)


def test_a_users_data_set(user_config):
    settings_ = user_config("Ramps", "data.options.slope=1")
    batch = next(iter(evaluation_loader(settings_, ["seg"], batch_size=2, num_workers=0)))
    assert batch["name"] == ["ramp 0", "ramp 1"] and batch["seg"].dtype == torch.int64
    assert batch["img"][0, :, 0, 0].tolist() == [-1, -2, -3]
    assert batch["seg"][1, 0].tolist() == [[0, 1, 2, 3], [4, 5, 6, 7]]
    batches = training_loader(settings_, ["seg"], range(2), batch_size=2, seed=0, num_workers=1)
    assert sorted(name for batch in batches for name in batch["name"])[-1] == "ramp 2"


def test_workers_use_one_thread(user_config):
    batches = evaluation_loader(user_config("Ramps"), ["threads"], batch_size=1, num_workers=2)
    assert {batch["threads"].unique().item() for batch in batches} == {1}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Other", r"mine\.yaml: data\.dataset: 'user_ramps:Other' is not a subclass of dataloaders\.MultitaskDataset"),
        ("not_a_class", "is not a subclass of dataloaders.MultitaskDataset"),
        ("Unfinished", r"mine\.yaml: data\.dataset: the class Unfinished lacks name, read, fields"),
        ("Bare", "the class Bare lacks fields"),
        ("Missing", "has no attribute 'Missing'"),
    ],
)
def test_a_class_that_cannot_be_used(user_config, name, message):
    with pytest.raises(UserError, match=message):
        open_dataset(user_config(name), "train", ())


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Broken", r"^sample 'ramp 1': img: cannot be read: .*ramp\.png"),
        ("Flat", r"sample 'ramp 0': img: Flat\.read gave a tensor \[2, 4\]; expected a tensor \[3, H, W\]"),
        ("Uneven", "sample 'ramp 0': seg: 2 x 5 pixels, but the image sample 'ramp 0': img has 2 x 4"),
    ],
)
def test_a_users_data_set_that_reads_wrongly(user_config, name, message):
    for num_workers in (0, 1):
        loader = evaluation_loader(user_config(name), ["seg"], batch_size=2, num_workers=num_workers)
        with pytest.raises(UserError, match=message):
            list(loader)


def test_an_unknown_option_of_a_users_data_set(user_config):
    with pytest.raises(UserError, match=r"mine\.yaml: data\.options\.slop: unknown option of Ramps; it knows slope"):
        open_dataset(user_config("Ramps", "data.options.slop=2"), "train", ())


def test_a_worker_that_dies(user_config):
    loader = evaluation_loader(user_config("Crashing"), ["seg"], batch_size=1, num_workers=1)
    with pytest.raises(UserError, match="a process that reads images ended .*--num_workers 0"):
        list(loader)


INTERRUPTED = """
import sys
from pathlib import Path
from configs.flags import run_script
from dataloaders import training_loader
from small_data import settings

def main():
    config = settings("nyuv2", Path(sys.argv[1]), "data.crop=6")
    for number, batch in enumerate(training_loader(config, ["seg"], range(10**6), batch_size=2, seed=0, num_workers=2)):
        if number == 3:
            print("running", flush=True)

run_script(main)
"""


def test_ctrl_c_ends_workers_without_a_word(root, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(INTERRUPTED)
    environment = {**os.environ, "PYTHONPATH": f"{REPOSITORY}{os.pathsep}{REPOSITORY / 'tests'}"}
    process = subprocess.Popen(
        [sys.executable, str(script), str(root)], env=environment, text=True, start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout.readline() == "running\n"
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the workers, too
    started = time.monotonic()
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 130 and errors.strip().count("\n") == 0 and "interrupted" in errors
    assert time.monotonic() - started < 10


def test_batches_are_pinned_whole(root, monkeypatch):
    # Pinning itself needs a GPU.
    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda tensor: tensor + 1)
    answer = Answer({"depth": torch.zeros(2), "name": ["a", "b"]}, skipped=((3, "reason"),))
    pinned = answer.pin_memory()
    assert pinned.batch["depth"].tolist() == [1, 1] and pinned.batch["name"] == ["a", "b"]
    assert pinned.skipped == answer.skipped and Answer().pin_memory() == Answer()


@pytest.mark.parametrize("num_workers", [0, 2])
def test_where_there_is_a_gpu_batches_come_pinned_in_the_same_order(root, monkeypatch, num_workers):
    usual = list(train(root, range(5)))
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 1)
    devices = []
    monkeypatch.setattr(torch.cuda, "set_device", devices.append)
    monkeypatch.setattr(torch.Tensor, "pin_memory", torch.Tensor.clone)
    loader = train(root, range(5), num_workers=num_workers)
    assert_same(usual, list(loader))
    assert devices == [1], "else every process would take memory of the first GPU"
    assert_same(usual[:1], [next(iter(loader))])
    spoil(root, 0, 3)
    with pytest.raises(UserError, match="not a PNG or JPEG file"):
        list(train(root, range(2), num_workers=num_workers))
