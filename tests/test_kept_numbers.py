"""Numbers that no rebuild may change, on rooms of 48 x 48 pixels: bit for bit where torch and processor are the same.

``tests/kept_numbers.py`` compares more, and at the scripts' own sizes. To write the file anew after a change of
numbers that is meant: ``KEEP_NUMBERS=1 python -m pytest tests/test_kept_numbers.py``.
"""

import json
import os
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import Script, tiny
from kept_numbers import DYNAMIC, ONE_SHOT, differences, digest, network

KEPT = Path(__file__).with_name("kept_numbers.json")
HERE = {"torch": torch.__version__, "processor": torch.backends.cpu.get_cpu_capability()}


def numbers(run_script: Script, rooms: Path, folder: Path) -> dict[str, dict[str, Any]]:
    """What the scripts give, hashed, and a few values."""

    def run(script: str, *words: str) -> None:
        result = run_script(script, *tiny(rooms), "--dest", folder, *words)
        assert result.returncode == 0, result.stderr

    run("static_similarity.py", "--num_batches", "2", "--num_seeds", "2")
    similarity = json.loads((folder / "similarity.json").read_text())
    found = {
        "similarity": {
            "table": digest(similarity["table"]),
            "layers": digest(similarity["layers"]),
            **{key: value for key, value in similarity["table"]["equal_X_masked_sals"].items() if "s50_" in key},
        }
    }
    run("iou_analysis.py", "--num_batches", "2")
    iou = json.loads((folder / "iou.json").read_text())
    found["iou"] = {"layers": digest(iou["layers"]), "total": iou["total"], "watershed": iou["watershed"]}
    for method in ("baseline", *DYNAMIC):
        run("launch_training.py", "--method", method, "--max_iters", "6", "--set", "dynamic.interval=2")
        name = "sample_baseline" if method == "baseline" else f"sample_{method}_90"
        found[f"trained {method}"] = network(folder / f"final_{name}.pth")
    run("eval_pruned_net.py")
    metrics = json.loads((folder / "eval_sample_baseline.json").read_text())["metrics"]
    found["evaluated"] = {f"{task} {name}": value for task in metrics for name, value in metrics[task].items()}
    for method in ONE_SHOT:
        run("create_pruned_net.py", "--method", method, "--num_batches", "2")
        found[f"pruned {method}"] = network(folder / f"sample_{method}_90.pth")
    return found


def test_every_number_is_the_one_that_was_kept(run_script: Script, rooms: Path, tmp_path: Path) -> None:
    now = numbers(run_script, rooms, tmp_path)
    if os.environ.get("KEEP_NUMBERS"):
        KEPT.write_text(json.dumps({"made with": HERE, **now}, indent=1) + "\n")
    kept = json.loads(KEPT.read_text())
    if kept.pop("made with") == HERE:
        assert not differences(kept, now)
        return
    assert kept.keys() == now.keys()
    for part, values in kept.items():
        plain = {key: value for key, value in values.items() if isinstance(value, float)}
        assert {key: now[part][key] for key in plain} == pytest.approx(plain, rel=0.02, abs=0.02), part
