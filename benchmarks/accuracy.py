"""What pruning costs: metrics of dense and pruned networks of the sample rooms after the same short training."""

import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tqdm import tqdm

from benchmarks.inference import NETWORKS
from benchmarks.timing import Row
from configs.paths import REPOSITORY
from reports.evaluation import EvaluationFile

ITERATIONS = 200


def measure() -> list[Row]:
    """Main metrics of every network, and their change against the dense network's."""
    with tempfile.TemporaryDirectory() as folder:
        metrics = trained(Path(folder))
    return [row for name in NETWORKS for row in accuracy(name, metrics)]


def trained(folder: Path) -> dict[str, EvaluationFile]:
    """The evaluation of each network, trained through the scripts."""
    words = ["--num_workers", "0", "--device", "cpu", "--dest", str(folder)]
    metrics = {}
    for name, (method, ratio) in tqdm(NETWORKS.items(), unit="network"):
        which = ["--method", method, "--ratio", str(ratio)]
        if method != "baseline":
            script("create_pruned_net.py", *which, *words)
        script("launch_training.py", *which, "--max_iters", str(ITERATIONS), *words)
        script("eval_pruned_net.py", *which, *words)
        run = "sample_baseline" if method == "baseline" else f"sample_{method}_{ratio}"
        metrics[name] = EvaluationFile.read(folder / f"eval_{run}.json")
    return metrics


def script(name: str, *words: str) -> None:
    """Run one of the scripts; what it prints is not shown."""
    subprocess.run([sys.executable, str(REPOSITORY / name), *words], check=True, stdout=subprocess.DEVNULL)


def accuracy(name: str, metrics: Mapping[str, EvaluationFile]) -> list[Row]:
    """The main metric of every task, and by how much all of them are better than the dense network's on average."""
    file, dense = metrics[name], metrics["dense"]
    shown, gains = [], []
    for task, (metric, up) in ((task, next(iter(kinds.items()))) for task, kinds in file.higher_is_better.items()):
        value, usual = file.metrics[task][metric] or 0.0, dense.metrics[task][metric] or 0.0
        shown.append(f"{task} {value:.4g}")
        gains.append((value - usual) / abs(usual) * (1 if up else -1) if usual else 0.0)
    figure = f"sample: {name}{'' if name == 'dense' else ' gone'}"
    rows = [Row("accuracy", f"{figure}, main metrics after {ITERATIONS} iterations", ", ".join(shown))]
    if name != "dense":
        mean = 100 * sum(gains) / len(gains)
        rows.append(Row("accuracy", f"{figure}, change against dense, mean of tasks", f"{mean:+.1f} %"))
    return rows
