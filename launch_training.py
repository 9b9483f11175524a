"""Train a multi-task network: dense, pruned by create_pruned_net.py, or sparse while it trains.

Writes best_, last_ and final_<run>.pth, a log (<run>.csv) and a picture of it (<run>.png). A run that was cut off at
any moment goes on with --resume. Several processes: torchrun --nproc_per_node=N launch_training.py ...
"""

import argparse
import sys

from configs import flags


def main() -> None:
    arguments = parse_arguments()
    from runtime import device
    from runtime.setup import VALIDATION, prepare
    from training.job import make_job

    setup = prepare(flags.SharedFlags.of(arguments), splits=("train", VALIDATION))
    job = make_job(setup, arguments.method, arguments.ratio, arguments.max_iters)
    with setup.runtime.alone(job.lock, f"train '{job.name}' in {setup.dest}"):
        run(job, arguments)
    device.stop()


def run(job, arguments: argparse.Namespace) -> None:
    """Train from the beginning or from where the run was cut off."""
    from dataloaders import validation_split
    from runtime.provenance import Stopwatch, provenance
    from training.checkpoints.keeping import draw_run, is_drawn
    from training.checkpoints.networks import open_network
    from training.checkpoints.resume import check_space, earlier_run, is_finished, iteration_of
    from training.job import starting_network
    from training.loop.trainer import Trainer

    checkpoint = earlier_run(job, arguments.resume, arguments.force)
    if is_finished(job, checkpoint):
        say(job, f"Finished already: {job.final}; to train longer, give more --max_iters")
        if job.log.exists() and not is_drawn(job):
            draw_run(job, validation_split(job.setup.config))
        return
    if arguments.resume:
        begin = f"iteration {iteration_of(checkpoint)}" if checkpoint else "the beginning, there is no earlier run"
        say(job, f"Starting from {begin}")
    net = starting_network(job) if checkpoint is None else open_network(job.setup, job.last)[0]
    check_space(job, net)
    trainer = Trainer(job, net, checkpoint)
    split, watch = trainer.split, Stopwatch()
    with watch.stage("training, validation and saving"):
        trainer.train()
    report(job, split, trainer.iteration - iteration_of(checkpoint), provenance(job.setup.runtime, watch.seconds))


def parse_arguments() -> argparse.Namespace:
    parser = flags.script_parser(__doc__ or "")
    add = parser.add_argument_group("training").add_argument
    add("--method", default="baseline",
        help="baseline: dense; sparse: disparse_static, disparse_pt, disparse_dynamic, snip, magnitude, random, rigl, "
        "disparse_channel, magnitude_channel or your own as module:attribute")
    add("--ratio", type=flags.percentage, default=90, help="sparsity in percent; a baseline has none")
    add("--max_iters", type=flags.positive, help="iterations; default: train.max_iters, or retrain.max_iters")
    add("--resume", action="store_true", help="go on from last_<run>.pth where there is one")
    add("--force", action="store_true", help="start anew and remove an earlier run's checkpoints")
    add("--regrow", choices=["stored", "zero"], help="disparse_dynamic: value of a weight that grows back")
    arguments = parser.parse_args()
    if arguments.regrow is not None:
        arguments.overrides = (*arguments.overrides, f"dynamic.regrow={arguments.regrow}")
    return arguments


def report(job, split: str, steps: int, cost: dict) -> None:
    """What it cost, where everything is, and what comes next."""
    from reports.costs import memory_text
    from reports.wording import counted

    took = f"{counted(steps, 'iteration')} in {sum(cost['seconds'].values()):.1f} s"
    say(job, f"{took}, validation and saving included; peak memory {memory_text(cost)}")
    say(job, f"Network: {job.final} (the best one on the split '{split}': {job.best})")
    say(job, f"Log: {job.log}\nPicture: {job.picture}")
    ratio = [] if job.ratio is None else ["--ratio", str(job.ratio)]
    say(job, f"Evaluate it: {job.setup.flags.command('eval_pruned_net.py', '--method', job.method, *ratio)}")


def say(job, text: str) -> None:
    """Print, from one process only, above any progress bar."""
    from tqdm import tqdm

    if job.setup.runtime.is_main:
        tqdm.write(text, file=sys.stdout)


if __name__ == "__main__":
    flags.run_script(main)
