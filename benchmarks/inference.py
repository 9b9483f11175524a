"""Time an image of dense, weight-pruned and channel-pruned networks, side by side, and what the pruning costs.

Networks of the sample rooms are trained alike, a short while, through the scripts; full-size ones (``nyuv2``) only
timed, since weights do not change a time.
"""

import copy
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn
from tqdm import tqdm

from benchmarks.timing import Row
from configs import flags, load_config
from configs.paths import REPOSITORY
from models import build_network
from prune_utils.apply import apply_masks
from prune_utils.channels.removal import without_idle_channels
from prune_utils.sparsifiers.base import OneShotInputs
from prune_utils.sparsifiers.registry import build_sparsifier
from reports.evaluation import EvaluationFile
from runtime.device import Runtime, choose_device
from runtime.setup import prepare
from training.exporting.source import open_source
from training.exporting.timing import side_by_side

ITERATIONS = 200
NETWORKS = {"dense": ("baseline", 90), "90 % of weights": ("disparse_static", 90)} | {
    f"{ratio} % of channels": ("disparse_channel", ratio) for ratio in (50, 70)
}
"""What is trained: method and ratio; of channels the ratio is that of the multiply-adds."""
ASKED = {"50 % of channels": ">= 1.6 x"}
FULL_SIZE = (240, 320)
Nets = Mapping[str, nn.Module]


def measure() -> list[Row]:
    """Times an image over the dense network's, and the change of the tasks' main metrics."""
    with tempfile.TemporaryDirectory() as folder:
        trained, metrics, frame = sample_networks(Path(folder))
    rows = [row for name in NETWORKS for row in accuracy(name, metrics)]
    for device in devices():
        for precision in ("fp32", "bf16"):
            rows += times("sample", trained, frame, Runtime(device, precision), repeats=15)
    large = full_size_networks()
    for device in devices():
        # On a CPU without bf16 units a full-size network takes minutes for an image.
        for precision in ("fp32", "bf16") if device.type == "cuda" else ("fp32",):
            rows += times("full size", large, torch.randn(1, 3, *FULL_SIZE), Runtime(device, precision), repeats=3)
    return rows


def devices() -> list[torch.device]:
    """The CPU, and the GPU where there is one."""
    return [torch.device("cpu"), *([choose_device("cuda")] if torch.cuda.is_available() else [])]


def sample_networks(folder: Path) -> tuple[Nets, dict[str, EvaluationFile], Tensor]:
    """Each network after the same training, its metrics, and an image to time."""
    words = ["--num_workers", "0", "--device", "cpu", "--dest", str(folder)]
    setup = prepare(flags.SharedFlags.of(flags.script_parser("").parse_args(words)))
    nets: dict[str, nn.Module] = {}
    metrics = {}
    for name, (method, ratio) in tqdm(NETWORKS.items(), unit="network"):
        which = ["--method", method, "--ratio", str(ratio)]
        if method != "baseline":
            script("create_pruned_net.py", *which, *words)
        script("launch_training.py", *which, "--max_iters", str(ITERATIONS), *words)
        script("eval_pruned_net.py", *which, *words)
        run = "sample_baseline" if method == "baseline" else f"sample_{method}_{ratio}"
        metrics[name] = EvaluationFile.read(folder / f"eval_{run}.json")
        source = open_source(setup, folder / f"final_{run}.pth", None, 1)
        nets[name] = source.smaller[0] if "channel" in method else source.net
    return nets, metrics, source.frames[0]


def script(name: str, *words: str) -> None:
    """Run one of the scripts; what it prints is not shown."""
    subprocess.run([sys.executable, str(REPOSITORY / name), *words], check=True, stdout=subprocess.DEVNULL)


def full_size_networks() -> Nets:
    """The full-size network, dense and pruned by magnitude as it is initialised."""
    config = load_config("nyuv2")
    torch.manual_seed(0)
    net = build_network(config.model, {name: task.channels for name, task in config.tasks.items()}).eval()
    example = torch.zeros(1, 3, *FULL_SIZE)
    unused = partial(dict)
    nets: dict[str, nn.Module] = {"dense": net}
    for name, (method, ratio) in list(NETWORKS.items())[1:]:
        by_size = "magnitude_channel" if "channel" in method else "magnitude"
        inputs = OneShotInputs(net, list(net.heads), ratio, None, 0, unused, unused, lambda: example)
        pruned = copy.deepcopy(net)
        apply_masks(pruned, build_sparsifier(by_size, config).masks(inputs)[0])
        nets[name] = without_idle_channels(pruned, example)[0].eval() if "channel" in method else pruned
    return nets


def times(what: str, nets: Nets, frame: Tensor, runtime: Runtime, repeats: int) -> list[Row]:
    """Time an image of each network on one device in one precision."""
    works: dict[str, Callable[[], object]] = {}
    for name, net in nets.items():
        moved = net.to(runtime.device).to(memory_format=torch.contiguous_format)
        works[name] = partial(runtime.arrange(moved), frame.to(runtime.device))
    with torch.no_grad(), runtime.autocast():
        seconds = side_by_side(works, repeats, runtime.device)
    place = f"{what}, {runtime.device.type} {runtime.precision}"
    dense = seconds["dense"]
    rows = [Row("inference", f"{place}: dense, an image", f"{1e3 * dense:.1f} ms")]
    for name in list(nets)[1:]:
        asked = ASKED.get(name, "") if runtime.precision == "fp32" else ""
        times_as_fast = f"{dense / seconds[name]:.2f} x"
        rows.append(Row("inference", f"{place}: {name} gone, as fast as dense", times_as_fast, asked))
    return rows


def accuracy(name: str, metrics: Mapping[str, EvaluationFile]) -> list[Row]:
    """The main metric of every task, and by how much all of them are better than the dense network's on average."""
    file, dense = metrics[name], metrics["dense"]
    shown, gains = [], []
    for task, (metric, up) in ((task, next(iter(kinds.items()))) for task, kinds in file.higher_is_better.items()):
        value, usual = file.metrics[task][metric] or 0.0, dense.metrics[task][metric] or 0.0
        shown.append(f"{task} {value:.4g}")
        gains.append((value - usual) / abs(usual) * (1 if up else -1) if usual else 0.0)
    figure = f"sample: {name}{'' if name == 'dense' else ' gone'}"
    rows = [Row("inference", f"{figure}, main metrics after {ITERATIONS} iterations", ", ".join(shown))]
    if name != "dense":
        mean = 100 * sum(gains) / len(gains)
        rows.append(Row("inference", f"{figure}, change against dense, mean of tasks", f"{mean:+.1f} %"))
    return rows
