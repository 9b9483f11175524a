"""Prune a multi-task network once, at initialisation or after training, and save it.

Scores say how much each task leans on each weight; a method turns them into masks. The sparsity counts the weights
of every convolution and linear layer of the backbone and of all heads; of a method that prunes whole channels, their
multiply-adds. launch_training.py trains the saved network.
"""

import argparse
from pathlib import Path
from typing import Any

from configs import Config, UserError, flags
from configs.paths import set_aside
from prune_utils.keep_ratio import parse_keep_ratio


def main() -> None:
    arguments = parse_arguments()
    from prune_utils.apply import apply_masks, kept_counts
    from runtime import device
    from runtime.setup import prepare
    from training.checkpoints.checkpoint import capture, write_checkpoint
    from training.checkpoints.identities import other_than, pruning_identity
    from training.checkpoints.networks import find_trained
    from training.names import pruned_path
    from training.pruning import network_to_prune, prune

    shared = flags.SharedFlags.of(arguments)
    method = choose_method(arguments, shared)
    setup = prepare(shared)
    source = (arguments.checkpoint or find_trained(setup, arguments.method)) if method.trained else None
    net, trained = network_to_prune(setup, source)
    num_batches = arguments.num_batches or setup.config.scoring.num_batches
    wanted = {"ratio": arguments.ratio, "keep_ratio": arguments.keep_ratio, "num_batches": num_batches}
    identity = pruning_identity(setup, arguments.method, method, **wanted, source=trained)
    path = pruned_path(setup, arguments.method, arguments.ratio)
    masks, keep_ratio = prune(setup, method, net, **wanted)
    if setup.runtime.is_main:
        apply_masks(net, masks)
        details = {
            "seed": setup.seed,
            "num_batches": num_batches,
            "keep_ratio": keep_ratio,
            "trained_weights": None if source is None else str(source),
            **method.model_dump(),
        }
        made = capture(setup, net, arguments.method, arguments.ratio, details=details, identity=identity)
        if difference := other_than(path, list(setup.tasks), identity):
            print(f"{path} was another network ({difference}); it is {set_aside(path)} now")
        write_checkpoint(path, made)
        report(arguments, setup.config, path, kept_counts(net), details)
        if method.ratio_of == "multiply-adds":
            print(saving_text(setup, net))
        words = ("--method", arguments.method, "--ratio", str(arguments.ratio))
        print(f"Train it: {shared.command('launch_training.py', *words)}")
    device.stop()


def parse_arguments() -> argparse.Namespace:
    parser = flags.script_parser(__doc__ or "")
    add = parser.add_argument_group("pruning").add_argument
    add("--method", default="disparse_static",
        help="disparse_static, disparse_pt, snip, magnitude, random; whole channels: disparse_channel, "
        "magnitude_channel; or your own as module:attribute")
    add("--ratio", type=flags.percentage, default=90,
        help="share of the weights to prune, in percent; of whole channels: of the multiply-adds")
    add("--num_batches", type=flags.positive, help="batches to score with; default: scoring.num_batches")
    add("--keep_ratio", default="exact",
        help="share of weights (channels) that a task keeps: exact (so that the network has the sparsity), published "
        "or a number")
    add("--criterion", help="what the method scores weights by, if it has a choice (disparse_pt: gradient, l1)")
    add("--checkpoint", type=Path, help="trained network, for methods that prune one; default: the baseline in --dest")
    arguments = parser.parse_args()
    arguments.keep_ratio = parse_keep_ratio(arguments.keep_ratio)
    return arguments


def choose_method(arguments: argparse.Namespace, shared: flags.SharedFlags) -> Any:
    """The method with its options, if it prunes once and fits the other flags."""
    from prune_utils.sparsifiers.base import OneShot
    from prune_utils.sparsifiers.registry import build_sparsifier

    options = {} if arguments.criterion is None else {"criterion": arguments.criterion}
    method = build_sparsifier(arguments.method, shared.settings(), options)
    if not isinstance(method, OneShot):
        train = shared.command("launch_training.py", "--method", arguments.method)
        raise UserError(f"--method: {arguments.method} prunes while the network trains; run {train}")
    if arguments.checkpoint is not None and not method.trained:
        raise UserError(f"--checkpoint: {arguments.method} prunes a network at initialisation; leave the flag out")
    return method


def report(
    arguments: argparse.Namespace, config: Config, path: Path, counts: dict[str, tuple[int, int]],
    details: dict[str, Any],
) -> None:  # fmt: skip
    """How sparse each layer is, as a table and as a picture, and where everything is."""
    from reports.similarity.layer_figures import draw_sparsity
    from reports.sparsity import collapse_text, sparsity_by_part, sparsity_text

    title = f"{config.name}, {arguments.method}, {arguments.ratio} %"
    picture = path.with_name(f"{path.stem}_layers.png")
    draw_sparsity(counts, picture, title)
    whole = sparsity_by_part(counts).loc["all"]
    seed, pretrained = details["seed"], config.model.weights
    begins = f"initialisation of seed {seed}" if pretrained is None else f"{pretrained}, heads of seed {seed}"
    weights = details["trained_weights"] or begins
    print(sparsity_text(counts))
    print(f"\n{title}: {whole['kept']:,.0f} of {whole['weights']:,.0f} weights kept")
    print(f"Sparsity {whole['sparsity']:.4f} %, keep ratio {details['keep_ratio']:.5f}; weights: {weights}")
    if arguments.keep_ratio != "exact" and abs(whole["sparsity"] - arguments.ratio) > 0.01:
        print(f"That is not the {arguments.ratio} % in the file's name: --keep_ratio exact would make it so")
    if collapsed := collapse_text(counts):
        print(collapsed)
    print(f"Network: {path}\nPicture: {picture}")


def saving_text(setup: Any, net: Any) -> str:
    """What removing whole channels saves."""
    from training.costs import image_size, multiply_adds

    adds = multiply_adds(net, *image_size(setup))
    return f"Multiply-adds for an image: {adds.sparse:,} of {adds.dense:,}; {adds.saved:.2f} % removed"


if __name__ == "__main__":
    flags.run_script(main)
