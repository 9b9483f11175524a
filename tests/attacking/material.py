"""What is attacked: small data, settings and whole files, made once."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from configs.paths import REPOSITORY
from dataloaders.rendering import Rendering
from dataloaders.rooms.folder import render_folder
from tests.attacking.base import Material
from tests.attacking.trying import clear, script_fault

TINY = ["--device", "cpu", "--num_workers", "0"]
SETTINGS = ["data.options={size: 48}", "data.crop=40", "data.batch_size=2", "model.width=4", "model.head_channels=4",
            "model.depth=18", "train.max_iters=6", "train.eval_interval=3", "train.save_interval=2"]


def make_material(folder: Path, scripts: Path = REPOSITORY) -> Material:
    """Data sets and reports in a folder that is there for nothing else.

    Args:
        scripts: a checkout, whose scripts are attacked; the material is always made by this one.
    """
    torch.set_num_threads(1)
    rooms = folder / "rooms"
    render_folder(rooms, Rendering("taskonomy", num_train=4, num_test=2, size=(48, 48)), workers=1)
    nyuv2 = _nyuv2(folder / "nyuv2")
    made = folder / "made"
    clear(made)
    work = [("static_similarity.py", ["--num_batches", "1", "--num_seeds", "2", "--sparsities", "50,90"]),
            ("iou_analysis.py", ["--num_batches", "1"]),
            ("task_relatedness.py", ["--num_batches", "2", "--replicates", "2"])]
    for script, words in work:
        fault = script_fault(script, [*words, "--tasks", "seg,sn,depth", *tiny(rooms, made)], made, statuses=(0,))
        if fault is not None:
            raise RuntimeError(fault)
    reports: dict[str, Any] = {name: json.loads((made / name).read_text()) for name in
                               ("similarity.json", "iou.json", "relatedness.json")}
    return Material(folder / "case", rooms, nyuv2, reports, scripts)


def tiny(rooms: Path, dest: Path) -> list[str]:
    """Flags for a small network on the rooms, with results in a folder."""
    words = [part for text in SETTINGS for part in ("--set", text)]
    return [*TINY, *words, "--data_root", str(rooms), "--dest", str(dest)]


def _nyuv2(root: Path) -> Path:
    rows = []
    for i in range(2):
        columns = [f"img/{i}.png", f"seg/{i}.png", f"normal_mask/{i}.png", f"depth/{i}.npy"]
        for column in columns:
            (root / column).parent.mkdir(parents=True, exist_ok=True)
        for column, shape in zip(columns[:3], [(6, 8, 3), (6, 8), (6, 8, 3)], strict=True):
            Image.fromarray(np.full(shape, i, np.uint8)).save(root / column)
        np.save(root / columns[3], np.full((6, 8), i + 1, np.float32))
        rows.append(columns)
    (root / "nyu_v2_3task.json").write_text(json.dumps({"train": rows, "test": rows}))
    return root
