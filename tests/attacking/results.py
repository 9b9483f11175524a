"""Attacks on what the project itself writes, and on what others pass on as such: networks, statistics, JSON."""

import contextlib
import copy
import functools
import json
import pickle
import random
from pathlib import Path

import numpy as np
import torch

from configs import UserError, load_config
from models import MultitaskNet, build_network
from relatedness.snip.statistics import pair_statistics
from relatedness.snip.store import load_statistics, save_statistics
from reports.iou import IoUFile, iou_text
from reports.relatedness.file import read_relatedness
from reports.relatedness.summary import summarise
from reports.similarity.report import read_report
from reports.similarity.table import whole_table
from reports.tables import FORMATS, decimals
from runtime.identity import Identity
from tests.attacking.base import SMALL, Broken, Case, Door, Material, write_json
from tests.attacking.mutations import damaged_bytes, damaged_tree, other_tensor, other_value
from training.checkpoints.checkpoint import Checkpoint, read_checkpoint, restore, write_checkpoint


def checkpoint_file(rng: random.Random, material: Material) -> Case:
    """A network or training state with tensors and values replaced, or bytes damaged; none may be NaN."""
    path, net = material.folder / "net.pth", copy.deepcopy(_network())
    state = dict(net.state_dict())
    masks = {name: state[name] > 0 for name in list(state)[:1]}
    training = {"iteration": 3, "optimizer": {"state": {}, "param_groups": [{"lr": 0.1, "params": [0]}]}, "rows": []}
    write_checkpoint(path, Checkpoint("sample", list(net.heads), "random", 90, {}, state, masks, training))
    if rng.random() < 0.7:
        content = damaged_tree(rng, torch.load(path, weights_only=True), other_tensor)
        with contextlib.suppress(Exception):  # what torch cannot save is no case
            torch.save(content, path)
    else:
        path.write_bytes(damaged_bytes(rng, path.read_bytes()))

    def use() -> None:
        restore(net, read_checkpoint(path, list(net.heads)), path)
        if not all(torch.isfinite(tensor).all() for tensor in net.state_dict().values()):
            raise Broken("weights that are no numbers were taken")

    return use


def pickle_file(rng: random.Random, material: Material) -> Case:
    """A file that runs code when unpickled, in several disguises; the code must not run."""
    path, content = material.folder / "net.pth", _Hostile(material.folder / "was_run")
    ours = {"format": "meta-sparse", "version": 1, "tasks": content}
    wrapped = rng.choice([content, {"weights": content}, [content], ours])
    if rng.random() < 0.5:
        torch.save(wrapped, path, _use_new_zipfile_serialization=rng.random() < 0.7)
    else:
        path.write_bytes(pickle.dumps(wrapped, protocol=rng.randrange(6)))
    if rng.random() < 0.3:
        path.write_bytes(damaged_bytes(rng, path.read_bytes()))

    def use() -> None:
        with contextlib.suppress(UserError):
            read_checkpoint(path, ["seg"])
        if (material.folder / "was_run").exists():
            raise Broken("code in a file was run")

    return use


def statistics_file(rng: random.Random, material: Material) -> Case:
    """Kept statistics with arrays exchanged, replaced or damaged; other tasks' must not be taken."""
    path, identity = material.folder / "kept.npz", _identity(["a", "b", "c"])
    generator = torch.Generator().manual_seed(rng.randrange(1000))
    layers = {"one": 40, "two": 30}
    scores = {task: {name: torch.rand(size, generator=generator) for name, size in layers.items()} for task in "abc"}
    statistics = pair_statistics(scores, list(layers), [0.3, 0.5])
    save_statistics(path, statistics, identity)
    if rng.random() < 0.5:
        path.write_bytes(damaged_bytes(rng, path.read_bytes()))
    else:
        with np.load(path) as arrays:
            values = {name: arrays[name] for name in arrays.files}
        name = rng.choice([name for name in values if name != "layers"])
        changes = [lambda a: a[::-1], lambda a: a[:1], lambda a: a.astype("U9"), lambda a: a * np.nan, lambda a: a + 9]
        with contextlib.suppress(Exception):  # what numpy cannot do with texts is no case
            values[name] = rng.choice(changes)(values[name])
        np.savez_compressed(path, **values)

    def use() -> None:
        found = load_statistics(path, identity)
        if found is not None and found.tasks != statistics.tasks:
            raise Broken("statistics of other tasks were taken")
        if found is not None and not np.isfinite(found.cosine).all():
            raise Broken("statistics that are no numbers were taken")

    return use


def json_file(rng: random.Random, material: Material) -> Case:
    """A report with values replaced, gone, doubled or exchanged, or bytes damaged."""
    name = rng.choice(list(material.reports))
    path = material.folder / name
    if rng.random() < 0.8:
        write_json(path, damaged_tree(rng, material.reports[name], other_value))
    else:
        path.write_bytes(damaged_bytes(rng, json.dumps(material.reports[name]).encode()))

    def use() -> None:
        if name == "iou.json":
            iou_text(IoUFile.read(path))
        elif name == "relatedness.json":
            summarise(read_relatedness(path))
        else:
            cells = decimals(whole_table(read_report(path)), "n/a")
            for write in FORMATS.values():
                write(cells, "")

    return use


RESULTS: dict[str, Door] = {
    "checkpoints": checkpoint_file,
    "pickles": pickle_file,
    "statistics": statistics_file,
    "json": json_file,
}


@functools.cache
def _network() -> MultitaskNet:
    config = load_config("sample", SMALL)
    with torch.random.fork_rng():
        return build_network(config.model, {name: task.channels for name, task in config.tasks.items()})


def _identity(tasks: list[str]) -> Identity:
    return Identity(stage="scores", settings={"tasks": tasks}, data="d", stamps="", code={}, versions={})


class _Hostile:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple:
        return Path.touch, (self.path,)
