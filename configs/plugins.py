"""Finding a named thing: in a registry, or in the user's own code as ``module:attribute``."""

import importlib
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from configs.errors import UserError


def resolve(name: str, registry: Mapping[str, Any], what: str, folder: Path | None = None) -> Any:
    """Return ``registry[name]``, or the attribute that ``module:attribute`` names.

    Args:
        name: a registry key or ``module:attribute``.
        registry: the built-in choices.
        what: the kind of thing and where it was asked for, for messages ("data set (my.yaml: data.dataset)").
        folder: where the user's module may lie, beside the current folder; usually that of the YAML file.

    Raises:
        UserError: no such name, module or attribute.
    """
    if name in registry:
        return registry[name]
    module_name, colon, attribute = name.partition(":")
    if not colon or not module_name or not attribute or module_name.startswith("."):
        choices = ", ".join(sorted(registry))
        raise UserError(f"unknown {what}: '{name}'; choose from {choices}, or give your own as module:attribute")
    for place in (Path.cwd(), folder):
        if place is not None and str(place) not in sys.path:
            sys.path.append(str(place))
    try:
        return getattr(importlib.import_module(module_name), attribute)
    except ModuleNotFoundError as error:
        raise UserError(
            f"{what}: cannot import '{module_name}' for '{name}' ({error}); "
            f"put the module beside the YAML file or into the current folder"
        ) from error
    except AttributeError as error:
        raise UserError(f"{what}: module '{module_name}' has no attribute '{attribute}'") from error
