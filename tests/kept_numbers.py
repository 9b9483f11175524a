"""The numbers that a rebuild must not change: run every script with one thread, and compare bit for bit.

    python -m tests.kept_numbers record numbers.json      # before
    python -m tests.kept_numbers compare numbers.json     # after

What is compared: the table and the layers of similarity.json (sample rooms; four real NYUv2 frames where
../shared/data is), the masks of every pruning method, weights after training, metrics, the IoU analysis.
"""

import hashlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parent.parent
FRAMES = REPOSITORY.parent / "shared" / "data" / "nyuv2_samples"
ONE_SHOT = ("disparse_static", "snip", "random", "disparse_pt", "magnitude")
DYNAMIC = ("disparse_dynamic", "rigl")
ITERATIONS = "30"


def run(folder: Path, script: str, *words: str) -> None:
    """A script of ours, in one thread; its failure ends everything."""
    command = [sys.executable, str(REPOSITORY / script), "--dest", str(folder), "--num_workers", "0", *words]
    done = subprocess.run(
        command, cwd=REPOSITORY, env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"{' '.join(command)}\n{done.stderr[-2000:]}")


def digest(value: Any) -> str:
    """A hash of plain values (floats by all their digits), or of a state dict (every byte of its tensors)."""
    if isinstance(value, dict) and value and all(hasattr(entry, "numpy") for entry in value.values()):
        hashed = hashlib.sha256()
        for name in sorted(value):
            tensor = value[name].contiguous()
            hashed.update(f"{name} {tensor.dtype} {list(tensor.shape)}".encode())
            hashed.update(tensor.numpy().tobytes())
        return hashed.hexdigest()[:16]
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]


def similarity(folder: Path, *words: str) -> dict[str, Any]:
    """Hashes of the table and the layers, and a few values to look at."""
    run(folder, "static_similarity.py", *words)
    content = json.loads((folder / "similarity.json").read_text())
    row = content["table"]["equal_X_masked_sals"]
    return {"table": digest(content["table"]), "layers": digest(content["layers"]), "equal_X_masked_sals": row}


def network(path: Path) -> dict[str, str]:
    """Hashes of a checkpoint's weights and masks."""
    import torch

    content = torch.load(path, map_location="cpu", weights_only=True)
    return {"weights": digest(content["weights"]), "masks": digest(content["masks"])}


def evaluation(folder: Path, run_name: str, *words: str) -> dict[str, Any]:
    """Metrics, and what the network costs."""
    run(folder, "eval_pruned_net.py", *words)
    content = json.loads((folder / f"eval_{run_name}.json").read_text())
    return {name: content[name] for name in ("metrics", "parameters", "multiply_adds")}


def numbers(parts: tuple[str, ...] = ("similarity", "frames", "networks", "iou")) -> dict[str, Any]:
    """Everything that is compared; only these parts of it."""
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if "similarity" in parts:
            found["similarity sample"] = similarity(folder, "--num_batches", "3", "--num_seeds", "2")
        if "frames" in parts and FRAMES.is_dir():
            small = ["--set", "data.crop=97", "--set", "data.batch_size=2"]
            root = ["--dataset", "nyuv2", "--data_root", str(FRAMES)]
            found["similarity frames"] = similarity(
                folder / "nyuv2", *root, *small, "--num_batches", "2", "--num_seeds", "1"
            )
        if "networks" in parts:
            found |= _networks(folder)
        if "iou" in parts:
            run(folder, "iou_analysis.py", "--num_batches", "3")
            content = json.loads((folder / "iou.json").read_text())
            found["iou"] = {key: content[key] for key in ("total", "watershed")} | {"layers": digest(content["layers"])}
    return found


def _networks(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for method in ("baseline", *DYNAMIC):
        run(folder, "launch_training.py", "--method", method, "--max_iters", ITERATIONS)
        name = "sample_baseline" if method == "baseline" else f"sample_{method}_90"
        found[f"trained {method}"] = network(folder / f"final_{name}.pth")
        if method != "rigl":
            found[f"evaluated {method}"] = evaluation(folder, name, "--method", method)
    for method in ONE_SHOT:
        run(folder, "create_pruned_net.py", "--method", method, "--num_batches", "3")
        found[f"pruned {method}"] = network(folder / f"sample_{method}_90.pth")
    return found


def differences(then: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """What is not the same, as ``part: key``; parts that one side lacks are left out."""
    return [
        f"{part}: {key}: {then[part][key]} was kept, {now[part].get(key)} came out"
        for part in then
        if part in now
        for key in then[part]
        if then[part][key] != now[part].get(key)
    ]


def main() -> None:
    action, path = sys.argv[1], Path(sys.argv[2])
    now = numbers()
    if action == "record":
        path.write_text(json.dumps(now, indent=1))
        return
    then = json.loads(path.read_text())
    found = differences(then, now)
    print("\n".join(found) or f"{len(now)} parts, all as kept")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
