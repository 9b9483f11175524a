"""Prune a multi-task network once, at initialisation or after training, and save it.

Scores say how much each task leans on each weight; a method turns them into masks. The sparsity counts the weights
of every convolution and linear layer of the backbone and of all heads. launch_training.py trains the saved network.
"""

import argparse
import shlex
from functools import partial
from pathlib import Path
from typing import Any

from tqdm import tqdm

from configs import UserError, flags
from models import MultitaskNet
from prune_utils.apply import apply_masks, kept_counts
from prune_utils.layers import Masks
from prune_utils.masks import parse_keep_ratio
from prune_utils.sparsifiers import OneShot, Request, one_shot
from reports.layer_figures import draw_sparsity
from reports.sparsity import sparsity_by_part, sparsity_text
from runtime import device
from runtime.passes import joint_loss_magnitudes, task_magnitudes
from runtime.setup import Setup, prepare
from training.checkpoints import capture, read_checkpoint, restore, write_checkpoint
from training.names import BASELINE, best_path, final_path, pruned_path, run_name


def main() -> None:
    arguments = parse_arguments()
    method = one_shot(arguments.method)
    criterion = choose_criterion(arguments, method)
    setup = prepare(arguments)
    source = trained_checkpoint(arguments, setup) if method.trained else None
    net = starting_network(setup, source)
    num_batches = arguments.num_batches or setup.config.scoring.num_batches
    masks, keep_ratio = make_masks(arguments, setup, method, criterion, net, num_batches)
    if not any(bool(mask.any()) for mask in masks.values()):
        raise UserError(f"--keep_ratio: {arguments.keep_ratio} keeps not a single weight; give a larger one")
    if setup.runtime.is_main:
        apply_masks(net, masks)
        details = {
            "seed": setup.seed,
            "num_batches": num_batches,
            "criterion": criterion,
            "keep_ratio": keep_ratio,
            "trained_weights": None if source is None else str(source),
        }
        save_and_report(arguments, setup, net, details)
    device.stop()


def parse_arguments() -> argparse.Namespace:
    parser = flags.script_parser(__doc__ or "")
    add = parser.add_argument_group("pruning").add_argument
    add("--method", default="disparse_static", help="disparse_static, disparse_pt, snip, magnitude or random")
    add("--ratio", type=flags.percentage, default=90, help="share of weights to prune, in percent")
    add("--num_batches", type=flags.positive, help="batches to score with; default: scoring.num_batches")
    add("--keep_ratio", default="exact",
        help="share of weights that a task keeps: exact (so that the network has the sparsity), published or a number")
    add("--criterion", choices=["gradient", "l1"], help="what disparse_pt scores weights by; default: gradient")
    add("--checkpoint", type=Path, help="trained network for disparse_pt, magnitude; default: the baseline in --dest")
    arguments = parser.parse_args()
    arguments.keep_ratio = parse_keep_ratio(arguments.keep_ratio)
    return arguments


def choose_criterion(arguments: argparse.Namespace, method: OneShot) -> Any:
    """What the method scores weights by; None where it offers no choice."""
    if arguments.checkpoint is not None and not method.trained:
        raise UserError(f"--checkpoint: {arguments.method} prunes a network at initialisation; leave the flag out")
    if arguments.criterion is None:
        return next(iter(method.criteria), None)
    if arguments.criterion not in method.criteria:
        raise UserError(f"--criterion: {arguments.method} has no choice of criteria; leave the flag out")
    return arguments.criterion


def trained_checkpoint(arguments: argparse.Namespace, setup: Setup) -> Path:
    """The checkpoint whose network is to be pruned: --checkpoint, or the baseline's final or best one in --dest."""
    if arguments.checkpoint is not None:
        return arguments.checkpoint
    run = run_name(setup, BASELINE, None)
    candidates = [final_path(setup.dest, run), best_path(setup.dest, run)]
    for path in candidates:
        if path.is_file():
            return path
    command = ["python", "launch_training.py", "--method", BASELINE, *flags.repeated(arguments)]
    raise UserError(
        f"{arguments.method} prunes a trained network, and there is no {candidates[0]}; "
        f"first run: {shlex.join(command)}    (or name a trained network with --checkpoint)"
    )


def starting_network(setup: Setup, source: Path | None) -> MultitaskNet:
    """The network at initialisation, or with the weights of the checkpoint."""
    net = setup.network()
    if source is not None:
        checkpoint = read_checkpoint(source, list(setup.tasks))
        if checkpoint.masks:
            raise UserError(f"{source}: this network is pruned already; name a dense one with --checkpoint")
        restore(net, checkpoint, source)
    return net


def make_masks(
    arguments: argparse.Namespace, setup: Setup, method: OneShot, criterion: Any, net: MultitaskNet, num_batches: int
) -> tuple[Masks, float]:
    """The method's masks, and the keep ratio that led to them; a progress bar while it scores."""

    def with_bar(measure: Any, network: MultitaskNet) -> Any:
        with tqdm(total=num_batches, unit="batch", desc="scoring", disable=not setup.runtime.is_main) as bar:
            return measure(setup, network, num_batches=num_batches, seed=setup.seed, bar=bar)

    published = setup.config.scoring.keep_ratios
    request = Request(
        net=net,
        tasks=list(setup.tasks),
        sparsity=arguments.ratio,
        keep_ratio=method.keep_ratio(arguments.keep_ratio, arguments.ratio, published),
        criterion=criterion,
        seed=setup.seed,
        erk_power=setup.config.dynamic.erk_power,
        task_magnitudes=partial(with_bar, task_magnitudes),
        joint_magnitudes=partial(with_bar, joint_loss_magnitudes),
    )
    return method.masks(request)


def save_and_report(arguments: argparse.Namespace, setup: Setup, net: MultitaskNet, details: dict[str, Any]) -> None:
    """Write the checkpoint and the picture, print the table."""
    path = pruned_path(setup, arguments.method, arguments.ratio)
    picture = path.with_name(f"{path.stem}_layers.png")
    write_checkpoint(path, capture(setup, net, arguments.method, arguments.ratio, details=details))
    counts = kept_counts(net)
    title = f"{setup.config.name}, {arguments.method}, {arguments.ratio} %"
    draw_sparsity(counts, picture, title)
    weights = details["trained_weights"] or f"initialisation of seed {setup.seed}"
    whole = sparsity_by_part(counts).loc["all"]
    print(sparsity_text(counts))
    print(f"\n{title}: {whole['kept']:,.0f} of {whole['weights']:,.0f} weights kept")
    print(f"Sparsity {whole['sparsity']:.4f} %, keep ratio {details['keep_ratio']:.5f}; weights: {weights}")
    if abs(whole["sparsity"] - arguments.ratio) > 0.01:
        print(f"That is not the {arguments.ratio} % in the file's name: --keep_ratio exact would make it so")
    print(f"Network: {path}\nPicture: {picture}")
    command = ["python", "launch_training.py", "--method", arguments.method, "--ratio", str(arguments.ratio)]
    print(f"Train it: {shlex.join([*command, *flags.repeated(arguments)])}")


if __name__ == "__main__":
    flags.run_script(main)
