"""What a user's own data set raises is one line with its place, in this process and in workers, and no hang."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import Script

from configs import Config, UserError, load_config
from dataloaders import evaluation_loader, open_dataset, training_loader

MODULE = """
import sys
import torch
from dataloaders import Field, MultitaskDataset

class Plain(MultitaskDataset):
    fields = {"seg": Field(fill=9, dtype=torch.int64)}

    def __len__(self):
        return 4

    def name(self, index):
        return f"{index}"

    def read(self, index, key):
        return torch.zeros(3 if key == "img" else 1, 2, 4)

class Raising(Plain):
    def read(self, index, key):
        return super().read(index, key) if index != 1 else self.decode(index)

    def decode(self, index):
        raise ValueError("cannot decode")

class Awkward(Plain):
    def read(self, index, key):
        raise UnicodeDecodeError("utf-8", b"abc", 0, 1, "cannot be made anew from its message")

class Quitting(Plain):
    def read(self, index, key):
        sys.exit(0)

class Nameless(Plain):
    def name(self, index):
        return {}["name"]

class Mirrored(Plain):
    def mirror(value):
        raise TypeError("cannot mirror")
    fields = {"seg": Field(fill=9, mirror=mirror)}

class Closed(Plain):
    def __init__(self, root, split, keys):
        sys.exit(0)

class Uncounted(Plain):
    def __len__(self):
        return -1

class Greedy(Plain):
    def read(self, index, key):
        raise MemoryError("no 40 GB")
"""
YAML = """
data: {dataset: "users_data:CLASS", root: ., crop: [2, 4], batch_size: 2, scale: [1, 1], mirror: 1}
tasks: {seg: {kind: segmentation, channels: 9, ignore_index: 9}}
train: {max_iters: 1, lr: 0.1}
"""


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Config]]:
    """Settings of a class of the user's module."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    sys.modules.pop("users_data", None)
    (tmp_path / "users_data.py").write_text(MODULE)

    def make(name: str, *overrides: str) -> Config:
        (tmp_path / "mine.yaml").write_text(YAML.replace("CLASS", name))
        return load_config(str(tmp_path / "mine.yaml"), list(overrides))

    yield make
    sys.modules.pop("users_data", None)


@pytest.mark.parametrize("num_workers", [0, 2])
@pytest.mark.parametrize(
    ("name", "said", "function"),
    [
        ("Raising", "ValueError: cannot decode", "decode"),
        ("Awkward", "UnicodeDecodeError: .*cannot be made anew from its message", "read"),
        ("Quitting", "SystemExit: 0", "read"),
        ("Nameless", "KeyError: 'name'", "name"),
        ("Mirrored", "TypeError: cannot mirror", "mirror"),
    ],
)
def test_what_reading_raises(config: Callable[..., Config], name: str, said: str, function: str, num_workers: int):
    loader = training_loader(config(name), ["seg"], range(9), batch_size=2, seed=0, num_workers=num_workers)
    line = rf"mine\.yaml: data\.dataset\).*'users_data:{name}' raised {said}"
    place = rf" \(.*users_data\.py:\d+, in {function}\); correct it there$"
    with pytest.raises(UserError, match=line + place) as caught:
        list(loader)
    assert f"in {function}\n" in caught.value.details and "dataloaders/batches/fetching.py" not in caught.value.details


def test_the_sample_is_named(config: Callable[..., Config]) -> None:
    with pytest.raises(UserError, match=r"data\.dataset\), sample 1: 'users_data:Raising' raised"):
        list(evaluation_loader(config("Raising"), ["seg"], batch_size=2, num_workers=0))


@pytest.mark.parametrize("num_workers", [0, 2])
def test_a_sample_whose_reading_fails_can_be_skipped(config: Callable[..., Config], num_workers: int) -> None:
    loader = evaluation_loader(
        config("Raising", "data.on_error=skip"), ["seg"], batch_size=2, num_workers=num_workers
    )
    assert [name for batch in loader for name in batch["name"]] == ["0", "2", "3"]
    assert "ValueError: cannot decode" in loader.skipped[0]


@pytest.mark.parametrize(
    ("name", "said"),
    [("Closed", r"raised SystemExit: 0 \(.*in __init__\)"), ("Uncounted", r"raised ValueError: .*>= 0")],
)
def test_what_opening_raises(config: Callable[..., Config], name: str, said: str) -> None:
    with pytest.raises(UserError, match=rf"data set \(.*mine\.yaml: data\.dataset\): 'users_data:{name}' {said}"):
        open_dataset(config(name), "train", ["seg"])


@pytest.mark.parametrize("num_workers", [0, 1])
def test_too_little_memory_says_what_to_lower(config: Callable[..., Config], num_workers: int) -> None:
    with pytest.raises(UserError, match=r"memory ran out \(no 40 GB\); lower --num_workers, data\.crop"):
        list(evaluation_loader(config("Greedy"), ["seg"], batch_size=2, num_workers=num_workers))
    with pytest.raises(UserError, match=r"no memory for 'img' of a batch, \[4, 3, .* GB; lower data\.crop"):
        crop = "data.crop=[100000, 100000]"
        list(training_loader(config("Plain", crop), ["seg"], range(1), batch_size=4, seed=0, num_workers=num_workers))


SCRIPT = """
import sys
from pathlib import Path
from configs.flags import run_script
from configs import load_config
from dataloaders import training_loader

def main():
    for batch in training_loader(load_config(sys.argv[1]), ["seg"], range(10**6), batch_size=2, seed=0, num_workers=2):
        pass

run_script(main)
"""


def test_a_script_ends_with_one_line_and_the_users_frames(
    config: Callable[..., Config], tmp_path: Path, run_script: Script
) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    result = run_script(str(tmp_path / "script.py"), config("Raising").source)
    assert result.returncode == 2, result.stderr
    line, *frames = result.stderr.splitlines()
    assert line.startswith("error: data set (") and "users_data.py:" in line
    assert [frame.split(", in ")[-1] for frame in frames if "File" in frame] == ["read", "decode"]
    assert all(frame.startswith("  ") for frame in frames) and 'raise ValueError("cannot decode")' in result.stderr
