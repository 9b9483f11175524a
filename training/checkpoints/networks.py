"""Networks on disk: which file is meant, and what to run first if there is none."""

from collections.abc import Sequence
from pathlib import Path

import torch

from configs import UserError
from models import MultitaskNet
from prune_utils.sparsifiers.registry import find_sparsifier
from runtime.setup import Setup
from training.checkpoints.checkpoint import SMALL, Checkpoint, read_checkpoint, restore
from training.names import BASELINE, best_path, final_path, pruned_path, run_name


def find_run(setup: Setup, method: str, ratio: int | None) -> tuple[str, Path]:
    """A run's name and its network: the final one, or else the best or the merely pruned one.

    Raises:
        UserError: there is none; the message says what to run first.
    """
    if method != BASELINE:
        find_sparsifier(method, setup.config)  # a misspelt method is a mistake of its own, not a run that is missing
    run = run_name(setup, method, ratio)
    candidates = [final_path(setup.dest, run), best_path(setup.dest, run), pruned_path(setup, method, ratio)]
    chosen = [] if ratio is None else ["--ratio", str(ratio)]
    train = setup.flags.command("launch_training.py", "--method", method, *chosen)
    return run, _first(candidates, f"{setup.dest} has no {candidates[0].name}; first run: {train}")


def find_trained(setup: Setup, method: str) -> Path:
    """The dense network that a method prunes: the baseline's final one, or else its best.

    Raises:
        UserError: there is none; the message says what to run first.
    """
    run = run_name(setup, BASELINE, None)
    candidates = [final_path(setup.dest, run), best_path(setup.dest, run)]
    train = setup.flags.command("launch_training.py", "--method", BASELINE)
    missing = f"{method} prunes a trained network, and there is no {candidates[0]}; first run: {train}"
    return _first(candidates, missing)


def network_to_evaluate(
    setup: Setup, method: str, ratio: int | None, named: Path | None
) -> tuple[str, Path, MultitaskNet, Checkpoint]:
    """The network of a run, or that of a file, which may have further tasks.

    Args:
        named: the file; None: the run of this method and sparsity.

    Returns:
        a name for what is said of it, the file, the network, and what else is in the file.

    Raises:
        UserError: there is none, or it cannot be used.
    """
    if named is None:
        run, path = find_run(setup, method, None if method == BASELINE else ratio)
        return run, path, *open_network(setup, path)
    whole = read_checkpoint(named, list(setup.tasks))
    part = whole.only(list(setup.tasks))
    run = named.stem if len(part.tasks) == len(whole.tasks) else "_".join([named.stem, *setup.tasks])
    return run, named, _restored(setup, part, named), part


def open_network(setup: Setup, path: Path) -> tuple[MultitaskNet, Checkpoint]:
    """The network in a checkpoint, on the device, with its masks.

    Raises:
        UserError: the file cannot be used.
    """
    checkpoint = read_checkpoint(path, list(setup.tasks))
    return _restored(setup, checkpoint, path), checkpoint


def _restored(setup: Setup, checkpoint: Checkpoint, path: Path) -> MultitaskNet:
    net = setup.network(with_weights=False)
    restore(net, checkpoint, path)
    if checkpoint.details.get(SMALL):
        _check_passes(net, setup, path)
    return net


@torch.no_grad()
def _check_passes(net: MultitaskNet, setup: Setup, path: Path) -> None:
    """See that the layers of a smaller network fit one another, which its own file alone says.

    Raises:
        UserError: they do not.
    """
    try:
        net.eval()(torch.zeros(1, 3, *setup.config.data.crop, device=setup.runtime.device))
    except RuntimeError as error:
        raise UserError(f"{path}: the layers of this smaller network do not fit one another; export it anew") from error
    net.train()


def _first(candidates: Sequence[Path], missing: str) -> Path:
    for path in candidates:
        if path.is_file():
            return path
    raise UserError(f"{missing}    (or name a file with --checkpoint)")
