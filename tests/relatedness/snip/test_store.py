"""Statistics and masks on disk: the same after a trip there, and nothing that is damaged or of other work is used."""

import os
from pathlib import Path

import numpy as np
import torch
from small_statistics import statistics_of

from relatedness.snip.store import load_statistics, save_masks, save_statistics
from runtime.identity import Identity

WORK = Identity(stage="scores", settings={"tasks": ["t0", "t1", "t2"]}, data="d", stamps="", code={}, versions={})


def test_statistics_are_the_same_after_a_trip_to_disk(tmp_path: Path) -> None:
    statistics = statistics_of(0)
    save_statistics(tmp_path / "s.npz", statistics, WORK)
    loaded = load_statistics(tmp_path / "s.npz", WORK)
    assert loaded is not None
    assert (loaded.tasks, loaded.layers) == (statistics.tasks, statistics.layers)
    assert loaded.keep_ratios == statistics.keep_ratios
    np.testing.assert_array_equal(loaded.masked_cosine, statistics.masked_cosine)
    assert [path.name for path in tmp_path.iterdir()] == ["s.npz"]


def test_damaged_statistics_are_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "s.npz"
    assert load_statistics(path, WORK) is None
    save_statistics(path, statistics_of(0), WORK)
    path.write_bytes(path.read_bytes()[:-60])
    assert load_statistics(path, WORK) is None
    path.write_text("nonsense")
    assert load_statistics(path, WORK) is None


def test_no_flipped_bit_and_no_exchanged_array_is_used(tmp_path: Path) -> None:
    path = tmp_path / "s.npz"
    save_statistics(path, statistics_of(0), WORK)
    content = path.read_bytes()
    for place in range(0, len(content), 37):
        path.write_bytes(content[:place] + bytes([content[place] ^ 4]) + content[place + 1 :])
        found = load_statistics(path, WORK)  # a zlib.error, once
        assert found is None or np.array_equal(found.both, statistics_of(0).both)
    path.write_bytes(content)
    with np.load(path) as arrays:
        whole = {name: arrays[name] for name in arrays.files}
    changes = {"tasks": whole["tasks"][::-1], "cosine": whole["cosine"] * np.nan, "both": whole["both"] + 10**6,
               "numel": whole["numel"][:1], "keep_ratios": whole["keep_ratios"] + 1, "layers": whole["numel"]}
    for name, array in changes.items():
        np.savez_compressed(path, **{**whole, name: array})
        assert load_statistics(path, WORK) is None, name
    path.unlink()
    os.mkfifo(path)
    assert load_statistics(path, WORK) is None


def test_statistics_of_other_work_are_not_taken_whatever_the_file_is_called(tmp_path: Path) -> None:
    path = tmp_path / "s.npz"
    save_statistics(path, statistics_of(0), WORK)
    assert load_statistics(path, WORK.model_copy(update={"data": "other"})) is None
    assert load_statistics(path, WORK) is not None


def test_masks_are_kept_bit_packed(tmp_path: Path) -> None:
    mask = torch.rand(3, 7, generator=torch.Generator().manual_seed(0)) > 0.5
    save_masks(tmp_path / "m.npz", {"seg/90": {"backbone.conv1.weight": mask}})
    arrays = np.load(tmp_path / "m.npz")
    shape = arrays["seg/90/backbone.conv1.weight/shape"]
    bits = np.unpackbits(arrays["seg/90/backbone.conv1.weight"], count=shape.prod()).reshape(shape)
    np.testing.assert_array_equal(bits.astype(bool), mask.numpy())
