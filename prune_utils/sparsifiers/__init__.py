"""Pruning methods: one file each, and these registries."""

from configs.errors import UserError
from prune_utils.sparsifiers.base import Dynamic, OneShot, Request, Run
from prune_utils.sparsifiers.disparse_dynamic import DisparseDynamic
from prune_utils.sparsifiers.disparse_pt import DisparsePretrained
from prune_utils.sparsifiers.disparse_static import DisparseStatic
from prune_utils.sparsifiers.magnitude import Magnitude
from prune_utils.sparsifiers.random import Random
from prune_utils.sparsifiers.rigl import RigL
from prune_utils.sparsifiers.snip import Snip

ONE_SHOT: dict[str, type[OneShot]] = {
    "disparse_static": DisparseStatic,
    "disparse_pt": DisparsePretrained,
    "snip": Snip,
    "magnitude": Magnitude,
    "random": Random,
}
DYNAMIC: dict[str, type[Dynamic]] = {"disparse_dynamic": DisparseDynamic, "rigl": RigL}
SPARSIFIERS: dict[str, type[OneShot] | type[Dynamic]] = {**ONE_SHOT, **DYNAMIC}

__all__ = ["DYNAMIC", "ONE_SHOT", "SPARSIFIERS", "Dynamic", "OneShot", "Request", "Run", "one_shot"]


def one_shot(name: str) -> OneShot:
    """The method that prunes at once, by its name.

    Raises:
        UserError: there is none of that name, or it prunes while the network trains.
    """
    if name in ONE_SHOT:
        return ONE_SHOT[name]()
    if name in DYNAMIC:
        raise UserError(
            f"--method: {name} prunes while the network trains; run launch_training.py --method {name}"
        )
    raise UserError(f"--method: unknown method '{name}'; choose from {', '.join(ONE_SHOT)}")
