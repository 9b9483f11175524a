"""Train a multi-task network: dense, pruned by create_pruned_net.py, or sparse while it trains.

Writes best_, last_ and final_<run>.pth, a log (<run>.csv) and a picture of it (<run>.png). A run that was cut off at
any moment goes on with --resume. Several processes: torchrun --nproc_per_node=N launch_training.py ...
"""

import argparse
import shlex
import sys

from tqdm import tqdm

from configs import flags
from models import MultitaskNet
from runtime import device
from runtime.provenance import Stopwatch, provenance
from runtime.setup import prepare
from training.checkpoints import Checkpoint, restore
from training.job import METHODS, Job, make_job, starting_network
from training.loop import Trainer
from training.names import BASELINE
from training.resume import check_space, earlier_run, is_finished, iteration_of


def main() -> None:
    arguments = parse_arguments()
    setup = prepare(arguments)
    job = make_job(setup, arguments.method, arguments.ratio, arguments.max_iters)
    checkpoint = earlier_run(job, arguments.resume, arguments.force)
    if is_finished(job, checkpoint):
        say(job, f"Finished already: {job.final}; to train longer, give more --max_iters")
        return device.stop()
    if arguments.resume:
        begin = f"iteration {iteration_of(checkpoint)}" if checkpoint else "the beginning, there is no earlier run"
        say(job, f"Starting from {begin}")
    trainer = Trainer(job, network(job, checkpoint, arguments), checkpoint)
    watch = Stopwatch()
    with watch.stage("training, validation and saving"):
        trainer.train()
    report(job, watch, trainer.iteration - iteration_of(checkpoint), arguments)
    return device.stop()


def parse_arguments() -> argparse.Namespace:
    parser = flags.script_parser(__doc__ or "")
    add = parser.add_argument_group("training").add_argument
    add("--method", choices=METHODS, default=BASELINE, help="baseline: dense; the others: sparse")
    add("--ratio", type=flags.percentage, default=90, help="sparsity in percent; a baseline has none")
    add("--max_iters", type=flags.positive, help="iterations; default: train.max_iters, or retrain.max_iters")
    add("--resume", action="store_true", help="go on from last_<run>.pth where there is one")
    add("--force", action="store_true", help="start anew and remove an earlier run's checkpoints")
    add("--regrow", choices=["stored", "zero"], help="disparse_dynamic: value of a weight that grows back")
    arguments = parser.parse_args()
    if arguments.regrow is not None:
        arguments.overrides.append(f"dynamic.regrow={arguments.regrow}")
    return arguments


def network(job: Job, checkpoint: Checkpoint | None, arguments: argparse.Namespace) -> MultitaskNet:
    """The network to train, after a look at the disk's free space."""
    if checkpoint is None:
        net = starting_network(job, arguments)
    else:
        net = job.setup.network()
        restore(net, checkpoint, job.last)
    check_space(job, net)
    return net


def report(job: Job, watch: Stopwatch, steps: int, arguments: argparse.Namespace) -> None:
    """What it cost, where everything is, and what comes next."""
    cost = provenance(job.setup.runtime, watch.seconds)
    seconds = sum(watch.seconds.values())
    memory = f"{cost['peak_memory_mb'] / 1024:.1f} GiB"
    if cost["peak_device_memory_mb"] is not None:
        memory += f", {cost['peak_device_memory_mb'] / 1024:.1f} GiB on the GPU"
    ratio = [] if job.ratio is None else ["--ratio", str(job.ratio)]
    command = ["python", "eval_pruned_net.py", "--method", job.method, *ratio, *flags.repeated(arguments)]
    say(job, f"{steps} iterations in {seconds:.1f} s, validation and saving included; peak memory {memory}")
    say(job, f"Network: {job.final} (best validation: {job.best})")
    say(job, f"Log: {job.log}\nPicture: {job.picture}")
    say(job, f"Evaluate it: {shlex.join(command)}")


def say(job: Job, text: str) -> None:
    """Print, from one process only."""
    if job.setup.runtime.is_main:
        tqdm.write(text, file=sys.stdout)


if __name__ == "__main__":
    flags.run_script(main)
