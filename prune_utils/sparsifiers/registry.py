"""The pruning methods by name. A new one is one file beside this and one line here, or ``module:attribute``."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from configs.errors import UserError
from configs.plugins import resolve
from configs.schema import Config, describe

if TYPE_CHECKING:
    from prune_utils.sparsifiers.base import Sparsifier

SPARSIFIERS = {
    "disparse_static": "prune_utils.sparsifiers.disparse_static:DisparseStatic",
    "disparse_pt": "prune_utils.sparsifiers.disparse_pt:DisparsePretrained",
    "disparse_dynamic": "prune_utils.sparsifiers.disparse_dynamic:DisparseDynamic",
    "snip": "prune_utils.sparsifiers.snip:Snip",
    "magnitude": "prune_utils.sparsifiers.magnitude:Magnitude",
    "random": "prune_utils.sparsifiers.random:Random",
    "disparse_channel": "prune_utils.sparsifiers.disparse_channel:DisparseChannel",
    "magnitude_channel": "prune_utils.sparsifiers.magnitude_channel:MagnitudeChannel",
    "two_four": "prune_utils.sparsifiers.two_four:TwoFour",
    "rigl": "prune_utils.sparsifiers.rigl:RigL",
}
"""Where each method is found; it is loaded when it is asked for, since that takes torch."""


def build_sparsifier(name: str, config: Config, options: Mapping[str, Any] | None = None) -> "Sparsifier":
    """A method with its options: those of the section ``dynamic`` that it has, of ``pruning.<name>``, and these.

    Args:
        name: a key of ``SPARSIFIERS`` or ``module:attribute``.
        options: given by flags of the same names.

    Raises:
        UserError: an unknown method, not a pruning method, or an option that it does not have or cannot take.
    """
    kind = find_sparsifier(name, config)
    shared = {key: value for key, value in config.dynamic.model_dump().items() if key in kind.model_fields}
    for option in options or {}:
        if option not in kind.model_fields:
            choices = ", ".join(kind.model_fields)
            known = f"its options are {choices}" if choices else "it has no options"
            raise UserError(f"--{option}: {name} has no such option ({known}); leave the flag out")
    try:
        return kind(**{**shared, **config.pruning.get(name, {}), **(options or {})})
    except ValidationError as error:
        raise UserError(f"{config.source}: {describe(error, f'pruning.{name}')}") from error


def find_sparsifier(name: str, config: Config) -> "type[Sparsifier]":
    """The class of a method.

    Raises:
        UserError: there is none of that name, or it is no pruning method.
    """
    from prune_utils.sparsifiers.base import Sparsifier

    folder, what = config.source.parent, "method (--method; baseline: a dense network)"
    found = resolve(name, SPARSIFIERS, what, folder)
    if isinstance(found, str):
        found = resolve(found, {}, what)
    if not (isinstance(found, type) and issubclass(found, Sparsifier)):
        raise UserError(f"--method: '{name}' is no pruning method (see prune_utils/sparsifiers/base.py)")
    if missing := ", ".join(sorted(found.__abstractmethods__)):
        raise UserError(f"--method: the class '{name}' lacks {missing}; add it")
    return found
