"""Attacks on flags, settings and data."""

import contextlib
import io
import json
import random
import runpy
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from configs import load_config
from configs.paths import REPOSITORY
from dataloaders import open_dataset
from tasks import build_tasks
from tests.attacking.base import SMALL_IMAGES, Case, Door, Material, write_json
from tests.attacking.mutations import WORDS, damaged_bytes, damaged_text, damaged_tree, other_value

SCRIPTS = tuple(sorted(path.name for path in REPOSITORY.glob("*.py")))


def flag_words(rng: random.Random, material: Material) -> Case:
    """Flags of every script with values that have no business there."""
    script = rng.choice(SCRIPTS)
    names = "dataset data_root tasks device precision seed num_workers dest set method ratio num_batches out help"
    flags = [f"--{name}" for name in names.split()]
    words = [text for _ in range(rng.randint(1, 3)) for text in (rng.choice(flags), rng.choice(WORDS[:-8]))]

    def parse() -> None:
        with _arguments(script, words), contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()):
            runpy.run_path(str(REPOSITORY / script))["parse_arguments"]()

    return parse


def one_setting(rng: random.Random, material: Material) -> Case:
    """--set with wrong keys, values and signs."""
    keys = ["data.crop", "data.batch_size", "data.options", "data.root", "data.scale", "model.width", "model.rates",
            "name", "model.backbone", "tasks.seg.kind", "tasks.seg.channels", "tasks.seg.weight", "train.lr",
            "train.max_iters", "source", "source.x", "extends", "scoring.keep_ratios", "dynamic.end", "tasks", "",
            "a.b.c.d", "data..crop"]
    text = f"{rng.choice(keys)}{rng.choice(['=', '=', '=', '==', ''])}{rng.choice(WORDS)}"
    return lambda: load_config(rng.choice(["sample", "nyuv2"]), [text])


def settings_file(rng: random.Random, material: Material) -> Case:
    """A YAML file with lines lost, doubled, moved or replaced, or bytes damaged."""
    path = material.folder / "own.yaml"
    text = (REPOSITORY / "configs" / f"{rng.choice(['sample', 'nyuv2', 'taskonomy'])}.yaml").read_text()
    if rng.random() < 0.7:
        for _ in range(rng.randint(1, 3)):
            text = damaged_text(rng, text) or "a"
        path.write_text(text, encoding="utf-8", errors="surrogatepass")
    else:
        path.write_bytes(damaged_bytes(rng, text.encode()))
    return lambda: load_config(str(path))


def index_file(rng: random.Random, material: Material) -> Case:
    """An index with values replaced, gone, doubled or exchanged, or bytes damaged."""
    root = material.copy_of(material.rooms)
    path = root / "taskonomy.json"
    if rng.random() < 0.7:
        write_json(path, damaged_tree(rng, json.loads(path.read_text()), other_value))
    else:
        path.write_bytes(damaged_bytes(rng, path.read_bytes()))
    return lambda: _read_all("sample", root)


def image_file(rng: random.Random, material: Material) -> Case:
    """A damaged picture among those of a data set, or a file of another kind."""
    root = material.copy_of(material.rooms)
    path = rng.choice(sorted(root.rglob("*.png")))
    content = path.read_bytes()
    for _ in range(rng.randint(1, 2)):
        content = damaged_bytes(rng, content)
    path.write_bytes(rng.choice(sorted(material.nyuv2.rglob("*.*"))).read_bytes() if rng.random() < 0.2 else content)
    return lambda: _read_all("sample", root)


def array_file(rng: random.Random, material: Material) -> Case:
    """An array of another type or shape, of objects, with a hostile header or damaged bytes."""
    root = material.copy_of(material.nyuv2)
    path = rng.choice(sorted(root.rglob("*.npy")))
    match rng.randrange(4):
        case 0:
            size, dtype = rng.choice([(0,), (1,), (6, 8, 1, 1), (3, 3)]), rng.choice(["f8", "i8", "U3", "c8", "?"])
            np.save(path, np.ones(size).astype(dtype))
        case 1:
            np.save(path, np.array([{}, None], dtype=object), allow_pickle=True)
        case 2:
            shape = rng.choice([b"(1e9,)", b"(10**9, 8)", b"((((((", b"(99999999999,)"])
            path.write_bytes(path.read_bytes().replace(b"(6, 8)", shape))
        case _:
            path.write_bytes(damaged_bytes(rng, path.read_bytes()))
    return lambda: _read_all("nyuv2", root)


INPUTS: dict[str, Door] = {
    "flags": flag_words,
    "settings": one_setting,
    "yaml": settings_file,
    "indices": index_file,
    "images": image_file,
    "arrays": array_file,
}


def _read_all(dataset: str, root: Path) -> None:
    options = [SMALL_IMAGES] if dataset == "sample" else []
    config = load_config(dataset, [*options, f"data.root={json.dumps(str(root))}"])
    keys = [key for task in build_tasks(config, root).values() for key in task.targets]
    for split in ("train", "test"):
        data = open_dataset(config, split, list(dict.fromkeys(keys)))
        for index in range(len(data)):
            data.sample(index)


@contextlib.contextmanager
def _arguments(script: str, words: list[str]) -> Iterator[None]:
    before = sys.argv
    sys.argv = [str(REPOSITORY / script), *words]
    try:
        yield
    finally:
        sys.argv = before
