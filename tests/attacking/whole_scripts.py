"""Whole scripts that are given damaged files: they end as they must, and what was there before is there still."""

import contextlib
import json
import random
import shutil
from pathlib import Path

import torch

from tests.attacking.base import Broken, Case, Door, Material
from tests.attacking.material import tiny
from tests.attacking.mutations import damaged_bytes, damaged_tree, other_tensor, other_value
from tests.attacking.trying import script_fault

TASKS = ["--tasks", "seg,depth"]


def resumed_run(rng: random.Random, material: Material) -> Case:
    """A training whose files were damaged goes on, or says in one line that it cannot."""
    dest = _trained(material)
    path = rng.choice([dest / "last_sample_baseline_seg_depth.pth", dest / "sample_baseline_seg_depth.csv"])
    if path.suffix == ".pth" and rng.random() < 0.7:
        content = damaged_tree(rng, torch.load(path, weights_only=True), other_tensor)
        with contextlib.suppress(Exception):  # what torch cannot save is cut off by that
            torch.save(content, path)
    else:
        path.write_bytes(damaged_bytes(rng, path.read_bytes()))
    words = ["--resume", "--max_iters", "8", *TASKS, *tiny(material.rooms, dest)]
    return lambda: _check("launch_training.py", words, material)


def evaluated_network(rng: random.Random, material: Material) -> Case:
    """A damaged network is refused, or evaluated."""
    dest = _trained(material)
    path = dest / "final_sample_baseline_seg_depth.pth"
    content = damaged_tree(rng, torch.load(path, weights_only=True)["weights"], other_tensor)
    whole = torch.load(path, weights_only=True)
    try:
        torch.save({**whole, "weights": content}, path)
    except Exception:
        path.write_bytes(b"")
    return lambda: _check("eval_pruned_net.py", [*TASKS, *tiny(material.rooms, dest)], material)


def scored_images(rng: random.Random, material: Material) -> Case:
    """Damaged images and statistics: scoring works, or says which file it is."""
    root = material.copy_of(material.rooms)
    dest = material.folder / "out"
    words = ["--num_batches", "2", "--num_seeds", "1", "--sparsities", "90", *TASKS, *tiny(root, dest)]
    for path in rng.sample(sorted(root.rglob("*.png")), 3):
        path.write_bytes(damaged_bytes(rng, path.read_bytes()))
    return lambda: _check("static_similarity.py", words, material)


def tables(rng: random.Random, material: Material) -> Case:
    """A damaged report as a table, in every format."""
    path = material.folder / "similarity.json"
    contents = damaged_tree(rng, material.reports["similarity.json"], other_value)
    path.write_text(json.dumps(contents), encoding="utf-8", errors="surrogatepass")
    words = [str(path), "--format", rng.choice(["tsv", "markdown", "latex"])]
    words += rng.choice([[], ["--compare_paper"], ["--out", str(material.folder / "table")]])
    return lambda: _check("json2tab.py", words, material)


def drawn_ious(rng: random.Random, material: Material) -> Case:
    """Damaged analyses drawn together."""
    path = material.folder / "iou.json"
    contents = damaged_tree(rng, material.reports["iou.json"], other_value)
    path.write_text(json.dumps(contents), encoding="utf-8", errors="surrogatepass")
    return lambda: _check("iou_analysis.py", ["--draw", str(path)], material)


SCRIPT_DOORS: dict[str, Door] = {
    "resume": resumed_run,
    "evaluate": evaluated_network,
    "score": scored_images,
    "tables": tables,
    "draw": drawn_ious,
}


def _trained(material: Material) -> Path:
    """A folder with a training of six iterations, made once."""
    kept = material.rooms.parent / "trained"
    if not kept.exists():
        kept.mkdir()
        words = [*TASKS, *tiny(material.rooms, kept)]
        fault = script_fault("launch_training.py", words, kept, (0,), material.scripts)
        if fault is not None:
            raise RuntimeError(fault)
    return Path(shutil.copytree(kept, material.folder / "out"))


def _check(script: str, words: list[str], material: Material) -> None:
    fault = script_fault(script, words, material.folder, scripts=material.scripts)
    if fault is not None:
        raise Broken(fault)
